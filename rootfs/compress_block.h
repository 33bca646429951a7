/* One block of a compressed stream: a whole gzip member or zstd frame, or a part of a single gzip
 * member. Blocks know nothing of each other, so that any thread can make any of them. */
#ifndef ROOTFS_COMPRESS_BLOCK_H
#define ROOTFS_COMPRESS_BLOCK_H

#include "compress.h"

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

struct compress_block {
    enum compression_kind kind;
    int level; /* the library's, never 0 */
    bool part; /* of a single gzip member: raw DEFLATE, ended at a byte's edge */
    bool last; /* part: the one that ends the member */
    unsigned char *in, *out;
    size_t in_size, out_size, out_room;
    uint32_t crc; /* of the input, where it is a part */
    struct libdeflate_compressor *deflate;
    z_stream *zlib;
    ZSTD_CCtx *zstd;
};

/* Bytes of input that a block of this compression takes. */
size_t compress_block_input(const struct compression *compression);
/* Both buffers and the library's state; memory is touched as it is needed. */
void compress_block_init(struct compress_block *block, const struct compression *compression);
void compress_block_release(struct compress_block *block);
/* From in to out. ERROR_INTERNAL where the library fails. */
int compress_block_run(struct compress_block *block, struct error *err);

#endif
