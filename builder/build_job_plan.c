/* Which image a command line means: a definition's, or that of a plain Dockerfile and context. */
#include "build_job.h"

#include "context_source.h"

#include <base/mem.h>
#include <base/path.h>
#include <images/definition.h>
#include <images/trigger.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A definition's name, or the context of a plain build? */
static bool is_plain(const struct build_job *job)
{
    const struct build_values *v = job->values;
    if (v->file)
        return true;
    if (v->dev || v->prod || v->version || v->registry || job->operands->count != 1)
        return false;
    const char *operand = job->operands->items[0];
    if (strchr(operand, '/') || !strcmp(operand, ".") || !strcmp(operand, "..") ||
        context_source_kind(operand) == CONTEXT_STDIN)
        return true;
    autofree char *inside = mem_printf("%s/Dockerfile", operand);
    autofree char *definition = mem_printf("images/%s/image.yaml", operand);
    return !access(inside, F_OK) && access(definition, F_OK) != 0;
}

/* What was found wrong in an option's value is a mistake of the command line. */
static int as_usage(struct error *err, const char *option)
{
    if (err && err->kind == ERROR_INPUT)
        err->kind = ERROR_USAGE;
    return error_wrap(err, "%s", option);
}

/* As far as it is known before a context from elsewhere is there. The caller frees it. */
static char *dockerfile_path(const char *context, const char *given)
{
    if (given)
        return mem_strdup(given);
    if (context_source_kind(context) != CONTEXT_LOCAL)
        return mem_strdup("Dockerfile");
    autofree char *lower = path_join(context, "dockerfile");
    char *path = path_join(context, "Dockerfile");
    if (!access(path, F_OK) || access(lower, F_OK))
        return path;
    free(path);
    return take(&lower);
}

static int plan_plain(struct build_job *job, struct error *err)
{
    const struct build_values *v = job->values;
    struct build_plan *plan = &job->plan;
    if (job->operands->count != 1)
        return error_set(err, ERROR_USAGE,
                         "the build context is missing: imgbuild -f FILE -t REF CONTEXT");
    const char *context = job->operands->items[0];
    plan->build = true;
    plan->context_path = mem_strdup(context);
    plan->dockerfile_path = dockerfile_path(context, v->file);
    plan->target = mem_strdup_null(v->target);
    strv_add_all(&plan->build_args, &v->build_args);
    strv_add_all(&plan->labels, &v->labels);
    strv_add_all(&plan->annotations, &v->annotations);
    strv_add_all(&plan->references, &v->tags);
    autostrv host = STRV_INIT;
    strv_add(&host, "local");
    if (plan_add_platforms(plan, v->platforms.count ? &v->platforms : &host, err))
        return as_usage(err, "--platform");
    return 0;
}

static int plan_definition(struct build_job *job, struct error *err)
{
    const struct build_values *v = job->values;
    if (job->operands->count != 1) {
        error_set(err, ERROR_USAGE,
                  "which image? imgbuild NAME builds images/NAME, "
                  "imgbuild -f FILE CONTEXT a Dockerfile");
        return error_hint(err, "imgbuild --help says more");
    }
    autostrv folders = STRV_INIT;
    autodefinition definition = {.name = NULL};
    autotrigger trigger = {.kind = TRIGGER_LOCAL};
    definition_folders(getenv("IMGBUILD_IMAGES"), &folders);
    struct plan_options options = {.variant = v->dev    ? PLAN_DEV
                                              : v->prod ? PLAN_PROD
                                                        : PLAN_VARIANT_AUTO,
                                   .version = v->version,
                                   .registry = v->registry,
                                   .target = v->target,
                                   .platforms = &v->platforms,
                                   .build_args = &v->build_args,
                                   .labels = &v->labels,
                                   .annotations = &v->annotations,
                                   .tags = &v->tags};
    if (definition_load(&folders, job->operands->items[0], &definition, err) ||
        trigger_from_environment(&trigger, err) ||
        plan_make(&definition, &trigger, &options, &job->plan, err))
        return -1;
    return v->dry_run ? 0 : plan_locate(&job->plan, v->source ? v->source : ".", err);
}

static int check_references(const struct build_job *job, struct error *err)
{
    for (size_t i = 0; i < job->plan.references.count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        if (reference_parse(job->plan.references.items[i], false, &ref, err))
            return as_usage(err, "-t");
        if (ref.transport != REFERENCE_REGISTRY || digest_is_set(&ref.digest))
            return error_set(err, ERROR_USAGE, "-t %s: it names a file or a digest, not an image",
                             job->plan.references.items[i]);
    }
    if (job->values->attach_checks && (!job->values->push || !job->plan.checks))
        return error_set(err, ERROR_USAGE,
                         job->values->push ? "--attach-checks: the definition names no checks"
                                           : "--attach-checks goes with --push");
    if (job->values->push && !job->plan.pushable && !job->plan.references.count) {
        error_set(err, ERROR_USAGE, "--push: the image has no name in a registry");
        return error_hint(err, "give --registry HOST/PATH, or -t HOST/NAME:TAG");
    }
    return 0;
}

int build_job_plan(struct build_job *job, struct error *err)
{
    return (is_plain(job) ? plan_plain(job, err) : plan_definition(job, err)) ||
                   check_references(job, err)
               ? -1
               : 0;
}
