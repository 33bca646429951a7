/* One image being built, from its command line's values to its outputs: the main job, and each
 * target of a bake. */
#ifndef BUILDER_BUILD_JOB_H
#define BUILDER_BUILD_JOB_H

#include "cmd_build_options.h"
#include "cmd_common.h"
#include "summary.h"

#include <base/error.h>
#include <base/pool.h>
#include <images/plan.h>

#include <stdint.h>

struct build_job {
    /* Borrowed; several jobs may share the last three. */
    const struct build_values *values;
    const struct build_parsed *parsed;
    const struct strv *operands;
    const char *dockerfile_text; /* instead of a file's; or NULL */
    struct common *common;       /* initialised; the store is opened where it is not */
    struct pool *pool;
    int ca_bundle; /* -1: none */
    /* Its own. */
    struct build_plan plan;
    struct summary summary;
    int64_t epoch; /* -1: times are kept */
    bool prepared;
    struct emulators *emulators;
    struct limiter *limiter;
};

/* Fill job->plan. Reads definitions and the environment, no Dockerfile. ERROR_USAGE, ERROR_INPUT,
 * ERROR_MISSING. */
int build_job_plan(struct build_job *job, struct error *err);
/* Build what the plan says, name it in the store, write its outputs, push; fills job->summary. */
int build_job_run(struct build_job *job, struct error *err);
void build_job_release(struct build_job *job);

#endif
