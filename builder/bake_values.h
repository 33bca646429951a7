/* A bake target as the main job's command line would say it. */
#ifndef BUILDER_BAKE_VALUES_H
#define BUILDER_BAKE_VALUES_H

#include "cmd_build_options.h"

#include <base/error.h>
#include <base/json.h>
#include <base/str.h>

/* What the run gives to each target. Borrowed. */
struct bake_given {
    const struct strv *contexts; /* what became of linked targets, "NAME=SOURCE" */
    const struct strv *allowed;  /* entitlements */
};

/* Add what the target says to *out (zeroed, or with what holds for all targets; the caller releases
 * it) and its context to *operands. *inline_text: the Dockerfile where the target has one inline,
 * owned by the target; else NULL. ERROR_USAGE, ERROR_INPUT for what a build can't do. */
int bake_values_from(const json_t *target, const struct bake_given *given, struct build_values *out,
                     struct strv *operands, const char **inline_text, struct error *err);

#endif
