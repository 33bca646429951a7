/* The --flags of instructions: which there are, and what they may hold. */
#ifndef BUILDER_DOCKERFILE_FLAGS_H
#define BUILDER_DOCKERFILE_FLAGS_H

#include "dockerfile_line.h"

/* Take the flags at the cursor, up to the first word without dashes or behind a lone "--", and
 * check them against the table. ERROR_INPUT with place and hint. */
int flags_take(struct cursor *c, struct instruction *in, struct error *err);

#endif
