#include "cache_entries.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, STEPS_MAX = 100000 };
static const char WHERE[] = "the cache's records";

void cache_entries_release(struct cache_entries *entries)
{
    free(entries->items);
    free(entries->compression);
    *entries = (struct cache_entries){.items = NULL};
}

/* The layer's media type as one of ours, which need no owner. */
static const char *known_type(const char *type)
{
    static const char *const known[] = {MEDIA_OCI_LAYER, MEDIA_OCI_LAYER_GZIP, MEDIA_OCI_LAYER_ZSTD,
                                        MEDIA_DOCKER_LAYER};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (!strcmp(known[i], type))
            return known[i];
    return NULL;
}

void cache_entries_add(struct cache_entries *entries, const struct cache_entry *entry)
{
    for (size_t i = 0; i < entries->count; i++) {
        if (!digest_equal(&entries->items[i].key, &entry->key))
            continue;
        entries->items[i].of_image |= entry->of_image;
        return;
    }
    struct cache_entry own = *entry;
    if (!own.empty && !(own.layer.media_type = known_type(own.layer.media_type)))
        return;
    MEM_PUSH(entries->items, entries->count, entries->cap) = own;
}

void cache_entries_add_all(struct cache_entries *entries, const struct cache_entries *from)
{
    for (size_t i = 0; i < from->count; i++)
        cache_entries_add(entries, &from->items[i]);
    if (!entries->compression)
        entries->compression = mem_strdup_null(from->compression);
}

static int find_layer(const struct digest *digest, const struct descriptor *layers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (digest_equal(&layers[i].digest, digest))
            return (int)i;
    return -1;
}

json_t *cache_entries_json(const struct cache_entries *entries, bool all,
                           const struct descriptor *layers, size_t count)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < entries->count; i++) {
        const struct cache_entry *e = &entries->items[i];
        int layer = e->empty ? -1 : find_layer(&e->layer.digest, layers, count);
        if ((!all && !e->of_image) || (!e->empty && layer < 0))
            continue;
        json_t *step =
            json_pack("{s:s, s:I}", "key", e->key.text, "created", (json_int_t)e->created);
        if (!e->empty) {
            json_object_set_new(step, "diffId", json_string(e->layer.diff_id.text));
            json_object_set_new(step, "layer", json_integer(layer));
        }
        json_array_append_new(steps, step);
    }
    return json_pack("{s:i, s:s, s:o}", "version", VERSION, "compression",
                     entries->compression ? entries->compression : "", "steps", steps);
}

static int parse_step(const json_t *json, const struct descriptor *layers, size_t count,
                      struct cache_entry *out, struct error *err)
{
    struct cache_entry e = {.empty = true};
    const char *key = NULL, *diff_id = NULL;
    int64_t layer = -1;
    if (json_get_string(json, "key", "", WHERE, &key, err) || digest_parse(key, &e.key, err) ||
        json_get_int(json, "created", 0, WHERE, &e.created, err) ||
        json_get_string(json, "diffId", NULL, WHERE, &diff_id, err) ||
        json_get_int(json, "layer", -1, WHERE, &layer, err))
        return -1;
    if (diff_id) {
        if (layer < 0 || (size_t)layer >= count || digest_parse(diff_id, &e.layer.diff_id, err))
            return error_set(err, ERROR_INPUT, "%s: a step's layer is not there", WHERE);
        const struct descriptor *d = &layers[layer];
        e.empty = false;
        e.layer.digest = d->digest;
        e.layer.size = d->size;
        e.layer.media_type = known_type(d->media_type);
        if (!e.layer.media_type)
            return error_set(err, ERROR_INPUT, "%s: a layer of type %s", WHERE, d->media_type);
    }
    *out = e;
    return 0;
}

int cache_entries_parse(const json_t *json, const struct descriptor *layers, size_t count,
                        struct cache_entries *out, struct error *err)
{
    struct cache_entries entries = {.items = NULL};
    json_t *steps = NULL, *step;
    const char *compression = NULL;
    int64_t version = 0;
    size_t i;
    if (json_get_int(json, "version", 0, WHERE, &version, err) ||
        json_get_string(json, "compression", "", WHERE, &compression, err) ||
        json_get_array(json, "steps", WHERE, &steps, err))
        return -1;
    if (version != VERSION || json_array_size(steps) > STEPS_MAX)
        return error_set(err, ERROR_INPUT, "%s: version %lld, %zu steps", WHERE, (long long)version,
                         json_array_size(steps));
    json_array_foreach (steps, i, step) {
        struct cache_entry e;
        if (parse_step(step, layers, count, &e, err)) {
            cache_entries_release(&entries);
            return -1;
        }
        MEM_PUSH(entries.items, entries.count, entries.cap) = e;
    }
    entries.compression = mem_strdup(compression);
    *out = entries;
    return 0;
}
