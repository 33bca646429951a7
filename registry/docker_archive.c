#include "docker_archive.h"

#include "parallel.h"
#include "transport_ops.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

enum { LAYERS_CAP = 4096 };

/* The archive names no manifest, so one is made of what it has; the blobs keep their bytes. */
struct docker_archive {
    struct image_source source;
    struct tar_file *tar;
    struct manifest manifest;
    char **names; /* of the members: the layers', then the config's */
    size_t layer_count;
};

static bool tag_is(const char *tag, const char *wanted)
{
    if (str_eq(tag, wanted))
        return true;
    autoerror err = ERROR_INIT;
    autoreference a = {0};
    autoreference b = {0};
    if (reference_parse(tag, false, &a, &err) || reference_parse(wanted, false, &b, &err)) {
        error_ignore(&err, "what is no name is not the name");
        return false;
    }
    autofree char *full = reference_text(&a);
    autofree char *other = reference_text(&b);
    return str_eq(full, other);
}

static bool entry_has_tag(const json_t *entry, const char *wanted)
{
    const json_t *tags = json_object_get(entry, "RepoTags");
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *tag = json_string_value(json_array_get(tags, i));
        if (tag && tag_is(tag, wanted))
            return true;
    }
    return false;
}

static int say_tags(const json_t *list, struct error *err)
{
    autostr names = STR_INIT;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *tags = json_object_get(json_array_get(list, i), "RepoTags");
        for (size_t j = 0; j < json_array_size(tags) && names.len < 1000; j++) {
            const char *tag = json_string_value(json_array_get(tags, j));
            str_addf(&names, "%s%.200s", names.len ? ", " : "", tag ? tag : "?");
        }
    }
    return error_hint(err, "it has: %s", names.len ? str_text(&names) : "images without names");
}

static int choose_entry(const json_t *list, const struct reference *ref, const json_t **out,
                        struct error *err)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || !n)
        return error_set(err, ERROR_INPUT, "%s: manifest.json lists no image", ref->path);
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(list, i);
        if (ref->tag ? entry_has_tag(entry, ref->tag) : n == 1) {
            *out = entry;
            return 0;
        }
    }
    if (ref->tag)
        error_set(err, ERROR_MISSING, "%s has no image named “%s”", ref->path, ref->tag);
    else
        error_set(err, ERROR_MISSING, "%s has %zu images: say which", ref->path, n);
    return say_tags(list, err);
}

static const char *layer_type(enum tar_compression compression)
{
    switch (compression) {
    case TAR_PLAIN:
        return MEDIA_OCI_LAYER;
    case TAR_GZIP:
        return MEDIA_OCI_LAYER_GZIP;
    case TAR_ZSTD:
        return MEDIA_OCI_LAYER_ZSTD;
    case TAR_OTHER:
        break;
    }
    return NULL;
}

/* Archives since Docker 25 name their blobs by digest. Whether it is true shows when it is read. */
static bool named_by_digest(const char *name, struct digest *out)
{
    autoerror err = ERROR_INIT;
    if (!str_starts(name, "blobs/") || strlen(name) > 200)
        return false;
    autofree char *text = mem_strdup(name + 6);
    char *slash = strchr(text, '/');
    if (slash)
        *slash = ':';
    if (!digest_parse(text, out, &err))
        return true;
    error_ignore(&err, "some other name");
    return false;
}

static int hash_member(const struct tar_file *tar, const char *name, struct digest *out,
                       struct error *err)
{
    autosource *source = NULL;
    if (tar_file_source(tar, name, &source, err))
        return -1;
    enum { CHUNK = 256 * 1024 };
    autofree char *chunk = mem_alloc(CHUNK);
    autodigester struct digester *h = digester_new();
    ssize_t got;
    while ((got = source_read(source, chunk, CHUNK, err)) > 0)
        digester_add(h, chunk, (size_t)got);
    if (got < 0)
        return -1;
    digester_finish(h, out);
    return 0;
}

struct layers_job {
    struct docker_archive *archive;
    struct descriptor *layers;
    const json_t *diff_ids;
};

static int describe_layer(void *context, size_t i, struct error *err)
{
    struct layers_job *job = context;
    const struct docker_archive *s = job->archive;
    const char *name = s->names[i];
    struct descriptor *d = &job->layers[i];
    unsigned char magic[8];
    autosource *source = NULL;
    if (tar_file_source(s->tar, name, &source, err))
        return -1;
    ssize_t got = source_read_full(source, magic, sizeof magic, err);
    if (got < 0)
        return -1;
    enum tar_compression compression = tar_compression_of(magic, (size_t)got);
    const char *type = layer_type(compression);
    if (!type)
        return error_set(err, ERROR_INPUT, "%s: %s is compressed in a way that no image may be",
                         s->source.ref.path, name);
    d->media_type = mem_strdup(type);
    d->size = tar_file_size(s->tar, name);
    /* The digest of a plain layer is its diff_id, which is checked like any digest when read. */
    const char *diff_id = json_string_value(json_array_get(job->diff_ids, i));
    if (compression == TAR_PLAIN)
        return digest_parse(diff_id ? diff_id : "", &d->digest, err);
    return named_by_digest(name, &d->digest) ? 0 : hash_member(s->tar, name, &d->digest, err);
}

static int read_names(struct docker_archive *s, const json_t *entry, struct error *err)
{
    const char *path = s->source.ref.path;
    const char *config;
    json_t *layers;
    if (json_get_string(entry, "Config", "", path, &config, err) ||
        json_get_array(entry, "Layers", path, &layers, err))
        return -1;
    size_t n = json_array_size(layers);
    if (n > LAYERS_CAP)
        return error_set(err, ERROR_INPUT, "%s: %zu layers are more than %d", path, n, LAYERS_CAP);
    s->names = mem_zalloc(n + 1, sizeof *s->names);
    s->layer_count = n;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(layers, i));
        if (!name)
            return error_set(err, ERROR_INPUT, "%s: a layer's name is not a string", path);
        s->names[i] = mem_strdup(name);
    }
    s->names[n] = mem_strdup(config);
    return 0;
}

static int describe_config(const struct docker_archive *s, struct descriptor *d, json_t **config,
                           struct error *err)
{
    autostr text = STR_INIT;
    if (tar_file_read(s->tar, s->names[s->layer_count], IMAGE_CONFIG_CAP, &text, err) ||
        json_parse_received(str_text(&text), text.len, s->source.ref.path, config, err))
        return -1;
    d->media_type = mem_strdup(MEDIA_OCI_CONFIG);
    d->size = (int64_t)text.len;
    digest_bytes(str_text(&text), text.len, &d->digest);
    return 0;
}

static int make_manifest(struct docker_archive *s, struct error *err)
{
    const char *path = s->source.ref.path;
    struct descriptor config = {0};
    autojson *json = NULL;
    size_t n = s->layer_count;
    struct descriptor *layers = mem_zalloc(n ? n : 1, sizeof *layers);
    int failed = describe_config(s, &config, &json, err);
    const json_t *diff_ids = json_object_get(json_object_get(json, "rootfs"), "diff_ids");
    if (!failed && json_array_size(diff_ids) != n)
        failed = error_set(err, ERROR_INPUT, "%s: the config lists %zu layers, manifest.json %zu",
                           path, json_array_size(diff_ids), n);
    struct layers_job job = {s, layers, diff_ids};
    if (!failed)
        failed = parallel_run(n, s->source.options->jobs, describe_layer, &job, err);
    if (!failed)
        manifest_make(&config, layers, n, NULL, false, &s->manifest);
    descriptor_release(&config);
    for (size_t i = 0; i < n; i++)
        descriptor_release(&layers[i]);
    free(layers);
    return failed;
}

static int fill(struct docker_archive *s, struct error *err)
{
    autostr text = STR_INIT;
    autojson *list = NULL;
    const json_t *entry;
    const char *path = s->source.ref.path;
    if (tar_file_size(s->tar, "manifest.json") < 0)
        return error_set(err, ERROR_INPUT, "%s is no docker archive: it has no manifest.json",
                         path);
    return tar_file_read(s->tar, "manifest.json", IMAGE_MANIFEST_CAP, &text, err) ||
                   json_parse_received(str_text(&text), text.len, "manifest.json", &list, err) ||
                   choose_entry(list, &s->source.ref, &entry, err) || read_names(s, entry, err) ||
                   make_manifest(s, err)
               ? -1
               : 0;
}

static int docker_manifest(struct image_source *self, struct manifest *out, struct error *err)
{
    (void)err;
    manifest_copy(&((struct docker_archive *)self)->manifest, out);
    return 0;
}

static int docker_manifest_at(struct image_source *self, const struct descriptor *descriptor,
                              struct manifest *out, struct error *err)
{
    const struct docker_archive *s = (struct docker_archive *)self;
    if (!digest_equal(&descriptor->digest, &s->manifest.digest))
        return error_set(err, ERROR_MISSING, "%s has no manifest %s", self->ref.path,
                         descriptor->digest.text);
    return docker_manifest(self, out, err);
}

static int docker_blob(struct image_source *self, const struct descriptor *descriptor,
                       struct source **out, struct error *err)
{
    const struct docker_archive *s = (struct docker_archive *)self;
    for (size_t i = 0; i < s->layer_count; i++)
        if (digest_equal(&s->manifest.items[i].digest, &descriptor->digest))
            return tar_file_source(s->tar, s->names[i], out, err);
    if (digest_equal(&s->manifest.config.digest, &descriptor->digest))
        return tar_file_source(s->tar, s->names[s->layer_count], out, err);
    return error_set(err, ERROR_MISSING, "%s has no blob %s", self->ref.path,
                     descriptor->digest.text);
}

static void docker_close(struct image_source *self)
{
    struct docker_archive *s = (struct docker_archive *)self;
    for (size_t i = 0; s->names && i <= s->layer_count; i++)
        free(s->names[i]);
    free(s->names);
    manifest_release(&s->manifest);
    tar_file_close(s->tar);
    image_source_release(self);
    free(s);
}

static const struct image_source_ops docker_ops = {
    .manifest = docker_manifest,
    .manifest_at = docker_manifest_at,
    .blob = docker_blob,
    .close = docker_close,
};

int docker_source_new(struct tar_file *tar, const struct reference *ref,
                      const struct transport_options *options, struct image_source **out,
                      struct error *err)
{
    struct docker_archive *s = mem_zalloc(1, sizeof *s);
    image_source_init(&s->source, &docker_ops, ref, options);
    s->tar = tar;
    if (fill(s, err)) {
        docker_close(&s->source);
        return -1;
    }
    *out = &s->source;
    return 0;
}
