/* Compressions of layers: none, gzip (RFC 1952) and zstd (RFC 8878). */
#ifndef ROOTFS_COMPRESS_H
#define ROOTFS_COMPRESS_H

#include <base/error.h>
#include <base/stream.h>

#include <stdbool.h>

enum compression_kind { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

struct compression {
    enum compression_kind kind;
    int level;          /* 0: our default (gzip 2 by libdeflate, zstd 3) */
    bool single_member; /* gzip: one member, for decoders that stop after the first */
};

/* "gzip", "zstd:9", "none", "gzip:6"; ERROR_USAGE. */
int compression_parse(const char *text, struct compression *out, struct error *err);
/* "gzip", "zstd" or "none". */
const char *compression_name(enum compression_kind kind);

/* The decompressed bytes of inner, whose kind is found by its first bytes (magic numbers), so that
 * a wrong media type does no harm. inner stays the caller's. Several gzip members and zstd frames
 * follow one another; a truncated stream and a ratio beyond what DEFLATE or a sane zstd layer gives
 * is ERROR_INTEGRITY or ERROR_INPUT. The inner source is read to its end. */
int decompress_new(struct source *inner, struct source **out, struct error *err);

/* Compress to a sink, in parallel where pool is not NULL; the same bytes either way. inner sink
 * stays the caller's; finish does not finish it. */
struct pool;
int compress_new(struct sink *to, const struct compression *compression, struct pool *pool,
                 struct sink **out, struct error *err);

#endif
