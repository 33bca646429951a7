#include "build_check.h"

#include "context.h"
#include "report_lint.h"
#include "scope.h"

#include <base/mem.h>
#include <registry/platform.h>

#include <stdlib.h>
#include <string.h>

static int report(const struct build_job *job, const struct lint *lint, struct error *err)
{
    const struct build_values *v = job->values;
    const char *actions = getenv("GITHUB_ACTIONS");
    if (!v->check) {
        report_lint_log(lint);
        if (actions && !strcmp(actions, "true"))
            report_lint_annotate(lint);
        return report_lint_verdict(lint, err);
    }
    report_lint_print(lint, v->check_format);
    if (!lint->count)
        return 1;
    return error_set(err, ERROR_STEP, "the checks found %zu warning%s", lint->count,
                     lint->count == 1 ? "" : "s");
}

int build_check(const struct build_job *job, const struct dockerfile *file,
                const struct build_inputs *inputs, struct error *err)
{
    struct context context = CONTEXT_NONE;
    autostrv platform = STRV_INIT;
    char target[48], host_text[48];
    struct platform host;
    platform_host(&host);
    scope_platform_args(&platform, platform_text(&job->plan.platforms[0].platform, '/', target),
                        platform_text(&host, '/', host_text), job->plan.target);
    if (inputs->context && context_open(inputs->context, inputs->ignore_for,
                                        store_cache_fd(job->common->store), &context, err))
        return -1;
    struct lint lint = {.file = file,
                        .build_args = &job->plan.build_args,
                        .platform_args = &platform,
                        .ignore = context.ignore};
    int result = lint_run(&lint, err) ? -1 : report(job, &lint, err);
    lint_release(&lint);
    context_release(&context);
    return result;
}
