/* imgbuild's main job: definition or Dockerfile to image, outputs and registry. */
#include "build_job.h"
#include "command.h"
#include "refused_flags.h"

#include <base/log.h>
#include <base/mem.h>
#include <images/plan_json.h>
#include <rootfs/ca_certs.h>

#include <stdlib.h>
#include <string.h>

/* NAME alone takes the environment's value, as docker's --build-arg does; unset: left out. The
 * last of a name holds. */
static void complete_args(struct strv *args)
{
    autostrv complete = STRV_INIT;
    for (size_t i = 0; i < args->count; i++) {
        size_t n = strcspn(args->items[i], "=");
        autofree char *name = mem_strndup(args->items[i], n);
        const char *value = args->items[i][n] ? args->items[i] + n + 1 : getenv(name);
        if (value)
            env_set(&complete, name, value);
    }
    struct strv old = *args;
    *args = complete;
    complete = old;
}

static int build(struct build_job *job, struct error *err)
{
    struct common common;
    int code = common_init(&common, &job->values->common, err);
    if (code)
        return -1;
    job->common = &common;
    job->ca_bundle = -1;
    if (job->values->ca_certs)
        code = (job->ca_bundle = ca_certs_open(NULL, err)) < 0 ? -1 : 0;
    job->pool = pool_new((size_t)job->values->common.jobs);
    if (!code)
        code = build_job_run(job, err);
    progress_free(take(&common.progress));
    if (!code && !job->values->check)
        summary_print(&job->summary, job->values->common.quiet,
                      build_parsed_stdout(job->parsed) ? stderr : stdout, stderr);
    common_release(&common);
    pool_free(job->pool);
    mem_close_at(&job->ca_bundle);
    return code;
}

static int run_job(struct build_job *job, struct error *err)
{
    if (build_job_plan(job, err))
        return -1;
    if (job->values->dry_run)
        return plan_print_json(&job->plan, stdout, err);
    if (job->plan.build)
        return build(job, err);
    log_info("nothing to build: %s", job->plan.reason);
    return 0;
}

int cmd_build_run(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct build_values values = {.version = NULL};
    struct build_parsed parsed = {.outputs = NULL};
    autostrv operands = STRV_INIT;
    const char *bundle = getenv("SSL_CERT_FILE");
    values.ca_certs = bundle && *bundle;
    int code = refused_flags_check(argc, argv, err);
    if (!code)
        code = cli_parse(self, argc, argv, &values, &operands, err);
    if (!code)
        code = build_options_parse(&values, getenv("SOURCE_DATE_EPOCH"), &parsed, err);
    if (!code) {
        struct build_job job = {.values = &values, .parsed = &parsed, .operands = &operands};
        complete_args(&values.build_args);
        complete_args(&values.build_contexts); /* NAME=SOURCE all of them */
        code = run_job(&job, err);
        build_job_release(&job);
    }
    build_parsed_release(&parsed);
    cli_release(self, &values);
    return code;
}
