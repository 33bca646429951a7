/* Compressions of layers: none, gzip (RFC 1952) and zstd (RFC 8878). Decompression is in
 * decompress.h. */
#ifndef ROOTFS_COMPRESS_H
#define ROOTFS_COMPRESS_H

#include "decompress.h"

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

/* Compress to a sink, in parallel where pool is not NULL; the same bytes either way. The sink `to`
 * stays the caller's and is written on the caller's thread alone; finish does not finish it. gzip
 * comes as members of 1 MB (or one of independent blocks), zstd as frames of 4 MB. At most some
 * 20 MB are held, however much passes. */
struct pool;
int compress_new(struct sink *to, const struct compression *compression, struct pool *pool,
                 struct sink **out, struct error *err);

#endif
