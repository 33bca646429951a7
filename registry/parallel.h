/* The same job for every index, some at once. Private. */
#ifndef REGISTRY_PARALLEL_H
#define REGISTRY_PARALLEL_H

#include <base/error.h>

#include <stddef.h>

/* Run job(context, i, err) for i below n, at most `jobs` at once (0: 4). After a failure no further
 * one starts; the first error is given. Jobs must not need each other. */
int parallel_run(size_t n, unsigned jobs, int (*job)(void *context, size_t i, struct error *err),
                 void *context, struct error *err);

#endif
