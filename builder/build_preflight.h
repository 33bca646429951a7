/* Whether what is to be pushed may be pushed, asked before the build. */
#ifndef BUILDER_BUILD_PREFLIGHT_H
#define BUILDER_BUILD_PREFLIGHT_H

#include "build_job.h"

/* Ask each registry whether we may push there. Nothing is asked where nothing is pushed, nor in a
 * fork's pull request, whose token can only read: what it builds goes to an archive. Errors as
 * push_preflight's. */
int build_preflight(struct build_job *job, struct error *err);

#endif
