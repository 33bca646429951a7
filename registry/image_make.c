#include "image.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

static void set(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value))
        abort(); /* memory, or text that is not UTF-8 and so did not come from a parser */
}

/* The order of members is that of Go's structs, which is what other tools write. */
static json_t *platform_json(const struct platform *p)
{
    json_t *json = json_object();
    set(json, "architecture", json_string(p->arch));
    set(json, "os", json_string(p->os));
    if (p->variant[0])
        set(json, "variant", json_string(p->variant));
    return json;
}

json_t *descriptor_json(const struct descriptor *d)
{
    json_t *json = json_object();
    set(json, "mediaType", json_string(d->media_type));
    set(json, "digest", json_string(d->digest.text));
    set(json, "size", json_integer(d->size));
    if (json_object_size(d->annotations))
        set(json, "annotations", json_incref(d->annotations));
    if (d->has_platform)
        set(json, "platform", platform_json(&d->platform));
    return json;
}

static json_t *descriptors_json(const struct descriptor *d, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, descriptor_json(&d[i]));
    return array;
}

static void copy_descriptors(const struct descriptor *from, size_t n, struct manifest *m)
{
    m->items = mem_zalloc(n ? n : 1, sizeof *m->items);
    m->item_count = n;
    for (size_t i = 0; i < n; i++)
        descriptor_copy(&from[i], &m->items[i]);
}

static json_t *start(const char *media_type)
{
    json_t *json = json_object();
    set(json, "schemaVersion", json_integer(2));
    set(json, "mediaType", json_string(media_type));
    return json;
}

/* Fill in bytes and digest; json is consumed. */
static void finish(struct manifest *m, const char *media_type, json_t *json, json_t *annotations)
{
    if (json_object_size(annotations)) {
        set(json, "annotations", json_incref(annotations));
        m->annotations = json_incref(annotations);
    }
    m->media_type = mem_strdup(media_type);
    m->bytes = json_text(json);
    m->size = strlen(m->bytes);
    digest_bytes(m->bytes, m->size, &m->digest);
    json_decref(json);
}

void manifest_make(const struct descriptor *config, const struct descriptor *layers, size_t n,
                   json_t *annotations, bool docker_types, struct manifest *out)
{
    const char *type = docker_types ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
    json_t *json = start(type);
    set(json, "config", descriptor_json(config));
    set(json, "layers", descriptors_json(layers, n));
    struct manifest m = {0};
    descriptor_copy(config, &m.config);
    copy_descriptors(layers, n, &m);
    finish(&m, type, json, annotations);
    *out = m;
}

void index_make(const struct descriptor *manifests, size_t n, json_t *annotations,
                bool docker_types, struct manifest *out)
{
    const char *type = docker_types ? MEDIA_DOCKER_INDEX : MEDIA_OCI_INDEX;
    json_t *json = start(type);
    set(json, "manifests", descriptors_json(manifests, n));
    struct manifest m = {.is_index = true};
    copy_descriptors(manifests, n, &m);
    finish(&m, type, json, annotations);
    *out = m;
}
