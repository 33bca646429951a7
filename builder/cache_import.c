#include "cache_import.h"

#include "cache_entries.h"
#include "cache_mounts_blob.h"

#include <base/log.h>
#include <base/mem.h>
#include <registry/layout.h>

#include <stdlib.h>
#include <string.h>

/* One place that records were found in. */
struct import {
    struct image_source *source;
    struct cache_entries entries;
};

struct cache_imports {
    struct store *store;
    struct import *items;
    size_t count, cap;
};

void cache_imports_free(struct cache_imports *imports)
{
    if (!imports)
        return;
    for (size_t i = 0; i < imports->count; i++) {
        image_source_close(imports->items[i].source);
        cache_entries_release(&imports->items[i].entries);
    }
    free(imports->items);
    free(imports);
}

/* A config's bytes, verified and parsed. */
static int read_config(struct image_source *source, const struct descriptor *config, json_t **out,
                       struct error *err)
{
    autosource *blob = NULL;
    autostr bytes = STR_INIT;
    char chunk[16384];
    ssize_t n;
    if (config->size > IMAGE_CONFIG_CAP)
        return error_set(err, ERROR_INPUT, "the cache's config is larger than the %d bytes allowed",
                         IMAGE_CONFIG_CAP);
    if (image_source_blob(source, config, &blob, err))
        return -1;
    while ((n = source_read(blob, chunk, sizeof chunk, err)) > 0)
        str_add_bytes(&bytes, chunk, (size_t)n);
    return n < 0 ? -1
                 : json_parse_received(str_text(&bytes), bytes.len, "the cache's config", out, err);
}

static int add_records(struct import *import, const json_t *config, const struct manifest *manifest,
                       struct error *err)
{
    struct cache_entries entries;
    const json_t *records = json_object_get(config, CACHE_MEMBER);
    if (!records)
        return error_set(err, ERROR_INPUT, "it holds no cache of imgbuild's");
    if (cache_entries_parse(records, manifest->items, manifest->item_count, &entries, err))
        return -1;
    cache_entries_add_all(&import->entries, &entries);
    cache_entries_release(&entries);
    return 0;
}

static int read_one(struct cache_imports *imports, struct import *import,
                    const struct cache_spec *spec, const struct manifest *manifest,
                    struct error *err)
{
    autojson *config = NULL;
    if (read_config(import->source, &manifest->config, &config, err) ||
        add_records(import, config, manifest, err))
        return -1;
    return spec->mounts
               ? cache_mounts_restore(config, manifest, import->source, imports->store, err)
               : 0;
}

/* An image of several platforms has a cache in each one's config. */
static int read_platforms(struct cache_imports *imports, struct import *import,
                          const struct cache_spec *spec, const struct manifest *index,
                          const struct platform *platforms, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct descriptor *chosen = NULL;
        automanifest manifest = {.bytes = NULL};
        if (manifest_select(index, &platforms[i], "the index", &chosen, err) ||
            image_source_manifest_at(import->source, chosen, &manifest, err) ||
            read_one(imports, import, spec, &manifest, err))
            return -1;
    }
    return 0;
}

static int read_import(struct cache_imports *imports, struct import *import,
                       const struct cache_spec *spec, const struct platform *platforms,
                       size_t count, const struct transport_options *transport, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    automanifest manifest = {.bytes = NULL};
    if (reference_parse(spec->reference, false, &ref, err) ||
        image_source_open(&ref, transport, &import->source, err) ||
        image_source_manifest(import->source, &manifest, err))
        return -1;
    return manifest.is_index
               ? read_platforms(imports, import, spec, &manifest, platforms, count, err)
               : read_one(imports, import, spec, &manifest, err);
}

struct cache_imports *cache_imports_open(const struct cache_spec *specs, size_t count,
                                         const struct platform *platforms, size_t platform_count,
                                         struct store *store,
                                         const struct transport_options *transport)
{
    struct cache_imports *imports = mem_zalloc(1, sizeof *imports);
    imports->store = store;
    for (size_t i = 0; i < count; i++) {
        autoerror err = ERROR_INIT;
        struct import import = {.source = NULL};
        if (read_import(imports, &import, &specs[i], platforms, platform_count, transport, &err)) {
            log_warning("cache from %s: %s", specs[i].reference, err.message);
            if (import.source)
                image_source_close(import.source);
            cache_entries_release(&import.entries);
            continue;
        }
        MEM_PUSH(imports->items, imports->count, imports->cap) = import;
    }
    if (imports->count)
        return imports;
    free(imports);
    return NULL;
}

int cache_imports_find(const struct cache_imports *imports, const struct digest *key,
                       const struct compression *compression, struct cache_record *out)
{
    autofree char *wanted = cache_compression_text(compression);
    for (size_t i = 0; imports && i < imports->count; i++) {
        const struct cache_entries *entries = &imports->items[i].entries;
        bool right = str_eq(entries->compression, wanted);
        for (size_t k = 0; k < entries->count; k++) {
            const struct cache_entry *e = &entries->items[k];
            if (!digest_equal(&e->key, key) || (!e->empty && !right))
                continue;
            *out =
                (struct cache_record){.empty = e->empty, .layer = e->layer, .created = e->created};
            return 1;
        }
    }
    return 0;
}

static const struct import *holder(const struct cache_imports *imports, const struct layer *layer)
{
    for (size_t i = 0; i < imports->count; i++)
        for (size_t k = 0; k < imports->items[i].entries.count; k++)
            if (digest_equal(&imports->items[i].entries.items[k].layer.digest, &layer->digest))
                return &imports->items[i];
    return NULL;
}

int cache_imports_fetch(const struct cache_imports *imports, const struct layer *layer,
                        struct error *err)
{
    const struct import *from = holder(imports, layer);
    int oci = store_oci_fd(imports->store);
    const struct descriptor d = {.media_type = (char *)(uintptr_t)layer->media_type,
                                 .digest = layer->digest,
                                 .size = layer->size};
    autosource *blob = NULL;
    autosink *sink = NULL;
    if (layout_has_blob(oci, &layer->digest, layer->size))
        return 0;
    if (!from)
        return error_set(err, ERROR_INTERNAL, "no cache has %s", layer->digest.text);
    if (image_source_blob(from->source, &d, &blob, err) ||
        layout_new_blob(oci, &layer->digest, &sink, err) || stream_copy(blob, sink, NULL, err) ||
        sink_finish(sink, err)) {
        error_wrap(err, "layer %s of an imported cache", layer->digest.text);
        return error_hint(err, "build without that --cache-from");
    }
    return 0;
}
