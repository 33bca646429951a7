#include "compress_block.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum {
    GZIP_INPUT = 1 << 20,
    ZSTD_INPUT = 4 << 20,
    GZIP_LEVEL = 2,
    SINGLE_LEVEL = 6, /* zlib's: its fast levels lose more than libdeflate's */
    ZSTD_LEVEL = 3,
    RAW_DEFLATE = -15, /* deflateInit2: no header, the largest window */
    ZLIB_MEMORY = 8,
};

size_t compress_block_input(const struct compression *compression)
{
    return compression->kind == COMPRESSION_ZSTD ? ZSTD_INPUT : GZIP_INPUT;
}

static void start_zlib(struct compress_block *b)
{
    b->zlib = mem_zalloc(1, sizeof *b->zlib);
    if (deflateInit2(b->zlib, b->level, Z_DEFLATED, RAW_DEFLATE, ZLIB_MEMORY, Z_DEFAULT_STRATEGY))
        mem_give_up(); /* the parameters are ours: only memory can be missing */
    b->out_room = deflateBound(b->zlib, GZIP_INPUT) + 16;
}

void compress_block_init(struct compress_block *b, const struct compression *compression)
{
    *b = (struct compress_block){.kind = compression->kind,
                                 .level = compression->level,
                                 .part = compression->kind == COMPRESSION_GZIP &&
                                         compression->single_member};
    if (!b->level)
        b->level = b->kind == COMPRESSION_ZSTD ? ZSTD_LEVEL : b->part ? SINGLE_LEVEL : GZIP_LEVEL;
    if (b->part) {
        start_zlib(b);
    } else if (b->kind == COMPRESSION_GZIP) {
        b->deflate = libdeflate_alloc_compressor(b->level);
        if (!b->deflate)
            mem_give_up();
        b->out_room = libdeflate_gzip_compress_bound(b->deflate, GZIP_INPUT);
    } else {
        b->zstd = ZSTD_createCCtx();
        if (!b->zstd)
            mem_give_up();
        ZSTD_CCtx_setParameter(b->zstd, ZSTD_c_compressionLevel, b->level);
        b->out_room = ZSTD_compressBound(ZSTD_INPUT);
    }
    b->in = mem_alloc(compress_block_input(compression));
    b->out = mem_alloc(b->out_room);
}

void compress_block_release(struct compress_block *b)
{
    if (b->zlib)
        deflateEnd(b->zlib);
    free(b->zlib);
    libdeflate_free_compressor(b->deflate);
    ZSTD_freeCCtx(b->zstd);
    free(b->in);
    free(b->out);
}

/* Without the window of the part before, which costs a hundredth of the size and buys independence;
 * the flush ends at a byte, so that parts can follow one another. */
static int run_part(struct compress_block *b, struct error *err)
{
    z_stream *z = b->zlib;
    deflateReset(z);
    z->next_in = b->in;
    z->avail_in = (uInt)b->in_size;
    z->next_out = b->out;
    z->avail_out = (uInt)b->out_room;
    int code = deflate(z, b->last ? Z_FINISH : Z_SYNC_FLUSH);
    if (code != (b->last ? Z_STREAM_END : Z_OK) || z->avail_in)
        return error_set(err, ERROR_INTERNAL, "compress gzip: zlib says %d", code);
    b->out_size = b->out_room - z->avail_out;
    b->crc = libdeflate_crc32(0, b->in, b->in_size);
    return 0;
}

int compress_block_run(struct compress_block *b, struct error *err)
{
    if (b->part)
        return run_part(b, err);
    if (b->kind == COMPRESSION_GZIP) {
        b->out_size = libdeflate_gzip_compress(b->deflate, b->in, b->in_size, b->out, b->out_room);
        return b->out_size ? 0 : error_set(err, ERROR_INTERNAL, "compress gzip: no room");
    }
    size_t n = ZSTD_compress2(b->zstd, b->out, b->out_room, b->in, b->in_size);
    if (ZSTD_isError(n))
        return error_set(err, ERROR_INTERNAL, "compress zstd: %s", ZSTD_getErrorName(n));
    b->out_size = n;
    return 0;
}
