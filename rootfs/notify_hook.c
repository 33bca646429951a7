/* A thread held on its way back from a call: what can't be answered by a number or a descriptor is
 * done by making it call again. Tracing it for that moment is allowed even where taking its
 * descriptors (pidfd_getfd) is not. The wait for an answer can't be interrupted, so it stops after
 * the answer and not before. */
#include "notify_serve.h"

#include "notify_registers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int notify_hold(struct notify *n)
{
    if (ptrace(PTRACE_SEIZE, n->pid, 0, 0))
        return -1;
    n->held_signal = 0;
    return (int)ptrace(PTRACE_INTERRUPT, n->pid, 0, 0);
}

/* A signal that came meanwhile is delivered when it goes on. */
static int wait_stopped(struct notify *n)
{
    int status;
    while (waitpid(n->pid, &status, __WALL) < 0)
        if (errno != EINTR)
            return -1;
    if (!WIFSTOPPED(status))
        return -1;
    if (status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80))
        n->held_signal = WSTOPSIG(status);
    return 0;
}

int notify_held(struct notify *n, int64_t *result)
{
    notify_registers r;
    if (wait_stopped(n) || registers_get(n->pid, &r))
        return -1;
    *result = registers_result(&r);
    return 0;
}

/* One call, to its end. */
static int call_once(struct notify *n, const notify_registers *from, long call,
                     const uint64_t args[5], int64_t *result)
{
    notify_registers r = *from;
    registers_call(&r, call, args);
    if (registers_set(n->pid, &r) || ptrace(PTRACE_SETOPTIONS, n->pid, 0, PTRACE_O_TRACESYSGOOD))
        return -1;
    for (int stops = 0; stops < 2; stops++)
        if (ptrace(PTRACE_SYSCALL, n->pid, 0, 0) || wait_stopped(n))
            return -1;
    if (registers_get(n->pid, &r))
        return -1;
    *result = registers_result(&r);
    return 0;
}

int notify_inject(struct notify *n, long call, const uint64_t args[5], int close_fd)
{
    notify_registers r;
    int64_t result, ignored;
    const uint64_t close_args[5] = {(uint64_t)close_fd};
    if (registers_get(n->pid, &r) || call_once(n, &r, call, args, &result))
        return -1;
    if (close_fd >= 0 && call_once(n, &r, SYS_close, close_args, &ignored))
        return -1;
    registers_set_result(&r, result);
    return registers_set(n->pid, &r);
}

int notify_redirect(struct notify *n, long call, const uint64_t args[5])
{
    notify_registers r;
    if (registers_get(n->pid, &r))
        return -1;
    registers_call(&r, call, args);
    return registers_set(n->pid, &r);
}

void notify_let_go(struct notify *n)
{
    ptrace(PTRACE_DETACH, n->pid, 0, (void *)(intptr_t)n->held_signal);
}

int notify_add_fd(struct notify *n, int fd)
{
    struct seccomp_notif_addfd add = {
        .id = n->request->id, .srcfd = (uint32_t)fd, .newfd_flags = O_CLOEXEC};
    return ioctl(n->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
}
