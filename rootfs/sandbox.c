#include "sandbox.h"

#include "notify.h"
#include "sandbox_compile.h"
#include "sandbox_warden.h"

#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE (64 * 1024)
#define REPORT_PATH_CAP 4096

/* One run, on the parent's side. */
struct run {
    const struct sandbox_spec *spec;
    int out[2][2];         /* pipes of standard output and error */
    int status[2];         /* the report pipe */
    struct notify *notify; /* NULL: the kernel answers */
    struct sandbox_ends ends;
    struct limit_group group;
    int pidfd;
    pid_t pid;
    char *stack;
    struct timespec begin, first_output;
    bool warded; /* pid is a warden, which ends what is below it */
    bool spoke, timed_out, interrupted;
};
#define RUN_NONE                                                                                   \
    ((struct run){.out = {{-1, -1}, {-1, -1}},                                                     \
                  .status = {-1, -1},                                                              \
                  .pidfd = -1,                                                                     \
                  .pid = -1,                                                                       \
                  .ends.notify = -1,                                                               \
                  .ends.join = -1,                                                                 \
                  .group = LIMIT_GROUP_NONE})

static void run_close(int *fd)
{
    mem_close_at(fd);
    *fd = -1;
}

/* Killing pid 1 kills its whole namespace, and it is waitable only when all of it is gone. */
static int run_reap(struct run *run)
{
    int status = 0;
    if (run->pid <= 0)
        return 0;
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR) {
    }
    run->pid = -1;
    return status;
}

static void run_release(struct run *run)
{
    if (run->pid > 0) {
        kill(run->pid, run->warded ? SIGTERM : SIGKILL);
        run_reap(run);
    }
    for (int i = 0; i < 2; i++) {
        run_close(&run->out[i][0]);
        run_close(&run->out[i][1]);
        run_close(&run->status[i]);
    }
    run_close(&run->pidfd);
    run_close(&run->ends.notify);
    notify_stop(run->notify);
    if (run->stack)
        munmap(run->stack, SANDBOX_CHILD_STACK);
    limit_group_release(&run->group);
}

static void build_release(struct sandbox_build *build)
{
    sandbox_build_release(build);
}

static int run_notify(struct run *run, struct error *err)
{
    const struct sandbox_spec *spec = run->spec;
    unsigned sets = run->ends.notify_sets = sandbox_notify_sets(spec);
    const struct notify_spec notify = {.sets = sets,
                                       .owners = spec->owners,
                                       .upper_fd = spec->upper_fd,
                                       .user = spec->user,
                                       .capabilities = sandbox_capabilities(spec)};
    if (!sets)
        return 0;
    if (notify_new(&notify, &run->notify, &run->ends.notify, &run->ends.notify_limit, err))
        return -1;
    /* Without mounts it is the warden that serves. */
    return sandbox_by_chroot(spec) ? 0 : notify_start(run->notify, err);
}

/* One terminal for both streams, which come out as standard output's; -1 with errno. */
static int run_make_terminal(struct run *run)
{
    char name[64];
    run->out[0][0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (run->out[0][0] < 0 || grantpt(run->out[0][0]) || unlockpt(run->out[0][0]) ||
        ptsname_r(run->out[0][0], name, sizeof name))
        return -1;
    run->out[0][1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    run->out[1][1] = fcntl(run->out[0][1], F_DUPFD_CLOEXEC, 0);
    return run->out[1][1] < 0 ? -1 : 0;
}

static int run_make_pipes(struct run *run)
{
    return pipe2(run->out[0], O_CLOEXEC) || pipe2(run->out[1], O_CLOEXEC) ? -1 : 0;
}

static int run_limit(struct run *run, struct error *err)
{
    const struct sandbox_spec *spec = run->spec;
    if (!spec->limiter || !limits_are_set(&spec->limits))
        return 0;
    if (limit_group_open(spec->limiter, &spec->limits, &run->group, err))
        return -1;
    run->ends.join = run->group.join_fd;
    return 0;
}

static int run_prepare(struct run *run, struct error *err)
{
    if (run->spec->tty ? run_make_terminal(run) : run_make_pipes(run))
        return error_errno(err, ERROR_HOST, "make %s for the sandbox",
                           run->spec->tty ? "a terminal" : "pipes");
    if (pipe2(run->status, O_CLOEXEC))
        return error_errno(err, ERROR_HOST, "make pipes for the sandbox");
    for (int i = 0; i < 2; i++)
        if (run->out[i][0] >= 0)
            fcntl(run->out[i][0], F_SETFL, O_NONBLOCK);
    run->stack = mmap(NULL, SANDBOX_CHILD_STACK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (run->stack == MAP_FAILED) {
        run->stack = NULL;
        return error_errno(err, ERROR_HOST, "make the sandbox's stack");
    }
    run->ends.stdio[0] = run->out[0][1];
    run->ends.stdio[1] = run->out[1][1];
    return run_notify(run, err) || run_limit(run, err) ? -1 : 0;
}

/* Signals are blocked meanwhile: a handler must not run in the child, whose memory is ours. */
static int run_start(struct run *run, struct sandbox_plan *plan, struct error *err)
{
    sigset_t all, before;
    int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD | SIGCHLD;
    /* From inside a namespace of cgroups another can't be joined: then it is made afterwards. */
    if (run->ends.join < 0)
        flags |= CLONE_NEWCGROUP;
    if (run->spec->network == SANDBOX_NETWORK_NONE)
        flags |= CLONE_NEWNET;
    /* An init lives on in memory of its own. */
    flags |= plan->init ? 0 : CLONE_VM | CLONE_VFORK;
    plan->status_fd = run->status[1];
    plan->status_read_fd = run->status[0];
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (run->warded) {
        run->pid = sandbox_warden_start(plan, run->notify);
        run->pidfd = run->pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, run->pid, 0);
    } else {
        run->pid = clone(sandbox_child, run->stack + SANDBOX_CHILD_STACK, flags, plan, &run->pidfd);
    }
    int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failed;
    if (run->pid < 0) {
        error_errno(err, ERROR_HOST, "make the sandbox's namespaces");
        return failed == EPERM
                   ? error_hint(err, "imgbuild doctor says which modes this host allows")
                   : -1;
    }
    run_close(&run->ends.notify); /* the notifier sees the end where the child dies */
    run_close(&run->status[1]);
    run_close(&run->out[0][1]);
    run_close(&run->out[1][1]);
    return 0;
}

static int fail_exec(const struct sandbox_spec *spec, const struct plan_report *r, const char *path,
                     struct error *err)
{
    errno = r->error;
    if (r->error == ENOENT && !strchr(spec->argv[0], '/'))
        return error_set(err, ERROR_INPUT, "run \"%s\": not found in the image's PATH",
                         spec->argv[0]);
    error_errno(err, ERROR_INPUT, "run \"%s\"", path);
    if (r->error == ENOEXEC)
        error_hint(err, "it is no program for this architecture, or a script without #!");
    if (r->error == ENOENT)
        error_hint(err, "it, or the interpreter it names, is not in the image");
    if (r->error == EACCES)
        error_hint(err, "it is not executable, or its directory is closed to the user");
    return -1;
}

static int fail_op(const struct sandbox_plan *plan, const struct plan_report *r, struct error *err)
{
    if (r->op >= plan->op_count)
        return error_set(err, ERROR_INTERNAL, "the sandbox's child reports nonsense");
    const struct plan_op *op = &plan->ops[r->op];
    /* The root is the image's: what cannot be had in it is the image's fault. */
    bool image = op->kind == PLAN_CWD || (op->kind == PLAN_PLACE && r->error != EPERM);
    errno = r->error;
    error_errno(err, image ? ERROR_INPUT : ERROR_HOST, "sandbox: %s", op->what);
    if (r->error == EPERM)
        error_hint(err, "imgbuild doctor says which modes this host allows");
    if (op->kind == PLAN_PIVOT && r->error == EINVAL)
        error_hint(err, "the root must be a detached mount, and the host's own root no initramfs");
    return -1;
}

/* Everything the child reports, to the end of the pipe, which is its exec or its death. */
static int run_reports(struct run *run, const struct sandbox_plan *plan, struct strv *created,
                       struct error *err)
{
    struct plan_report r;
    char path[REPORT_PATH_CAP + 1];
    for (;;) {
        size_t got = 0;
        while (got < sizeof r) {
            ssize_t n = read(run->status[0], (char *)&r + got, sizeof r - got);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return 0;
            got += (size_t)n;
        }
        if (r.length > REPORT_PATH_CAP)
            return error_set(err, ERROR_INTERNAL, "the sandbox's child reports nonsense");
        for (got = 0; got < r.length;) {
            ssize_t n = read(run->status[0], path + got, r.length - got);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return 0;
            got += (size_t)n;
        }
        path[r.length] = 0;
        if (r.kind == PLAN_CREATED)
            strv_add(created, path + strspn(path, "/"));
        else if (r.kind == PLAN_NO_EXEC)
            return fail_exec(run->spec, &r, path, err);
        else
            return fail_op(plan, &r, err);
    }
}

static double seconds_since(const struct timespec *begin)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) * 1e-9;
}

/* What there is to read now; closes the pipe at its end. */
static void run_read(struct run *run, enum sandbox_stream stream)
{
    char bytes[READ_SIZE];
    int *fd = &run->out[stream][0];
    for (;;) {
        ssize_t n = read(*fd, bytes, sizeof bytes);
        if (n > 0 && !run->spoke)
            clock_gettime(CLOCK_MONOTONIC, &run->first_output);
        run->spoke |= n > 0;
        if (n > 0 && run->spec->output)
            run->spec->output(run->spec->context, stream, bytes, (size_t)n);
        if (n > 0)
            return; /* poll again, so that limits hold against endless output */
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || errno != EAGAIN)
            run_close(fd);
        return;
    }
}

static void run_kill(struct run *run, bool *why)
{
    *why = true;
    kill(run->pid, run->warded ? SIGTERM : SIGKILL);
}

static int time_left(const struct run *run)
{
    const struct sandbox_spec *spec = run->spec;
    bool by_output = spec->silence_ms && run->spoke;
    unsigned limit = spec->silence_ms && !run->spoke ? spec->silence_ms : spec->timeout_ms;
    if (!spec->timeout_ms || run->timed_out)
        return -1;
    double left = limit - seconds_since(by_output ? &run->first_output : &run->begin) * 1e3;
    return left <= 0 ? 0 : (int)left + 1;
}

/* End it where it is cancelled or its time is up. */
static void run_limits(struct run *run, bool cancelled)
{
    if (cancelled)
        run_kill(run, &run->interrupted);
    if (time_left(run) == 0)
        run_kill(run, &run->timed_out);
}

/* Serve the process until it is dead and what it wrote is read. */
static void run_serve(struct run *run)
{
    bool dead = false;
    while (!dead || run->out[0][0] >= 0 || run->out[1][0] >= 0) {
        struct pollfd p[4] = {{run->out[0][0], POLLIN, 0},
                              {run->out[1][0], POLLIN, 0},
                              {dead ? -1 : run->pidfd, POLLIN, 0},
                              {dead || run->interrupted ? -1 : run->spec->cancel_fd, POLLIN, 0}};
        int n = poll(p, COUNT_OF(p), dead ? 0 : time_left(run));
        if (n < 0)
            continue; /* EINTR */
        for (int i = 0; i < 2; i++)
            if (p[i].revents)
                run_read(run, (enum sandbox_stream)i);
        if (dead && n == 0)
            return; /* somebody outside holds a pipe: nothing more is ours to wait for */
        dead = dead || p[2].revents;
        if (!dead)
            run_limits(run, p[3].revents);
    }
}

static void run_result(struct run *run, int status, struct sandbox_result *out)
{
    out->timed_out = run->timed_out;
    out->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    out->exit_code = out->signal ? 128 + out->signal : WEXITSTATUS(status);
    out->seconds = seconds_since(&run->begin);
    limit_group_events(&run->group, &out->out_of_memory, &out->out_of_pids);
}

int sandbox_run(const struct sandbox_spec *spec, struct sandbox_result *out, struct error *err)
{
    __attribute__((cleanup(run_release))) struct run run = RUN_NONE;
    __attribute__((cleanup(build_release))) struct sandbox_build build = {0};
    autostrv created = STRV_INIT;
    run.spec = spec;
    run.warded = sandbox_by_chroot(spec);
    clock_gettime(CLOCK_MONOTONIC, &run.begin);
    if (run_prepare(&run, err))
        return -1;
    if (sandbox_compile(&build, spec, &run.ends, err) || run_start(&run, &build.plan, err) ||
        run_reports(&run, &build.plan, &created, err))
        return -1;
    run_serve(&run);
    int status = run_reap(&run);
    /* A warden has recorded owners in a memory of its own. */
    if (run.warded && owners_refresh(spec->owners))
        return error_errno(err, ERROR_HOST, "read the record of owners");
    if (run.interrupted)
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    *out = (struct sandbox_result){.created = created};
    created = STRV_INIT;
    run_result(&run, status, out);
    return 0;
}

void sandbox_result_release(struct sandbox_result *result)
{
    strv_release(&result->created);
    *result = (struct sandbox_result){0};
}
