#include "cache.h"

#include <base/io.h>
#include <base/json.h>
#include <base/log.h>
#include <base/mem.h>
#include <registry/image.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RECORD_CAP = 64 * 1024 };

/* Raised whenever a step would come out differently than an earlier version made it. */
static const char KEY_VERSION[] = "imgbuild-step-3";

struct cache_key {
    struct digester *digester;
};

static void add_text(struct digester *h, const char *text)
{
    digester_add(h, text, strlen(text) + 1);
}

struct cache_key *cache_key_new(const struct digest *parent, const char *kind)
{
    struct cache_key *key = mem_zalloc(1, sizeof *key);
    key->digester = digester_new();
    add_text(key->digester, KEY_VERSION);
    add_text(key->digester, parent->text);
    add_text(key->digester, kind);
    return key;
}

void cache_key_add(struct cache_key *key, const char *name, const char *value)
{
    digester_add(key->digester, value ? "+" : "-", 1);
    add_text(key->digester, name);
    add_text(key->digester, value ? value : "");
}

void cache_key_finish(struct cache_key *key, struct digest *out)
{
    digester_finish(key->digester, out);
    digester_free(key->digester);
    free(key);
}

static char *record_path(const struct digest *key)
{
    return mem_printf("steps/%s.json", digest_hex(key));
}

/* "gzip:2": what a blob was made with, so that another wish makes another blob. */
char *cache_compression_text(const struct compression *c)
{
    return mem_printf("%s:%d%s", compression_name(c->kind), c->level,
                      c->single_member ? ":single" : "");
}

static int parse_blob(const json_t *blob, struct layer *layer, struct error *err)
{
    const char *digest = NULL, *media_type = NULL;
    int64_t size = -1;
    struct digest parsed;
    if (json_get_string(blob, "digest", "", "cache", &digest, err) ||
        json_get_string(blob, "mediaType", "", "cache", &media_type, err) ||
        json_get_int(blob, "size", -1, "cache", &size, err) || digest_parse(digest, &parsed, err))
        return -1;
    static const char *const known[] = {MEDIA_OCI_LAYER, MEDIA_OCI_LAYER_GZIP,
                                        MEDIA_OCI_LAYER_ZSTD};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (!strcmp(known[i], media_type))
            layer->media_type = known[i];
    layer->digest = parsed;
    layer->size = size;
    return 0;
}

static int parse_record(const json_t *json, const struct compression *compression,
                        struct cache_record *out, struct error *err)
{
    struct cache_record record = {.empty = false};
    const char *diff_id = NULL;
    json_t *blobs = NULL;
    if (json_get_bool(json, "empty", false, "cache", &record.empty, err) ||
        json_get_int(json, "created", 0, "cache", &record.created, err) ||
        json_get_string(json, "diffId", NULL, "cache", &diff_id, err) ||
        json_get_object(json, "blobs", "cache", &blobs, err))
        return -1;
    if (!record.empty && digest_parse(diff_id ? diff_id : "", &record.layer.diff_id, err))
        return -1;
    autofree char *name = cache_compression_text(compression);
    const json_t *blob = blobs ? json_object_get(blobs, name) : NULL;
    if (blob && parse_blob(blob, &record.layer, err))
        return -1;
    *out = record;
    return 0;
}

int cache_find(int cache_fd, const struct digest *key, const struct compression *compression,
               struct cache_record *out)
{
    autofree char *path = record_path(key);
    autojson *json = NULL;
    autoerror err = ERROR_INIT;
    if (json_read_file(cache_fd, path, RECORD_CAP, &json, &err) ||
        parse_record(json, compression, out, &err)) {
        if (err.kind != ERROR_MISSING)
            log_debug("cache record %s: %s", path, err.message);
        return 0;
    }
    return 1;
}

int cache_write(int cache_fd, const struct digest *key, const struct compression *compression,
                const struct cache_record *record, struct error *err)
{
    if (mkdirat(cache_fd, "steps", 0755) && errno != EEXIST)
        return error_errno(err, ERROR_HOST, "make the cache's folder");
    autofree char *path = record_path(key);
    autojson *old = NULL;
    autoerror ignored = ERROR_INIT;
    json_t *blobs = NULL;
    if (!json_read_file(cache_fd, path, RECORD_CAP, &old, &ignored))
        blobs = json_incref(json_object_get(old, "blobs"));
    if (!json_is_object(blobs)) {
        json_decref(blobs);
        blobs = json_object();
    }
    autojson *json = json_object();
    json_object_set_new(json, "empty", json_boolean(record->empty));
    json_object_set_new(json, "created", json_integer(record->created));
    if (!record->empty)
        json_object_set_new(json, "diffId", json_string(record->layer.diff_id.text));
    if (digest_is_set(&record->layer.digest)) {
        autofree char *name = cache_compression_text(compression);
        json_object_set_new(blobs, name,
                            json_pack("{s:s, s:s, s:I}", "mediaType", record->layer.media_type,
                                      "digest", record->layer.digest.text, "size",
                                      (json_int_t)record->layer.size));
    }
    json_object_set_new(json, "blobs", blobs);
    autofree char *text = json_text(json);
    return io_write_file(cache_fd, path, text, strlen(text), 0644, 0, err);
}
