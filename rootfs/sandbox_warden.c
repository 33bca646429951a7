#include "sandbox_warden.h"

#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEEP_MAX = 12 };

struct warden {
    pid_t program;
    int signals;  /* SIGCHLD and SIGTERM */
    int children; /* /proc/thread-self/children, or -1 */
    bool ended;   /* the program, with this status */
    int status;
};

static void reap(struct warden *w)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == w->program) {
            w->ended = true;
            w->status = status;
        }
}

static bool on_signal(void *context)
{
    struct warden *w = context;
    struct signalfd_siginfo info;
    if (read(w->signals, &info, sizeof info) != sizeof info)
        return errno == EINTR;
    reap(w);
    return !w->ended && info.ssi_signo != SIGTERM;
}

/* Whoever is directly below. Their own children come to us when they are dead. */
static void kill_children(const struct warden *w)
{
    char text[4096];
    ssize_t got = w->children < 0 ? -1 : pread(w->children, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    char *rest = text;
    for (char *one; (one = strsep(&rest, " "));)
        if (*one)
            kill((pid_t)strtol(one, NULL, 10), SIGKILL);
}

static void kill_all(struct warden *w)
{
    if (!w->ended)
        kill(w->program, SIGKILL);
    for (;;) {
        int status;
        kill_children(w);
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid == w->program) {
            w->ended = true;
            w->status = status;
        }
        if (pid < 0 && errno == ECHILD)
            return;
    }
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Pipes whose end somebody waits for must not stay open here. */
static void close_others(const struct warden *w, const struct notify *notify)
{
    int keep[KEEP_MAX] = {w->signals, w->children, STDERR_FILENO};
    size_t n = 3;
    int fds[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    if (notify)
        notify_descriptors(notify, fds);
    for (size_t i = 0; i < COUNT_OF(fds) && fds[i] >= 0; i++)
        keep[n++] = fds[i];
    qsort(keep, n, sizeof *keep, by_number);
    unsigned from = 0;
    for (size_t i = 0; i < n; i++) {
        if (keep[i] < 0)
            continue;
        if ((unsigned)keep[i] > from)
            syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
        from = (unsigned)keep[i] + 1;
    }
    syscall(SYS_close_range, from, ~0U, 0);
}

static void watch_without_notifier(struct warden *w)
{
    struct pollfd p = {w->signals, POLLIN, 0};
    do
        poll(&p, 1, -1);
    while (!p.revents || on_signal(w));
}

/* All signals are blocked here, and in the child until it execs. */
static int be_warden(struct sandbox_plan *plan, struct notify *notify, pid_t parent)
{
    struct warden w = {.program = -1};
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    setsid(); /* a terminal's signals are for our parent, who will tell us */
    w.signals = signalfd(-1, &wanted, SFD_CLOEXEC);
    w.children = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (w.signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) ||
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) || getppid() != parent)
        return 126;
    w.program = fork();
    if (w.program == 0)
        sandbox_child(plan);
    if (w.program < 0)
        return 126;
    close_others(&w, notify);
    if (notify)
        notify_serve_here(notify, w.signals, on_signal, &w);
    else
        watch_without_notifier(&w);
    kill_all(&w);
    return WIFSIGNALED(w.status) ? 128 + WTERMSIG(w.status) : WEXITSTATUS(w.status);
}

pid_t sandbox_warden_start(struct sandbox_plan *plan, struct notify *notify)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        _exit(be_warden(plan, notify, parent));
    return pid;
}
