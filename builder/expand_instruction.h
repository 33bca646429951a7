/* Variables in instructions: which expand, where in them, and how many words come of it. */
#ifndef BUILDER_EXPAND_INSTRUCTION_H
#define BUILDER_EXPAND_INSTRUCTION_H

#include "dockerfile.h"
#include "expand.h"

#include <base/error.h>

#include <stdbool.h>

/* Does this instruction expand variables in its arguments at all? (ADD ARG COPY ENV EXPOSE FROM
 * LABEL STOPSIGNAL USER VOLUME WORKDIR; of RUN only the values in --mount.) */
bool expand_applies(enum instruction_kind kind);

/* A copy of the instruction with everything expanded that expands: arguments, pairs, the flags
 * --chown, --chmod, --checksum, --platform, and heredocs of COPY and ADD that aren't quoted. All of
 * it sees one snapshot of the variables. How many args EXPOSE has may change: its words are split
 * after expansion. ARG is left as it is (see expand_pair): its pairs are expanded one by one, each
 * only where its default is needed. Instructions that don't expand are copied. Every error has its
 * place in file. The caller releases *out with instruction_release. */
int expand_instruction(const struct expand *how, const struct dockerfile *file,
                       const struct instruction *in, struct instruction *out, struct error *err);

/* Expand the value of one pair (of ARG); NULL where it has none. *value: the caller frees. */
int expand_pair(const struct expand *how, const struct dockerfile *file, const struct pair *pair,
                char **value, struct error *err);

/* Expand one word with its place in file. *out: the caller frees. */
int expand_at(const struct expand *how, const struct dockerfile *file, const struct word *word,
              char **out, struct error *err);

#endif
