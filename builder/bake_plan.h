/* Which targets of a bake file are built, as what, and in which order. */
#ifndef BUILDER_BAKE_PLAN_H
#define BUILDER_BAKE_PLAN_H

#include "bake_file.h"

#include <base/error.h>
#include <base/json.h>
#include <base/str.h>

struct bake_plan {
    json_t *targets;    /* names to targets, whole: inherited, overridden, sorted by name */
    json_t *groups;     /* those that were asked for, and "default": what was asked for */
    struct strv order;  /* of building: each target after those its contexts name */
    struct strv linked; /* built only because another's contexts name them */
};

/* names: targets, groups, patterns; none means "default". overrides: "PATTERN.KEY[+]=VALUE" of
 * --set. ERROR_USAGE for an override that makes no sense, ERROR_MISSING for a name that is not
 * there, ERROR_INPUT for targets that inherit or take from themselves. */
int bake_plan_make(const struct bake_file *file, const struct strv *names,
                   const struct strv *overrides, struct bake_plan *out, struct error *err);
void bake_plan_release(struct bake_plan *plan);

/* As `docker buildx bake --print` prints it: a new reference. */
json_t *bake_plan_json(const struct bake_plan *plan);
/* {"include": [{"target", "platform", "pair"}, …]}, one entry for each platform of each target that
 * is not only linked: the matrix of a CI job. pair is the platform as names of files have it,
 * "linux-arm64". A new reference. */
json_t *bake_plan_matrix(const struct bake_plan *plan);

#endif
