/* One layer of an image in another compression, or under Docker's media type. */
#ifndef BUILDER_VARIANT_LAYER_H
#define BUILDER_VARIANT_LAYER_H

#include <base/error.h>
#include <base/pool.h>
#include <registry/image.h>
#include <rootfs/compress.h>
#include <rootfs/store.h>

#include <stdbool.h>

struct variant_wish {
    bool recompress; /* else the blob stays what it is */
    struct compression compression;
    bool own; /* made by this build, with `built`; else of a base, made by whomever */
    struct compression built;
    bool docker_types;
};

/* The media type of a layer of this compression. A constant. */
const char *variant_media_type(enum compression_kind kind, bool docker_types);
/* The layer as wished for, its blob in the store's layout; *out is the caller's to release. A blob
 * that is what was wished for already is taken as it is. */
int variant_layer_make(const struct descriptor *from, const struct variant_wish *wish,
                       struct store *store, struct pool *pool, struct descriptor *out,
                       struct error *err);

#endif
