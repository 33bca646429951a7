#include "cache_export.h"

#include "cache_mounts_blob.h"

#include <base/mem.h>
#include <registry/layout.h>
#include <registry/push.h>

#include <stdlib.h>
#include <string.h>

struct blobs {
    struct descriptor *items;
    size_t count, cap;
};

static void blobs_release(struct blobs *b)
{
    for (size_t i = 0; i < b->count; i++)
        descriptor_release(&b->items[i]);
    free(b->items);
}

static void add_layer(struct blobs *b, const struct layer *layer)
{
    struct descriptor d = {.media_type = (char *)(uintptr_t)layer->media_type,
                           .digest = layer->digest,
                           .size = layer->size};
    for (size_t i = 0; i < b->count; i++)
        if (digest_equal(&b->items[i].digest, &layer->digest))
            return;
    descriptor_copy(&d, &MEM_PUSH(b->items, b->count, b->cap));
}

static int add_mounts(struct blobs *b, json_t *config, time_t since, struct store *store,
                      struct pool *pool, struct error *err)
{
    struct mount_blobs mounts;
    if (cache_mounts_pack(store, pool, since, b->count, &mounts, err))
        return -1;
    json_object_set(config, "imgbuild.mounts", mounts.records);
    for (size_t i = 0; i < mounts.count; i++)
        descriptor_copy(&mounts.layers[i], &MEM_PUSH(b->items, b->count, b->cap));
    mount_blobs_release(&mounts);
    return 0;
}

/* The cache as a manifest in the store's layout, named by its digest alone. */
static int make(const struct cache_spec *spec, const struct cache_entries *entries, time_t since,
                struct store *store, struct pool *pool, struct digest *out, struct error *err)
{
    struct blobs blobs = {.count = 0};
    automanifest manifest = {.bytes = NULL};
    autojson *config = json_object();
    int oci = store_oci_fd(store);
    for (size_t i = 0; i < entries->count; i++)
        if (!entries->items[i].empty && (spec->all || entries->items[i].of_image))
            add_layer(&blobs, &entries->items[i].layer);
    json_object_set_new(config, CACHE_MEMBER,
                        cache_entries_json(entries, spec->all, blobs.items, blobs.count));
    int code = spec->mounts ? add_mounts(&blobs, config, since, store, pool, err) : 0;
    if (!code) {
        autofree char *text = json_text(config);
        struct descriptor d = {.media_type = (char *)(uintptr_t)MEDIA_CACHE_CONFIG,
                               .size = (int64_t)strlen(text)};
        code = layout_put_bytes(oci, text, strlen(text), &d.digest, err);
        manifest_make(&d, blobs.items, blobs.count, NULL, false, &manifest);
        if (!code)
            code = layout_put_bytes(oci, manifest.bytes, manifest.size, NULL, err);
        *out = manifest.digest;
    }
    blobs_release(&blobs);
    return code;
}

static int copy_out(const struct cache_spec *spec, const struct digest *digest, struct store *store,
                    const struct transport_options *transport, struct error *err)
{
    autoreference from = {.transport = REFERENCE_OCI_LAYOUT,
                          .path = mem_printf("%s/oci", store_path(store)),
                          .digest = *digest};
    autoreference to = {.transport = REFERENCE_REGISTRY};
    struct push_options options = {.transport = transport};
    struct image_source *source = NULL;
    if (reference_parse(spec->reference, false, &to, err) ||
        image_source_open(&from, transport, &source, err))
        return -1;
    int code = image_copy(source, &to, NULL, true, &options, NULL, err);
    image_source_close(source);
    return code;
}

int cache_export(const struct cache_spec *spec, const struct cache_entries *entries, time_t since,
                 struct store *store, struct pool *pool, const struct transport_options *transport,
                 struct error *err)
{
    struct digest digest;
    if (spec->place == CACHE_INLINE)
        return 0;
    if (make(spec, entries, since, store, pool, &digest, err) ||
        copy_out(spec, &digest, store, transport, err))
        return error_wrap(err, "cache to %s", spec->reference);
    return 0;
}
