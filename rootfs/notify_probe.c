#include "notify.h"

#include "notify_creds.h"

#include <base/mem.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* In a child, since a filter is for life. */
static int try_filter(void)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {1, &allow};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                &program) < 0)
        return errno;
    return 0;
}

static int try_in_child(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(try_filter());
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid < 0 ? errno : WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

bool notify_probe(char **why, char **fix)
{
    struct rlimit locks;
    *why = *fix = NULL;
    if (getrlimit(RLIMIT_LOCKS, &locks) || locks.rlim_max < creds_table_highest()) {
        *why = mem_strdup("the limit of file locks is too low to fake ids");
        *fix = mem_strdup("ulimit -x unlimited");
        return false;
    }
    int error = try_in_child();
    if (!error)
        return true;
    if (error == EINVAL)
        *why = mem_strdup("ids can't be faked before Linux 5.19");
    else if (error == EBUSY)
        *why = mem_strdup("ids can't be faked here: another seccomp notifier watches this process, "
                          "and the kernel allows one");
    else
        *why = mem_printf("ids can't be faked: a seccomp filter is refused: %s", strerror(error));
    return false;
}
