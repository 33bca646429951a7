/* --set PATTERN.KEY[+]=VALUE. */
#ifndef BUILDER_BAKE_OVERRIDE_H
#define BUILDER_BAKE_OVERRIDE_H

#include <base/error.h>
#include <base/json.h>
#include <base/str.h>

/* Apply to the target of this name, in the order given, those whose pattern it matches. Several of
 * one list's key without + replace it together. ERROR_USAGE. */
int bake_override(json_t *target, const char *name, const struct strv *overrides,
                  struct error *err);
/* All must match a target: ERROR_USAGE for one whose pattern is no target's of targets (an object).
 */
int bake_override_check(const struct strv *overrides, const json_t *targets, struct error *err);

#endif
