/* The build plan in this process's surroundings: its folders of definitions and its CI variables.
 */
#ifndef IMAGES_PLAN_LOAD_H
#define IMAGES_PLAN_LOAD_H

#include "plan.h"

#include <base/error.h>

/* Load the definition `name` from ./images, $IMGBUILD_IMAGES or the installed folder, read the
 * trigger from the environment, and make the plan. Errors as those of the three. */
int plan_load(const char *name, const struct plan_options *options, struct build_plan *out,
              struct error *err);
/* The same for the definition whose repository "host/…/name" is; ERROR_MISSING where none is. */
int plan_load_for(const char *repository, const struct plan_options *options,
                  struct build_plan *out, struct error *err);

#endif
