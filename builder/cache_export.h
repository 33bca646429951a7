/* A build's cache written for other builds: --cache-to. */
#ifndef BUILDER_CACHE_EXPORT_H
#define BUILDER_CACHE_EXPORT_H

#include "cache_entries.h"
#include "cache_spec.h"

#include <base/error.h>
#include <base/pool.h>
#include <registry/transport.h>
#include <rootfs/store.h>

#include <time.h>

/* Write the records, whose layers' blobs the store has, and the cache mounts used since `since`
 * where they are asked for. Nothing for an inline cache: it went into the image. */
int cache_export(const struct cache_spec *spec, const struct cache_entries *entries, time_t since,
                 struct store *store, struct pool *pool, const struct transport_options *transport,
                 struct error *err);

#endif
