/* Cache mounts as layers of a cache, so that they live on where each build begins on a fresh host.
 */
#ifndef BUILDER_CACHE_MOUNTS_BLOB_H
#define BUILDER_CACHE_MOUNTS_BLOB_H

#include <base/error.h>
#include <base/json.h>
#include <base/pool.h>
#include <registry/image.h>
#include <registry/transport.h>
#include <rootfs/store.h>

#include <stddef.h>
#include <time.h>

struct mount_blobs {
    json_t *records; /* "mounts" of the cache's config */
    struct descriptor *layers;
    size_t count, cap;
};

/* Pack the cache mounts that were used since `since`. first: the place that the first of the layers
 * will have in the manifest. */
int cache_mounts_pack(struct store *store, struct pool *pool, time_t since, size_t first,
                      struct mount_blobs *out, struct error *err);
void mount_blobs_release(struct mount_blobs *blobs);
/* Unpack those that a cache's config and manifest have and this store has not. */
int cache_mounts_restore(const json_t *config, const struct manifest *manifest,
                         struct image_source *source, struct store *store, struct error *err);

#endif
