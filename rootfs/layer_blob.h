/* A layer on its way to a blob: tar bytes go in, are hashed (diff_id), compressed and hashed again
 * (digest) in one pass, in parallel on a pool, and land in a file of the store's tmp/.
 * The same tar and options give the same blob on every machine and with every number of threads. */
#ifndef ROOTFS_LAYER_BLOB_H
#define ROOTFS_LAYER_BLOB_H

#include "compress.h"
#include "store.h"

#include <base/digest.h>
#include <base/pool.h>
#include <base/stream.h>

struct layer_blob_result {
    struct digest diff_id;
    struct digest digest;
    int64_t size; /* of the blob */
    int64_t tar_size;
    char name[32]; /* of the file in the store's tmp/, to be adopted by a layout or removed */
};

/* A sink for the tar; *result is filled by its finish. pool may be NULL: everything on the caller's
 * thread. Memory is bounded whatever the layer's size. */
int layer_blob_new(struct store *store, struct pool *pool, const struct compression *compression,
                   struct layer_blob_result *result, struct sink **out, struct error *err);

#endif
