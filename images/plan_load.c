#include "plan_load.h"

#include <stdlib.h>

static int make_here(const struct definition *definition, const struct plan_options *options,
                     struct build_plan *out, struct error *err)
{
    autotrigger trigger = {0};
    if (trigger_from_environment(&trigger, err) < 0)
        return -1;
    return plan_make(definition, &trigger, options, out, err);
}

int plan_load(const char *name, const struct plan_options *options, struct build_plan *out,
              struct error *err)
{
    autostrv folders = STRV_INIT;
    autodefinition definition = {0};
    definition_folders(getenv("IMGBUILD_IMAGES"), &folders);
    if (definition_load(&folders, name, &definition, err) < 0)
        return -1;
    return make_here(&definition, options, out, err);
}

int plan_load_for(const char *repository, const struct plan_options *options,
                  struct build_plan *out, struct error *err)
{
    autostrv folders = STRV_INIT;
    autodefinition definition = {0};
    definition_folders(getenv("IMGBUILD_IMAGES"), &folders);
    if (!definition_find(&folders, repository, &definition)) {
        autofree char *places = strv_join(&folders, ", ");
        return error_set(err, ERROR_MISSING, "no image definition in %s is for %s", places,
                         repository);
    }
    return make_here(&definition, options, out, err);
}
