#include "check_run.h"

#include "check_file.h"
#include "verdict.h"

#include <base/mem.h>
#include <base/path.h>
#include <rootfs/ca_certs.h>
#include <rootfs/passwd.h>
#include <rootfs/snapshot.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Limits are meant for programs that run natively; emulated ones take several times as long. */
enum { EMULATION_FACTOR = 5 };

/* One check at work. */
struct run {
    const struct check *check;
    const struct check_ground *ground;
    struct check_result *result;
    struct snapshot *snapshots; /* one for each program, each over the one before */
    size_t snapshot_count, snapshot_cap;
    struct user_ids user;
    struct strv env;
    struct sandbox_mount *mounts;
    size_t mount_count, shared_mounts; /* the first ones are everybody's */
    const char *shell;                 /* that sources activate */
    enum sandbox_network network;
    unsigned timeout_ms;
    struct limits limits;
};

/* A failure that concerns this check alone becomes its verdict; any other is the caller's: a full
 * disk must not look like something that this check needs and another host has. */
static int settle(struct run *r, struct error *problem, struct error *err)
{
    if (problem->kind != ERROR_INPUT && problem->kind != ERROR_MISSING)
        return error_move(err, problem);
    verdict_fail(r->result, "%s", problem->message);
    return 0;
}

/* ---- before it runs ---- */

static bool wants_gpu(const struct run *r)
{
    return r->ground->gpu && (r->check->run.gpus || r->ground->all_gpus);
}

static bool skipped(struct run *r)
{
    const char *why = r->ground->no_programs;
    if (!why && r->network == SANDBOX_NETWORK_HOST)
        why = r->ground->no_network;
    if (!why && wants_gpu(r))
        why = r->ground->gpu->missing;
    if (!why)
        return false;
    r->result->verdict = VERDICT_SKIPPED;
    str_add(&r->result->detail, why);
    return true;
}

static void choose(struct run *r)
{
    const struct check_run_rule *rule = &r->check->run;
    bool any = rule->network == CHECK_NETWORK_ANY && !r->ground->no_network;
    r->network = rule->network == CHECK_NETWORK_DEFAULT       ? r->ground->network
                 : rule->network == CHECK_NETWORK_HOST || any ? SANDBOX_NETWORK_HOST
                                                              : SANDBOX_NETWORK_NONE;
    r->timeout_ms = rule->timeout_ms ? rule->timeout_ms : r->ground->timeout_ms;
    r->limits = r->ground->limits;
    if (rule->limits.memory)
        r->limits.memory = rule->limits.memory;
    if (rule->limits.pids)
        r->limits.pids = rule->limits.pids;
    if (r->ground->emulation)
        r->timeout_ms *= EMULATION_FACTOR;
}

/* Set a variable whose value may hold $NAME and ${NAME}, of what is set before it. */
static void set_expanded(struct run *r, const char *setting)
{
    const char *p = strchr(setting, '=') + 1;
    autofree char *name = mem_strndup(setting, (size_t)(p - setting) - 1);
    autostr value = STR_INIT;
    while (*p) {
        bool braced = p[0] == '$' && p[1] == '{';
        const char *word = p + 1 + braced;
        size_t n = 0;
        while (isalnum((unsigned char)word[n]) || word[n] == '_')
            n++;
        if (*p != '$' || !n || (braced && word[n] != '}')) {
            str_add_char(&value, *p++);
            continue;
        }
        autofree char *key = mem_strndup(word, n);
        const char *found = env_get(&r->env, key);
        str_add(&value, found ? found : "");
        p = word + n + braced;
    }
    env_set(&r->env, name, str_text(&value));
}

/* The driver's libraries come before the image's own stubs of them. */
static void add_gpu_environment(struct run *r)
{
    const struct gpu *gpu = r->ground->gpu;
    const char *before = env_get(&r->env, "LD_LIBRARY_PATH");
    autofree char *path =
        mem_printf("%s%s%s", gpu->libraries, before && *before ? ":" : "", before ? before : "");
    for (size_t i = 0; i < gpu->env.count; i++) {
        const char *value = strchr(gpu->env.items[i], '=');
        autofree char *name = mem_strndup(gpu->env.items[i], (size_t)(value - gpu->env.items[i]));
        env_set(&r->env, name, value + 1);
    }
    if (*gpu->libraries)
        env_set(&r->env, "LD_LIBRARY_PATH", path);
}

static void make_environment(struct run *r)
{
    const struct check_run_rule *rule = &r->check->run;
    strv_add_all(&r->env, r->ground->env);
    for (size_t i = 0; i < rule->env.count; i++) {
        const char *setting = rule->env.items[i], *value = strchr(setting, '=');
        autofree char *name = mem_strndup(setting, (size_t)(value - setting));
        env_set(&r->env, name, value + 1);
    }
    for (size_t i = 0; i < rule->expanded_env.count; i++)
        set_expanded(r, rule->expanded_env.items[i]);
    if (wants_gpu(r))
        add_gpu_environment(r);
    if (!env_get(&r->env, "HOME"))
        env_set(&r->env, "HOME", r->user.home);
    if (r->network == SANDBOX_NETWORK_HOST && r->ground->ca_bundle_fd >= 0)
        ca_certs_environment(&r->env);
    /* what a stopped Python still holds in its buffer would be lost, and it would seem silent */
    if (r->check->kind == CHECK_START && !env_get(&r->env, "PYTHONUNBUFFERED"))
        env_set(&r->env, "PYTHONUNBUFFERED", "1");
}

static int open_mounts(struct run *r, struct error *err)
{
    const struct check_run_rule *rule = &r->check->run;
    size_t gpu = wants_gpu(r) ? r->ground->gpu->mount_count : 0;
    r->mounts = mem_zalloc(r->ground->mount_count + gpu + rule->mount_count + 1, sizeof *r->mounts);
    for (size_t i = 0; i < r->ground->mount_count; i++)
        r->mounts[r->mount_count++] = r->ground->mounts[i];
    for (size_t i = 0; i < gpu; i++)
        r->mounts[r->mount_count++] = r->ground->gpu->mounts[i];
    r->shared_mounts = r->mount_count;
    for (size_t i = 0; i < rule->mount_count; i++) {
        int fd = open(rule->mounts[i].source, O_PATH | O_CLOEXEC);
        if (fd < 0)
            return error_errno(err, ERROR_MISSING, "mount %s", rule->mounts[i].source);
        r->mounts[r->mount_count++] = (struct sandbox_mount){
            .kind = SANDBOX_MOUNT_BIND,
            .source_fd = fd,
            .target = rule->mounts[i].target,
            .read_only = true,
        };
    }
    return 0;
}

static int prepare(struct run *r, struct error *err)
{
    const struct check_ground *g = r->ground;
    const char *user = r->check->run.user ? r->check->run.user : g->user;
    if (passwd_lookup(g->look_fd, user, &r->user, err) || open_mounts(r, err))
        return -1;
    make_environment(r);
    autoclose int bash = path_open_in_root(g->look_fd, "/bin/bash", O_PATH, 0);
    r->shell = bash >= 0 ? "/bin/bash" : "/bin/sh";
    return 0;
}

/* ---- running ---- */

/* A sandbox takes its root with it, so each program gets an overlay of its own, over the files that
 * the one before left. */
static int add_snapshot(struct run *r, struct error *err)
{
    const struct check_ground *g = r->ground;
    size_t n = g->layer_count;
    autofree int *lower = mem_zalloc(n + r->snapshot_count + 1, sizeof *lower);
    for (size_t i = 0; i < n; i++)
        lower[i] = g->layer_fds[i];
    if (r->snapshot_count && snapshot_settle(&r->snapshots[r->snapshot_count - 1], NULL, err))
        return -1;
    for (size_t i = 0; i < r->snapshot_count; i++)
        lower[n++] = r->snapshots[i].upper_fd;
    struct snapshot fresh;
    if (snapshot_new(g->store, lower, n, SNAPSHOT_WRITABLE | SNAPSHOT_MOUNT_POINTS, &fresh, err))
        return -1;
    MEM_PUSH(r->snapshots, r->snapshot_count, r->snapshot_cap) = fresh;
    return 0;
}

/* The files as the program that runs, or ran last, sees them. */
static int root_of(const struct run *r)
{
    return r->snapshots[r->snapshot_count - 1].root_fd;
}

/* The activate script itself is sourced, by bash where there is one, so that a broken one shows. */
static void make_argv(const struct run *r, const struct check_program *program, struct strv *argv)
{
    /* 126 and 127, as for a program: no error that a started program may end with */
    static const char activate[] =
        "venv=$1; shift\n"
        "[ -f \"$venv/bin/activate\" ] || {\n"
        "    echo \"$venv/bin/activate: No such file\" >&2; exit 127; }\n"
        ". \"$venv/bin/activate\" || exit 126\n"
        "exec \"$@\"";
    const char *venv = r->check->run.venv;
    if (venv) {
        const char *const words[] = {r->shell, "-c", activate, "sh", venv};
        for (size_t i = 0; i < COUNT_OF(words); i++)
            strv_add(argv, words[i]);
    }
    if (program->shell) {
        strv_add(argv, "/bin/sh");
        strv_add(argv, "-c");
    }
    strv_add_all(argv, &program->argv);
}

static void take_output(void *context, enum sandbox_stream stream, const char *bytes, size_t n)
{
    output_add(context, stream == SANDBOX_STDERR, bytes, n);
}

/* The init in between reports a signal as a shell does, by the exit code. */
static int signal_of(const struct sandbox_result *ended)
{
    enum { BASE = 128, STANDARD_SIGNALS = 31 };
    int number = ended->exit_code - BASE;
    return ended->signal ? ended->signal : number > 0 && number <= STANDARD_SIGNALS ? number : 0;
}

/* Run one program; how it ended and what it wrote go to *out. */
static int run_program(struct run *r, const struct check_program *program, bool start,
                       struct check_result *out, struct error *err)
{
    autostrv argv = STRV_INIT;
    make_argv(r, program, &argv);
    const char *workdir = r->check->run.workdir;
    bool wired = r->network == SANDBOX_NETWORK_HOST;
    struct sandbox_spec spec = {
        .root_fd = root_of(r),
        .mode = store_mode(r->ground->store),
        .owners = store_owners(r->ground->store),
        .upper_fd = r->snapshots[r->snapshot_count - 1].upper_fd,
        .argv = (const char *const *)strv_argv(&argv),
        .env = &r->env,
        .cwd = workdir ? workdir : r->ground->workdir,
        .user = &r->user,
        .network = r->network,
        .mounts = r->mounts,
        .mount_count = r->mount_count,
        .capabilities = r->check->run.capabilities,
        .insecure = r->check->run.privileged,
        .tty = r->check->run.tty,
        .ca_bundle_fd = wired ? r->ground->ca_bundle_fd : -1,
        .emulation = r->ground->emulation,
        .limiter = r->ground->limiter,
        .limits = r->limits,
        .init = true, /* as pid 1 a program would not get the signals it sends itself */
        .timeout_ms = start ? r->check->run.stop_after_ms : r->timeout_ms,
        .silence_ms = start ? r->timeout_ms : 0, /* how slow the host is must decide nothing */
        .cancel_fd = r->ground->cancel_fd,
        .output = take_output,
        .context = &out->output,
    };
    struct sandbox_result ended = {0};
    if (sandbox_run(&spec, &ended, err))
        return -1;
    out->ran = true;
    out->timed_out = ended.timed_out;
    out->out_of_memory = ended.out_of_memory;
    out->out_of_pids = ended.out_of_pids;
    out->exit_code = ended.exit_code;
    out->signal = ended.timed_out ? 0 : signal_of(&ended);
    sandbox_result_release(&ended);
    return 0;
}

/* Set-up or teardown: each must exit 0, else the check fails and the rest is left out. */
static int run_around(struct run *r, const struct check_programs *programs, const char *word,
                      struct error *err)
{
    for (size_t i = 0; i < programs->count; i++) {
        struct check_result step = {0};
        int failed = add_snapshot(r, err) || run_program(r, &programs->items[i], false, &step, err);
        bool good = !failed && !step.timed_out && !step.exit_code;
        if (!failed && !good) {
            autostr end = STR_INIT;
            if (step.timed_out)
                str_addf(&end, "did not end within %g s", r->timeout_ms / 1000.0);
            else
                verdict_describe_end(&step, &end);
            verdict_fail(r->result, "%s %zu %s", word, i + 1, str_text(&end));
            output_add(&r->result->output, false, step.output.both.data, step.output.both.len);
        }
        check_result_release(&step);
        if (!good)
            return failed ? -1 : 0;
    }
    return 0;
}

/* ---- files it must write ---- */

/* What shows that a file was written: overlay gives what is written a new change time. */
struct trace {
    bool there;
    struct stat st;
};

static struct trace look_at(const struct run *r, const struct file_rule *rule)
{
    struct trace t = {0};
    autoclose int fd = path_open_in_root(root_of(r), rule->path, O_PATH, 0);
    t.there = fd >= 0 && !fstat(fd, &t.st);
    return t;
}

static bool written(const struct trace *before, const struct trace *after)
{
    if (!after->there || !before->there)
        return after->there;
    const struct stat *a = &before->st, *b = &after->st;
    return a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
           a->st_ctim.tv_sec != b->st_ctim.tv_sec || a->st_ctim.tv_nsec != b->st_ctim.tv_nsec;
}

static void judge_writes(struct run *r, const struct trace *before)
{
    const struct file_rules *rules = &r->check->run.writes;
    for (size_t i = 0; i < rules->count; i++) {
        struct trace after = look_at(r, &rules->items[i]);
        autostr why = STR_INIT;
        if (after.there && !written(&before[i], &after))
            verdict_fail(r->result, "%s was there before and was not written",
                         rules->items[i].path);
        else if (!after.there)
            verdict_fail(r->result, "%s was not written", rules->items[i].path);
        else if (!file_rule_holds(root_of(r), store_owners(r->ground->store), &rules->items[i],
                                  &why))
            verdict_fail(r->result, "%s", str_text(&why));
    }
}

static int run_main(struct run *r, struct error *err)
{
    const struct check *check = r->check;
    const struct file_rules *writes = &check->run.writes;
    autofree struct trace *before = mem_zalloc(writes->count + 1, sizeof *before);
    if (add_snapshot(r, err))
        return -1;
    for (size_t i = 0; i < writes->count; i++)
        before[i] = look_at(r, &writes->items[i]);
    if (run_program(r, &check->run.program, check->kind == CHECK_START, r->result, err))
        return -1;
    verdict_decide(check, r->timeout_ms, r->result);
    judge_writes(r, before);
    return 0;
}

static int run_all(struct run *r, struct error *err)
{
    const struct check_run_rule *rule = &r->check->run;
    if (prepare(r, err) || run_around(r, &rule->setup, "set-up step", err))
        return -1;
    if (r->result->verdict != VERDICT_FAILED && run_main(r, err))
        return -1;
    return run_around(r, &rule->teardown, "teardown step", err);
}

static void run_release(struct run *r)
{
    for (size_t i = r->shared_mounts; i < r->mount_count; i++)
        close(r->mounts[i].source_fd);
    free(r->mounts);
    user_ids_release(&r->user);
    strv_release(&r->env);
    while (r->snapshot_count)
        snapshot_release(&r->snapshots[--r->snapshot_count]);
    free(r->snapshots);
}

int check_run(const struct check *check, const struct check_ground *ground,
              struct check_result *out, struct error *err)
{
    struct run r = {.check = check, .ground = ground, .result = out};
    choose(&r);
    if (skipped(&r))
        return 0;
    autoerror problem = ERROR_INIT;
    int failed = run_all(&r, &problem);
    if (failed)
        failed = settle(&r, &problem, err);
    run_release(&r);
    return failed;
}
