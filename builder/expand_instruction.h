/* Variables in instructions: which expand, where in them, and how many words come of it. */
#ifndef BUILDER_EXPAND_INSTRUCTION_H
#define BUILDER_EXPAND_INSTRUCTION_H

#include "dockerfile.h"
#include "expand.h"
#include "scope.h"

#include <base/error.h>

#include <stdbool.h>

/* Does this instruction expand variables in its arguments at all? (ADD COPY ENV EXPOSE FROM LABEL
 * STOPSIGNAL USER VOLUME WORKDIR; of RUN only the values in --mount, and those later. ARG does in
 * expand_arg.) */
bool expand_applies(enum instruction_kind kind);

/* A copy of the instruction with everything expanded that expands: arguments, pairs, the flags
 * --chown, --chmod, --checksum and --platform, and heredocs of COPY and ADD that aren't quoted. All
 * of it sees one snapshot of the variables; only an ARG's pairs see those before them. EXPOSE's
 * words are split after expansion, so their number may change. Instructions that don't expand are
 * copied. Every error has its place in file. The caller releases *out with instruction_release. */
int expand_instruction(const struct expand *how, const struct dockerfile *file,
                       const struct instruction *in, struct instruction *out, struct error *err);

/* Declare the pairs of an ARG in scope, each expanded against it in turn. A default that
 * --build-arg replaces is not looked at. words (may be NULL) gets "NAME=VALUE" of each, or "NAME"
 * of one that has no value. */
int expand_arg(struct scope *scope, const struct dockerfile *file, const struct instruction *in,
               struct strv *words, struct error *err);

/* Expand one word with its place in file. *out: the caller frees. */
int expand_at(const struct expand *how, const struct dockerfile *file, const struct word *word,
              char **out, struct error *err);

#endif
