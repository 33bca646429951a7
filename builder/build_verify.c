#include "build_verify.h"

#include <base/interrupt.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Installed and built together, the two lie in one directory. The caller frees it. */
static char *find_imgverify(void)
{
    autofree char *self = path_read_link(AT_FDCWD, "/proc/self/exe");
    autofree char *directory = self ? path_dir(self) : NULL;
    char *beside = directory ? path_join(directory, "imgverify") : NULL;
    if (beside && !access(beside, X_OK))
        return beside;
    free(beside);
    return mem_strdup("imgverify");
}

static void add_common(const struct build_job *job, struct strv *argv)
{
    const struct build_values *v = job->values;
    strv_addf(argv, "--root=%s", store_path(job->common->store));
    if (v->common.tls_ca)
        strv_addf(argv, "--tls-ca=%s", v->common.tls_ca);
    for (size_t i = 0; i < v->common.insecure.count; i++)
        strv_addf(argv, "--insecure=%s", v->common.insecure.items[i]);
    if (v->common.progress)
        strv_addf(argv, "--progress=%s", v->common.progress);
    if (v->common.quiet)
        strv_add(argv, "--progress=quiet");
    if (job->common->mode.name == MODE_SINGLE)
        strv_add(argv, "--isolation=single"); /* the others it finds by itself */
}

static void add_checks(const struct build_job *job, struct strv *argv)
{
    const struct build_plan *plan = &job->plan;
    if (plan->name)
        strv_add(argv, plan->variant == PLAN_DEV ? "--dev" : "--prod");
    if (plan->checks)
        strv_addf(argv, "--config=%s", plan->checks);
    else
        strv_add(argv, "--auto");
    if (plan->platform_count > 1)
        strv_add(argv, "--platform=all");
    else
        strv_addf(argv, "--platform=%s",
                  platform_text(&plan->platforms[0].platform, '/', (char[48]){0}));
}

/* What it reports goes to standard error: standard output is for what was built. */
static int run(struct strv *argv, int *status, struct error *err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    errno = posix_spawnp(&pid, argv->items[0], &actions, NULL, strv_argv(argv), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errno) {
        error_errno(err, ERROR_HOST, "--verify: run %s", argv->items[0]);
        return error_hint(err, "install imgverify beside imgbuild, or in PATH");
    }
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

/* imgverify's exit codes are ours. */
static int judge(int status, const char *name, struct error *err)
{
    static const enum error_kind kinds[] = {ERROR_STEP,    ERROR_STEP, ERROR_USAGE,     ERROR_INPUT,
                                            ERROR_NETWORK, ERROR_AUTH, ERROR_INTEGRITY, ERROR_HOST};
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (!code)
        return 0;
    if (interrupt_check(err))
        return -1;
    error_set(err, code > 0 && (size_t)code < COUNT_OF(kinds) ? kinds[code] : ERROR_INTERNAL,
              code == 1 ? "%s: its checks failed" : "%s: could not be verified", name);
    return error_hint(err, "it was pushed by its digest alone: no tag names it");
}

int build_verify(const struct build_job *job, const struct strv *repositories, struct error *err)
{
    autofree char *program = find_imgverify();
    for (size_t i = 0; i < repositories->count; i++) {
        autostrv argv = STRV_INIT;
        int status = 0;
        strv_add(&argv, program);
        add_common(job, &argv);
        add_checks(job, &argv);
        strv_addf(&argv, "%s@%s", repositories->items[i], job->summary.image.digest.text);
        const char *name = argv.items[argv.count - 1];
        if (run(&argv, &status, err) || judge(status, name, err))
            return -1;
    }
    return 0;
}
