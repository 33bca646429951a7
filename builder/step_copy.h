/* COPY, ADD, and the directory that WORKDIR makes. */
#ifndef BUILDER_STEP_COPY_H
#define BUILDER_STEP_COPY_H

#include "build_session.h"

/* COPY and ADD. ERROR_INPUT and others, with the place.
 */
int step_copy(struct step *step, struct error *err);
/* Set the working directory, and make it (owned by USER) where the image lacks it. */
int step_workdir(struct step *step, struct error *err);

#endif
