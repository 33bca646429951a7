/* Records of steps as they travel: with the blobs of their layers, in a registry, a directory, or
 * an image's own config. docs/cache.md has the format. */
#ifndef BUILDER_CACHE_ENTRIES_H
#define BUILDER_CACHE_ENTRIES_H

#include <base/digest.h>
#include <base/error.h>
#include <base/json.h>
#include <base/stream.h>
#include <registry/image.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The config's media type of a manifest that holds nothing but cache. */
#define MEDIA_CACHE_CONFIG "application/vnd.imgbuild.cache.config.v1+json"
/* The member of a config (an image's too) that has the records. */
#define CACHE_MEMBER "imgbuild.cache"

struct cache_entry {
    struct digest key;
    int64_t created;
    bool empty;         /* it changed no file */
    bool of_image;      /* a step of the image, and not only of a stage that it takes from */
    struct layer layer; /* media_type is a constant */
};

struct cache_entries {
    struct cache_entry *items;
    size_t count, cap;
    char *compression; /* of the layers, "gzip:0" */
};

void cache_entries_release(struct cache_entries *entries);
/* Each key once; a layer of a type that a cache can't hold is left out. */
void cache_entries_add(struct cache_entries *entries, const struct cache_entry *entry);
void cache_entries_add_all(struct cache_entries *entries, const struct cache_entries *from);

/* {"version": 1, "compression": …, "steps": […]}: all, or those of the image alone. layers: where
 * each one's blob is found, by its place among them; what is not there is left out. */
json_t *cache_entries_json(const struct cache_entries *entries, bool all,
                           const struct descriptor *layers, size_t count);
/* The contrary. ERROR_INPUT. */
int cache_entries_parse(const json_t *json, const struct descriptor *layers, size_t count,
                        struct cache_entries *out, struct error *err);

#endif
