/* Layers on their way in: gzip (RFC 1952), zstd (RFC 8878) or plain. */
#ifndef ROOTFS_DECOMPRESS_H
#define ROOTFS_DECOMPRESS_H

#include <base/error.h>
#include <base/stream.h>

/* The decompressed bytes of inner, whose kind is found by its first bytes (magic numbers), so that
 * a wrong media type does no harm. inner stays the caller's. Several gzip members and zstd frames
 * follow one another, zero bytes may follow the last; anything else there, a broken or a truncated
 * stream is ERROR_INTEGRITY, a ratio that no sane layer has ERROR_INPUT, and so is a compression
 * that images don't use. The inner source is read to its end before this one ends. */
int decompress_new(struct source *inner, struct source **out, struct error *err);

#endif
