/* Worker threads. A pool runs jobs; a group is the set of jobs that somebody waits for. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "error.h"

#include <stddef.h>

struct pool;
struct pool_group;

/* threads: 0 means as many as processors this process may use. Threads start when first needed. */
struct pool *pool_new(size_t threads);
/* Waits for running jobs; there must be no group left. */
void pool_free(struct pool *pool);
size_t pool_size(const struct pool *pool);

struct pool_group *pool_group_new(struct pool *pool);
/* Run job(context, err) on a worker. The queue is bounded: where it is full, the caller runs the
 * job itself. After a job of the group failed, jobs not yet started are skipped. A job may start
 * and wait for a group of its own, but it must not wait for another job to run beside it (the two
 * ends of a pipeline): only one of them may ever be started. Jobs run with all signals blocked,
 * unless the caller or the one who waits runs them. */
void pool_run(struct pool_group *group, int (*job)(void *context, struct error *err),
              void *context);
/* Wait for all jobs of the group (running its queued ones meanwhile). The first error wins, though
 * not an ERROR_INTERRUPTED over a later one that says why. The group can be used again. */
int pool_wait(struct pool_group *group, struct error *err);
/* Waits, drops errors, frees. */
void pool_group_free(struct pool_group *group);

#endif
