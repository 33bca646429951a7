/* The build checks of a job's Dockerfile: before it is built, or alone with --check. */
#ifndef BUILDER_BUILD_CHECK_H
#define BUILDER_BUILD_CHECK_H

#include "build_inputs.h"
#include "build_job.h"
#include "dockerfile.h"

/* 0: go on. 1: only the checks were wanted, and they found nothing. ERROR_INPUT where "# check="
 * makes errors of warnings, or is wrong; ERROR_STEP where --check found something. */
int build_check(const struct build_job *job, const struct dockerfile *file,
                const struct build_inputs *inputs, struct error *err);

#endif
