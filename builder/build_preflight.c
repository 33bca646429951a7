#include "build_preflight.h"

#include "build_push.h"

#include <registry/preflight.h>

/* Where outputs push to, under names of their own or the plan's. */
static void add_outputs(const struct build_job *job, struct strv *out)
{
    for (size_t i = 0; i < job->parsed->output_count; i++) {
        const struct output *output = &job->parsed->outputs[i];
        for (size_t k = 0; output->push && k < output->names.count; k++)
            build_add_repository(output->names.items[k], out);
        if (output->push && !output->names.count)
            build_push_repositories(job, out);
    }
}

int build_preflight(struct build_job *job, struct error *err)
{
    autostrv names = STRV_INIT;
    if (job->plan.fork)
        return 0;
    if (job->values->push)
        build_push_repositories(job, &names);
    add_outputs(job, &names);
    for (size_t i = 0; i < names.count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        if (reference_parse(names.items[i], false, &ref, err) ||
            push_preflight(&ref, &job->common->transport, err))
            return -1;
    }
    return 0;
}
