#include "image.h"

#include <base/mem.h>
#include <base/str.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* More layers than any file system can stack, more platforms than there are. */
enum { ITEMS_CAP = 4096, MEDIA_TYPE_CAP = 255 };

static int type_is(const char *type, const char *a, const char *b)
{
    return str_eq(type, a) || str_eq(type, b);
}

void descriptor_copy(const struct descriptor *from, struct descriptor *to)
{
    *to = *from;
    to->media_type = mem_strdup_null(from->media_type);
    json_incref(to->annotations);
}

void descriptor_release(struct descriptor *d)
{
    free(d->media_type);
    json_decref(d->annotations);
    *d = (struct descriptor){0};
}

void manifest_copy(const struct manifest *from, struct manifest *to)
{
    struct manifest m = *from;
    m.media_type = mem_strdup_null(from->media_type);
    m.bytes = from->bytes ? mem_dup(from->bytes, from->size) : NULL;
    descriptor_copy(&from->config, &m.config);
    m.items = mem_zalloc(from->item_count ? from->item_count : 1, sizeof *m.items);
    for (size_t i = 0; i < from->item_count; i++)
        descriptor_copy(&from->items[i], &m.items[i]);
    json_incref(m.annotations);
    *to = m;
}

void manifest_release(struct manifest *m)
{
    free(m->media_type);
    free(m->bytes);
    descriptor_release(&m->config);
    for (size_t i = 0; i < m->item_count; i++)
        descriptor_release(&m->items[i]);
    free(m->items);
    json_decref(m->annotations);
    *m = (struct manifest){0};
}

static int parse_platform(const json_t *json, const char *where, struct descriptor *d,
                          struct error *err)
{
    json_t *object;
    if (json_get_object(json, "platform", where, &object, err))
        return -1;
    if (!object)
        return 0;
    const char *os, *arch, *variant;
    if (json_get_string(object, "os", "", where, &os, err) ||
        json_get_string(object, "architecture", "", where, &arch, err) ||
        json_get_string(object, "variant", "", where, &variant, err))
        return -1;
    platform_from(os, arch, variant, &d->platform);
    d->has_platform = true;
    return 0;
}

static int check_annotations(const json_t *object, const char *where, struct error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        if (!json_is_string(value))
            return error_set(err, ERROR_INPUT, "%s: the annotation “%.80s” is not a string", where,
                             key);
    }
    return 0;
}

static int parse_annotations(const json_t *json, const char *where, json_t **out, struct error *err)
{
    json_t *object;
    if (json_get_object(json, "annotations", where, &object, err))
        return -1;
    if (!object)
        return 0;
    if (check_annotations(object, where, err))
        return -1;
    *out = json_incref(object);
    return 0;
}

/* On failure *d holds what the caller releases. */
static int fill_descriptor(const json_t *json, const char *where, struct descriptor *d,
                           struct error *err)
{
    const char *type, *digest;
    if (!json_is_object(json))
        return error_set(err, ERROR_INPUT, "%s: a descriptor is not an object", where);
    if (json_get_string(json, "mediaType", "", where, &type, err) ||
        json_get_string(json, "digest", "", where, &digest, err) ||
        json_get_int(json, "size", -1, where, &d->size, err))
        return -1;
    if (strlen(type) > MEDIA_TYPE_CAP)
        return error_set(err, ERROR_INPUT, "%s: a media type is too long", where);
    if (digest_parse(digest, &d->digest, err))
        return error_wrap(err, "%s", where);
    if (d->size < 0)
        return error_set(err, ERROR_INPUT, "%s: %s has no size, or a negative one", where,
                         d->digest.text);
    d->media_type = mem_strdup(type);
    return parse_platform(json, where, d, err) ||
                   parse_annotations(json, where, &d->annotations, err)
               ? -1
               : 0;
}

int descriptor_parse(const json_t *json, const char *where, struct descriptor *out,
                     struct error *err)
{
    struct descriptor d = {0};
    if (fill_descriptor(json, where, &d, err)) {
        descriptor_release(&d);
        return -1;
    }
    *out = d;
    return 0;
}

static int parse_items(const json_t *array, const char *where, struct manifest *m,
                       struct error *err)
{
    size_t n = json_array_size(array);
    if (n > ITEMS_CAP)
        return error_set(err, ERROR_INPUT, "%s lists %zu items: more than %d are not taken", where,
                         n, ITEMS_CAP);
    m->items = mem_zalloc(n ? n : 1, sizeof *m->items);
    for (; m->item_count < n; m->item_count++)
        if (descriptor_parse(json_array_get(array, m->item_count), where, &m->items[m->item_count],
                             err))
            return -1;
    return 0;
}

/* A Content-Type may carry parameters. */
static char *bare_type(const char *media_type)
{
    char *bare = mem_strdup(media_type);
    *strchrnul(bare, ';') = '\0';
    return str_lower(str_trim(bare));
}

/* The type it came as, else the one it gives itself; they must not contradict each other. NULL:
 * none is given. The caller frees it. */
static int find_type(const json_t *json, const char *media_type, const char *where, char **type,
                     struct error *err)
{
    const char *body;
    if (json_get_string(json, "mediaType", NULL, where, &body, err))
        return -1;
    autofree char *bare = media_type ? bare_type(media_type) : NULL;
    if (bare && body && strcmp(bare, body) != 0)
        return error_set(err, ERROR_INPUT, "%s came as %.160s but says it is %.160s", where, bare,
                         body);
    *type = bare ? take(&bare) : mem_strdup_null(body);
    return 0;
}

/* What kind the types say it is; without any, the members tell. CVE-2021-41190: two readers must
 * never see two different things in the same bytes. */
static int decide_kind(const json_t *json, const char *media_type, const char *where,
                       struct manifest *m, struct error *err)
{
    autofree char *type = NULL;
    bool has_manifests = json_object_get(json, "manifests");
    bool has_layers = json_object_get(json, "layers") || json_object_get(json, "config");
    if (find_type(json, media_type, where, &type, err))
        return -1;
    if (has_manifests && has_layers)
        return error_set(err, ERROR_INPUT, "%s has both manifests and layers: it is ambiguous",
                         where);
    if (!type)
        type = mem_strdup(has_manifests ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
    if (json_object_get(json, "fsLayers") || strstr(type, "manifest.v1+prettyjws")) {
        error_set(err, ERROR_INPUT, "%s is a manifest of schema 1, which is not supported", where);
        return error_hint(err, "push the image anew with a tool of this decade");
    }
    m->is_index = type_is(type, MEDIA_OCI_INDEX, MEDIA_DOCKER_INDEX);
    if (!m->is_index && !type_is(type, MEDIA_OCI_MANIFEST, MEDIA_DOCKER_MANIFEST))
        return error_set(err, ERROR_INPUT, "%s is no image manifest but %.160s", where, type);
    if (m->is_index ? has_layers : has_manifests)
        return error_set(err, ERROR_INPUT, "%s: its members are not those of %s", where, type);
    m->media_type = take(&type);
    return 0;
}

static int fill_manifest(const json_t *json, const char *media_type, const char *where,
                         struct manifest *m, struct error *err)
{
    int64_t version;
    if (!json_is_object(json))
        return error_set(err, ERROR_INPUT, "%s is not a JSON object", where);
    if (decide_kind(json, media_type, where, m, err) ||
        json_get_int(json, "schemaVersion", 0, where, &version, err))
        return -1;
    if (version != 2)
        return error_set(err, ERROR_INPUT, "%s has the schema version %" PRId64 ", not 2", where,
                         version);
    json_t *array;
    if (json_get_array(json, m->is_index ? "manifests" : "layers", where, &array, err) ||
        parse_items(array, where, m, err) || parse_annotations(json, where, &m->annotations, err))
        return -1;
    if (m->is_index)
        return 0;
    json_t *config;
    if (json_get_object(json, "config", where, &config, err))
        return -1;
    if (!config)
        return error_set(err, ERROR_INPUT, "%s has no config", where);
    return descriptor_parse(config, where, &m->config, err);
}

int manifest_parse(const void *bytes, size_t size, const char *media_type, const char *where,
                   struct manifest *out, struct error *err)
{
    if (size > IMAGE_MANIFEST_CAP)
        return error_set(err, ERROR_INPUT, "%s is larger than the %d bytes allowed", where,
                         IMAGE_MANIFEST_CAP);
    autojson *json = NULL;
    if (json_parse_received(bytes, size, where, &json, err))
        return -1;
    automanifest m = {0};
    if (fill_manifest(json, media_type, where, &m, err))
        return -1;
    m.bytes = mem_dup(bytes, size);
    m.size = size;
    digest_bytes(bytes, size, &m.digest);
    *out = m;
    m = (struct manifest){0};
    return 0;
}

int manifest_verify(const void *bytes, size_t n, const struct digest *digest, int64_t size,
                    const char *where, struct error *err)
{
    if (size >= 0 && (uint64_t)size != n)
        return error_set(err, ERROR_INTEGRITY, "%s has %zu bytes, not %" PRId64, where, n, size);
    struct digest found;
    autodigester struct digester *h = digester_new_like(digest);
    digester_add(h, bytes, n);
    digester_finish(h, &found);
    if (!digest_equal(&found, digest))
        return error_set(err, ERROR_INTEGRITY, "%s has the digest %s, not %s", where, found.text,
                         digest->text);
    return 0;
}

int manifest_check(struct manifest *m, const struct digest *digest, int64_t size, const char *where,
                   struct error *err)
{
    if (manifest_verify(m->bytes, m->size, digest, size, where, err))
        return -1;
    m->digest = *digest;
    return 0;
}

static bool is_attestation(const struct descriptor *d)
{
    return d->has_platform && (!strcmp(d->platform.os, "unknown") || !d->platform.os[0]);
}

static void list_platforms(const struct manifest *index, struct str *out)
{
    for (size_t i = 0; i < index->item_count; i++) {
        const struct descriptor *d = &index->items[i];
        char text[48];
        if (d->has_platform && !is_attestation(d))
            str_addf(out, "%s%s", out->len ? ", " : "", platform_text(&d->platform, '/', text));
    }
}

/* How well an entry serves: 3 the very platform, 2 the same architecture, 1 it runs there, 0 not.
 */
static int fitness(const struct descriptor *d, const struct platform *wanted)
{
    if (!d->has_platform || is_attestation(d))
        return 0;
    if (platform_equal(&d->platform, wanted))
        return 3;
    if (!platform_runs_on(&d->platform, wanted))
        return 0;
    return strcmp(d->platform.arch, wanted->arch) ? 1 : 2;
}

/* The fittest; of two of the same architecture the one with the higher variant. */
static const struct descriptor *find_fittest(const struct manifest *index,
                                             const struct platform *wanted)
{
    const struct descriptor *best = NULL;
    int best_fitness = 0;
    for (size_t i = 0; i < index->item_count; i++) {
        const struct descriptor *d = &index->items[i];
        int fit = fitness(d, wanted);
        bool higher = fit == 2 && best_fitness == 2 &&
                      strcmp(d->platform.variant, best->platform.variant) > 0;
        if (fit > best_fitness || higher) {
            best = d;
            best_fitness = fit;
        }
    }
    return best;
}

int manifest_select(const struct manifest *index, const struct platform *wanted, const char *where,
                    const struct descriptor **out, struct error *err)
{
    const struct descriptor *best = find_fittest(index, wanted);
    /* A lone entry that says nothing of its platform: its config will. */
    if (!best && index->item_count == 1 && !index->items[0].has_platform)
        best = &index->items[0];
    if (best) {
        *out = best;
        return 0;
    }
    char text[48];
    autostr there = STR_INIT;
    list_platforms(index, &there);
    error_set(err, ERROR_MISSING, "%s has no image for %s", where,
              platform_text(wanted, '/', text));
    return error_hint(err, "it has: %s",
                      there.len ? str_text(&there) : "none that names a platform");
}

static int fill_layers(const json_t *config, const char *where, struct image *image,
                       struct error *err)
{
    const struct manifest *m = &image->manifest;
    json_t *rootfs, *ids = NULL;
    if (json_get_object(config, "rootfs", where, &rootfs, err))
        return -1;
    if (rootfs && json_get_array(rootfs, "diff_ids", where, &ids, err))
        return -1;
    size_t n = json_array_size(ids);
    if (n != m->item_count)
        return error_set(err, ERROR_INPUT, "%s: the config lists %zu layers, the manifest %zu",
                         where, n, m->item_count);
    image->layers = mem_zalloc(n ? n : 1, sizeof *image->layers);
    image->layer_count = n;
    for (size_t i = 0; i < n; i++) {
        struct layer *layer = &image->layers[i];
        const char *text = json_string_value(json_array_get(ids, i));
        if (digest_parse(text ? text : "", &layer->diff_id, err))
            return error_wrap(err, "%s: diff_id %zu", where, i + 1);
        layer->digest = m->items[i].digest;
        layer->size = m->items[i].size;
        layer->media_type = m->items[i].media_type;
    }
    return 0;
}

static int fill_image(const char *where, struct image *image, struct error *err)
{
    const char *os, *arch, *variant;
    if (image->manifest.is_index)
        return error_set(err, ERROR_INPUT, "%s is an index, not one image", where);
    const char *type = image->manifest.config.media_type;
    if (!type_is(type, MEDIA_OCI_CONFIG, MEDIA_DOCKER_CONFIG))
        return error_set(err, ERROR_INPUT, "%s is no container image: its config is %.160s", where,
                         *type ? type : "of no type");
    if (!json_is_object(image->config))
        return error_set(err, ERROR_INPUT, "%s: the config is not a JSON object", where);
    if (json_get_string(image->config, "os", "linux", where, &os, err) ||
        json_get_string(image->config, "architecture", "", where, &arch, err) ||
        json_get_string(image->config, "variant", "", where, &variant, err))
        return -1;
    platform_from(*os ? os : "linux", arch, variant, &image->platform);
    return fill_layers(image->config, where, image, err);
}

int image_assemble(struct manifest *manifest, const void *config, size_t config_size,
                   const char *where, struct image *out, struct error *err)
{
    if (config_size > IMAGE_CONFIG_CAP)
        return error_set(err, ERROR_INPUT, "%s: the config is larger than the %d bytes allowed",
                         where, IMAGE_CONFIG_CAP);
    struct image image = {.manifest = *manifest};
    autofree char *config_where = mem_printf("config of %s", where);
    if (json_parse_received(config, config_size, config_where, &image.config, err) ||
        fill_image(where, &image, err)) {
        image.manifest = (struct manifest){0}; /* still the caller's */
        image_release(&image);
        return -1;
    }
    image.config_bytes = mem_dup(config, config_size);
    image.config_size = config_size;
    *manifest = (struct manifest){0};
    *out = image;
    return 0;
}

void image_release(struct image *image)
{
    manifest_release(&image->manifest);
    json_decref(image->config);
    free(image->config_bytes);
    free(image->layers);
    *image = (struct image){0};
}
