/* Records of steps done: key to layer. A record is a small JSON file in the store's cache folder,
 * written only after the layers it names are durable. */
#ifndef BUILDER_CACHE_H
#define BUILDER_CACHE_H

#include <base/digest.h>
#include <base/error.h>
#include <base/stream.h>
#include <rootfs/compress.h>

#include <stdbool.h>
#include <stdint.h>

/* What a step came to. */
struct cache_record {
    bool empty;         /* it changed no file: there is no layer */
    struct layer layer; /* diff_id; and the blob in the asked compression, where it was made */
    int64_t created; /* seconds since 1970: so that a rebuild from the cache gives the same image */
};

/* A key under construction: named fields, so that two keys never run together. */
struct cache_key;
struct cache_key *cache_key_new(const struct digest *parent, const char *kind);
void cache_key_add(struct cache_key *key, const char *name,
                   const char *value);                            /* value may be NULL */
void cache_key_finish(struct cache_key *key, struct digest *out); /* frees key */

/* What a blob was made with, "gzip:2", so that another wish makes another blob. The caller frees
 * it.
 */
char *cache_compression_text(const struct compression *compression)
    __attribute__((returns_nonnull));

/* 1 found, 0 not, never an error: a damaged record is a miss. */
int cache_find(int cache_fd, const struct digest *key, const struct compression *compression,
               struct cache_record *out);
/* Write a record (replacing an older one, whose blobs in other compressions are kept). */
int cache_write(int cache_fd, const struct digest *key, const struct compression *compression,
                const struct cache_record *record, struct error *err);

#endif
