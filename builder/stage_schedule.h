/* The order of stages: those that don't need each other side by side. */
#ifndef BUILDER_STAGE_SCHEDULE_H
#define BUILDER_STAGE_SCHEDULE_H

#include "stages.h"

#include <base/error.h>

#include <stddef.h>

/* Call build(context, stage, err) for every stage that the target needs, each after all it needs,
 * at most `threads` at once (1: in the file's own order, on this thread). After a failure no
 * further one begins, and stop(context) is called at once, from any thread, so that those that run
 * give up; the error is that of the cause. */
int stage_schedule_run(const struct stages *stages, size_t threads,
                       int (*build)(void *context, const struct stage *stage, struct error *err),
                       void (*stop)(void *context), void *context, struct error *err);

#endif
