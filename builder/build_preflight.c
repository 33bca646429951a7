#include "build_preflight.h"

#include <base/mem.h>
#include <registry/preflight.h>

#include <stdlib.h>

static void add_repository(const char *name, struct strv *out)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    autoerror ignored = ERROR_INIT;
    if (reference_parse(name, false, &ref, &ignored)) {
        error_ignore(&ignored, "the plan was checked before");
        return;
    }
    autofree char *repository = reference_name(&ref);
    if (!strv_contains(out, repository))
        strv_add(out, repository);
}

void build_push_repositories(const struct build_job *job, struct strv *out)
{
    const struct build_plan *plan = &job->plan;
    if (plan->repository && plan->pushable)
        add_repository(plan->repository, out);
    for (size_t i = 0; i < plan->references.count; i++)
        add_repository(plan->references.items[i], out);
}

/* Where outputs push to, under names of their own or the plan's. */
static void add_outputs(const struct build_job *job, struct strv *out)
{
    for (size_t i = 0; i < job->parsed->output_count; i++) {
        const struct output *output = &job->parsed->outputs[i];
        for (size_t k = 0; output->push && k < output->names.count; k++)
            add_repository(output->names.items[k], out);
        if (output->push && !output->names.count)
            build_push_repositories(job, out);
    }
}

int build_preflight(struct build_job *job, struct error *err)
{
    autostrv repositories = STRV_INIT;
    if (job->values->push && !job->plan.fork)
        build_push_repositories(job, &repositories);
    add_outputs(job, &repositories);
    for (size_t i = 0; i < repositories.count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        if (reference_parse(repositories.items[i], false, &ref, err) ||
            push_preflight(&ref, &job->common->transport, err))
            return -1;
    }
    return 0;
}
