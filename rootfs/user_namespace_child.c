#include "user_namespace_child.h"

#include <base/io.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void say(const struct trial *t, enum user_namespace_stage stage, int error)
{
    const struct word word = {stage, error};
    char nothing;
    if (io_write(t->words[1], &word, sizeof word) == 0)
        while (read(t->go[0], &nothing, 1) < 0 && errno == EINTR)
            continue; /* the namespace lives until the parent has it open */
    _exit(0);
}

static int write_to(const char *path, const char *text)
{
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -1 : io_write(fd, text, strlen(text));
}

static int map_alone(const struct trial *t)
{
    char uid[64], gid[64];
    snprintf(uid, sizeof uid, "0 %u 1\n", (unsigned)t->uid);
    snprintf(gid, sizeof gid, "0 %u 1\n", (unsigned)t->gid);
    if (write_to("/proc/self/setgroups", "deny") && errno != ENOENT)
        return -1;
    return write_to("/proc/self/uid_map", uid) || write_to("/proc/self/gid_map", gid) ? -1 : 0;
}

static int try_mount(const char *type)
{
    autoclose int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        return -1;
    autoclose int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
    if (mount < 0)
        return -1;
    /* Security modules look at where it goes, too. */
    return (int)syscall(SYS_move_mount, mount, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
}

/* A /proc wants a pid namespace of this user namespace, hence one more process. */
static int try_proc(void)
{
    int status = 0;
    pid_t pid = unshare(CLONE_NEWPID) ? -1 : fork();
    if (pid < 0)
        return -1;
    if (pid == 0)
        _exit(try_mount("proc") ? errno : 0);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    return errno ? -1 : 0;
}

_Noreturn void user_namespace_child(const struct trial *t)
{
    char go;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(t->words[0]);
    close(t->go[1]);
    if (unshare(CLONE_NEWUSER))
        say(t, USER_NAMESPACE_MAKE, errno);
    if (t->map == USER_NAMESPACE_SINGLE) {
        if (map_alone(t))
            say(t, USER_NAMESPACE_MAP, errno);
    } else {
        const struct word made = {USER_NAMESPACE_MAP, 0};
        if (io_write(t->words[1], &made, sizeof made) || io_read(t->go[0], &go, 1) != 1)
            _exit(0);
    }
    if (setresgid(0, 0, 0) || setresuid(0, 0, 0))
        say(t, USER_NAMESPACE_BECOME, errno);
    if (unshare(CLONE_NEWNS | CLONE_NEWIPC) || try_mount("tmpfs"))
        say(t, USER_NAMESPACE_MOUNTS, errno);
    if (try_proc())
        say(t, USER_NAMESPACE_PROC, errno);
    say(t, USER_NAMESPACE_USABLE, 0);
}

_Noreturn void user_namespace_tool(const char *tool, char *const *argv, int error_fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(error_fd, STDOUT_FILENO);
    dup2(error_fd, STDERR_FILENO);
    execvp(tool, argv);
    _exit(errno == ENOENT ? 127 : 126);
}
