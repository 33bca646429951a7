#include "choice.h"

#include <base/log.h>
#include <base/mem.h>
#include <images/plan_load.h>

#include <stdlib.h>
#include <string.h>

static bool plan_has_tag(const struct build_plan *plan, const char *tag)
{
    autostrv tags = STRV_INIT;
    plan_all_tags(plan, &tags);
    return strv_contains(&tags, tag);
}

/* The plan that this variant has here; false where the definition has no such variant, or the
 * trigger no such build. */
static bool plan_of(const char *repository, enum plan_variant variant, struct build_plan *plan)
{
    autoerror err = ERROR_INIT;
    struct plan_options options = {.variant = variant};
    if (!plan_load_for(repository, &options, plan, &err))
        return true;
    error_ignore(&err, "then it is not this variant's image");
    return false;
}

/* The variant that a tag says the image is of. */
static enum plan_variant variant_of_tag(const char *repository, const char *tag)
{
    autoplan dev = {0}, prod = {0};
    bool has_dev = plan_of(repository, PLAN_DEV, &dev);
    bool has_prod = plan_of(repository, PLAN_PROD, &prod);
    if (!has_dev || !has_prod)
        return has_dev ? PLAN_DEV : has_prod ? PLAN_PROD : PLAN_VARIANT_AUTO;
    bool in_dev = plan_has_tag(&dev, tag), in_prod = plan_has_tag(&prod, tag);
    if (in_dev != in_prod)
        return in_dev ? PLAN_DEV : PLAN_PROD;
    bool says = dev.suffix && *dev.suffix && !str_eq(dev.suffix, prod.suffix);
    if (!says)
        return PLAN_VARIANT_AUTO;
    return str_ends(tag, dev.suffix) ? PLAN_DEV : PLAN_PROD;
}

static void warn_of_tag(const struct build_plan *plan, const char *tag)
{
    if (plan->trigger != TRIGGER_LOCAL && !plan_has_tag(plan, tag))
        log_warning("the tag %s is none that this run's build pushes (%s)", tag, plan->reason);
}

/* The plan of the definition that ref belongs to. */
static int find_plan(const struct reference *ref, enum plan_variant wanted, struct build_plan *plan,
                     struct error *err)
{
    if (!ref || ref->transport != REFERENCE_REGISTRY)
        return error_set(err, ERROR_MISSING, "a file belongs to no image definition");
    autofree char *repository = reference_name(ref);
    struct plan_options options = {.variant = wanted};
    bool by_tag = ref->tag && !digest_is_set(&ref->digest);
    if (wanted == PLAN_VARIANT_AUTO && ref->tag)
        options.variant = variant_of_tag(repository, ref->tag);
    if (plan_load_for(repository, &options, plan, err))
        return -1;
    if (by_tag)
        warn_of_tag(plan, ref->tag);
    return 0;
}

/* A run without the sources has no Dockerfile to point to. */
static char *find_dockerfile(struct build_plan *plan)
{
    autoerror ignored = ERROR_INIT;
    if (!plan_locate(plan, ".", &ignored))
        return mem_strdup(plan->dockerfile_path);
    error_ignore(&ignored, "it only makes reports better");
    return NULL;
}

int choice_make(const struct reference *ref, enum plan_variant wanted, const struct strv *configs,
                struct choice *out, struct error *err)
{
    autoplan plan = {0};
    autoerror problem = ERROR_INIT;
    bool found = !find_plan(ref, wanted, &plan, &problem);
    if (!found && configs->count && problem.kind == ERROR_MISSING) {
        error_ignore(&problem, "the checks come from --config");
    } else if (!found) {
        error_move(err, &problem);
        if (err->kind != ERROR_MISSING)
            return -1;
        return error_hint(err, "say --config FILE, or add images/NAME/image.yaml with this "
                               "repository and its checks");
    }
    if (!configs->count && !plan.checks) {
        error_set(err, ERROR_INPUT, "the image definition %s names no checks", plan.name);
        return error_hint(err, "add “checks: checks.yaml” to it, or say --config FILE");
    }
    out->dev = found ? plan.variant == PLAN_DEV : wanted == PLAN_DEV;
    if (configs->count)
        strv_add_all(&out->files, configs);
    else
        strv_add(&out->files, plan.checks);
    if (found)
        out->dockerfile = find_dockerfile(&plan);
    return 0;
}

void choice_release(struct choice *choice)
{
    strv_release(&choice->files);
    free(choice->dockerfile);
}
