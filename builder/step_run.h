/* RUN. */
#ifndef BUILDER_STEP_RUN_H
#define BUILDER_STEP_RUN_H

#include "build_session.h"

/* Run the step, or take it from the cache. ERROR_STEP with the Dockerfile's place, the exit code or
 * signal, and the last lines of its output. */
int step_run(struct step *step, struct error *err);

#endif
