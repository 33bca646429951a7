#include "variant_layer.h"

#include <base/mem.h>
#include <base/str.h>
#include <registry/layout.h>
#include <rootfs/decompress.h>
#include <rootfs/layer_blob.h>

#include <stdlib.h>
#include <string.h>

static const char *const media_types[][2] = {
    [COMPRESSION_NONE] = {MEDIA_OCI_LAYER, "application/vnd.docker.image.rootfs.diff.tar"},
    [COMPRESSION_GZIP] = {MEDIA_OCI_LAYER_GZIP, MEDIA_DOCKER_LAYER},
    [COMPRESSION_ZSTD] = {MEDIA_OCI_LAYER_ZSTD,
                          "application/vnd.docker.image.rootfs.diff.tar.zstd"},
};

const char *variant_media_type(enum compression_kind kind, bool docker_types)
{
    return media_types[kind][docker_types];
}

/* By its media type; true where it is one that we know. */
static bool kind_of(const char *media_type, enum compression_kind *kind)
{
    for (size_t k = 0; k < COUNT_OF(media_types); k++) {
        if (strcmp(media_type, media_types[k][0]) != 0 &&
            strcmp(media_type, media_types[k][1]) != 0)
            continue;
        *kind = (enum compression_kind)k;
        return true;
    }
    return false;
}

/* Any level of the right kind will do for a base's layer; our own were asked for exactly. */
static bool is_right(const struct variant_wish *wish, enum compression_kind kind)
{
    const struct compression *c = &wish->compression;
    return kind == c->kind && (!wish->own || (c->kind == wish->built.kind &&
                                              (!c->level || c->level == wish->built.level)));
}

static int recompress(const struct descriptor *from, const struct compression *compression,
                      struct store *store, struct pool *pool, struct layer_blob_result *blob,
                      struct error *err)
{
    autosource *packed = NULL;
    autosource *tar = NULL;
    autosink *sink = NULL;
    if (layout_open_blob(store_oci_fd(store), &from->digest, &packed, err))
        return -1;
    packed = source_verified(take(&packed), &from->digest, from->size, from->digest.text);
    if (decompress_new(packed, &tar, err) ||
        layer_blob_new(store, pool, compression, blob, &sink, err) ||
        stream_copy(tar, sink, NULL, err) || sink_finish(sink, err))
        return -1;
    return layout_adopt_blob(store_oci_fd(store), store_tmp_fd(store), blob->name, &blob->digest,
                             err);
}

int variant_layer_make(const struct descriptor *from, const struct variant_wish *wish,
                       struct store *store, struct pool *pool, struct descriptor *out,
                       struct error *err)
{
    enum compression_kind kind = COMPRESSION_NONE;
    bool known = kind_of(from->media_type, &kind);
    struct descriptor made = *from;
    struct layer_blob_result blob;
    if (known && wish->recompress && !is_right(wish, kind)) {
        if (recompress(from, &wish->compression, store, pool, &blob, err))
            return error_wrap(err, "compress layer %s anew", from->digest.text);
        kind = wish->compression.kind;
        made.digest = blob.digest;
        made.size = blob.size;
    }
    if (known)
        made.media_type = (char *)(uintptr_t)variant_media_type(kind, wish->docker_types);
    descriptor_copy(&made, out);
    return 0;
}
