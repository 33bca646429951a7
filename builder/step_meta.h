/* Instructions that change the config alone: ENV LABEL CMD ENTRYPOINT EXPOSE VOLUME USER SHELL
 * STOPSIGNAL HEALTHCHECK ONBUILD MAINTAINER ARG. */
#ifndef BUILDER_STEP_META_H
#define BUILDER_STEP_META_H

#include "dockerfile.h"
#include "stage_state.h"

#include <base/error.h>

#include <stdbool.h>

/* True for an instruction that this file carries out whole. */
bool step_meta_applies(enum instruction_kind kind);
/* Carry out an expanded instruction. created: for its history entry. ERROR_INPUT with its place. */
int step_meta(struct stage_state *s, const struct dockerfile *file, const struct instruction *in,
              int64_t created, struct error *err);
/* An absolute path from WORKDIR's argument: one that was so stays as it is written, as in BuildKit.
 * The caller frees it. */
char *step_meta_workdir(const struct stage_state *s, const char *path);

#endif
