/* Caches of other builds, asked where our own has no record: --cache-from. */
#ifndef BUILDER_CACHE_IMPORT_H
#define BUILDER_CACHE_IMPORT_H

#include "cache.h"
#include "cache_spec.h"

#include <base/error.h>
#include <registry/platform.h>
#include <registry/transport.h>
#include <rootfs/store.h>

#include <stddef.h>

struct cache_imports;

/* Read the records of each (no layer is fetched), and bring back the cache mounts that are wanted
 * and not here. What can't be read is a warning: a build without a cache is only slower.
 * platforms: of the build, for caches inline in images. NULL where there is none at all. All
 * arguments outlive it. */
struct cache_imports *cache_imports_open(const struct cache_spec *specs, size_t count,
                                         const struct platform *platforms, size_t platform_count,
                                         struct store *store,
                                         const struct transport_options *transport);
void cache_imports_free(struct cache_imports *imports); /* NULL is fine */

/* 1 and *out where one of them has a record for key with a layer in this compression; 0. imports
 * may be NULL. Any thread. */
int cache_imports_find(const struct cache_imports *imports, const struct digest *key,
                       const struct compression *compression, struct cache_record *out);
/* Fetch the blob of a layer that was found into the store's layout. ERROR_NETWORK and others. */
int cache_imports_fetch(const struct cache_imports *imports, const struct layer *layer,
                        struct error *err);

#endif
