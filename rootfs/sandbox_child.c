/* The interpreter of a plan. It runs between clone(CLONE_VM|CLONE_VFORK) and execve in its parent's
 * memory, where other threads may hold any lock: system calls only, no library function with state.
 * The build compiles it without sanitizers and a test checks what it links to. */
#include "sandbox_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PATH 4096
/* Components made and links followed for one mount point. */
#define MAX_TURNS 256

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* mount(2)'s and umount2(2)'s flags; <sys/mount.h> and <linux/mount.h> clash in older libcs. */
enum { DETACH = 2, RECURSIVE_PRIVATE = 0x4000 | 0x40000 };

static size_t length_of(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

static noreturn void leave(int code)
{
    for (;;)
        syscall(SYS_exit_group, code);
}

/* One write of less than PIPE_BUF's guarantee matters not: there is one writer. */
static void report(const struct sandbox_plan *plan, uint32_t kind, size_t op, int error,
                   const char *path)
{
    struct plan_report head = {kind, (uint32_t)op, error, (uint32_t)length_of(path)};
    syscall(SYS_write, plan->status_fd, &head, sizeof head);
    syscall(SYS_write, plan->status_fd, path, head.length);
}

static int open_in(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static int attach(int mount, int target)
{
    return (int)syscall(SYS_move_mount, mount, "", target, "",
                        MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int clone_mount(int dir, const char *path)
{
    return (int)syscall(SYS_open_tree, dir, path,
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

static int set_read_only(int mount)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attr, sizeof attr);
}

/* Say what was made, by its real path: symlinks on the way may have led elsewhere. */
static void report_created(const struct sandbox_plan *plan, size_t op, int fd, const char *asked)
{
    static const char prefix[] = "/proc/self/fd/";
    char link[sizeof prefix + 12], path[MAX_PATH + 1], digits[12];
    size_t n = 0, at = sizeof prefix - 1;
    for (size_t i = 0; i < at; i++)
        link[i] = prefix[i];
    for (int v = fd; v || !n; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    while (n)
        link[at++] = digits[--n];
    link[at] = 0;
    long got = syscall(SYS_readlinkat, AT_FDCWD, link, path, MAX_PATH);
    path[got > 0 ? got : 0] = 0; /* /proc itself is made before it can be asked */
    report(plan, PLAN_CREATED, op, 0, got > 0 ? path : asked);
}

/* Make the last component of path (NUL-terminated, resolved in root) below its existing parent. */
static int make_one(const struct sandbox_plan *plan, size_t op, int root, char *path, size_t cut,
                    bool directory)
{
    size_t slash = cut;
    while (slash > 0 && path[slash - 1] != '/')
        slash--;
    const char *name = path + slash;
    char kept = 0;
    if (slash > 0) {
        kept = path[slash - 1];
        path[slash - 1] = 0;
    }
    int parent = open_in(root, slash > 1 ? path : ".", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT);
    if (slash > 0)
        path[slash - 1] = kept;
    if (parent < 0)
        return -1;
    long r = directory ? syscall(SYS_mkdirat, parent, name, 0755)
                       : syscall(SYS_mknodat, parent, name, S_IFREG | 0644, 0);
    int fd = -1;
    if (r == 0)
        fd = open_in(parent, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
    if (fd >= 0) {
        report_created(plan, op, fd, path);
        syscall(SYS_close, fd);
    }
    int saved = errno;
    syscall(SYS_close, parent);
    errno = saved;
    return r == 0 ? 0 : -1;
}

/* A dangling symlink at path: replace path by where it points. ENOENT where it is no symlink. */
static int follow_link(int root, char *path)
{
    char link[MAX_PATH];
    int fd = open_in(root, path, O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT);
    if (fd < 0)
        return -1;
    long n = syscall(SYS_readlinkat, fd, "", link, sizeof link);
    syscall(SYS_close, fd);
    size_t at = 0;
    if (n <= 0) {
        errno = ENOENT;
        return -1;
    }
    if (link[0] != '/') {
        at = length_of(path);
        while (at > 0 && path[at - 1] != '/')
            at--;
    }
    if (at + (size_t)n >= MAX_PATH) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (long i = 0; i < n; i++)
        path[at++] = link[i];
    path[at] = 0;
    return 0;
}

/* Where in path its first absent component ends; 0: nothing is absent; -1 with errno. */
static long first_absent(int root, char *path)
{
    size_t cut = 0;
    do {
        while (path[cut] == '/')
            cut++;
        while (path[cut] && path[cut] != '/')
            cut++;
        char kept = path[cut];
        path[cut] = 0;
        int fd = open_in(root, path, O_PATH, RESOLVE_IN_ROOT);
        path[cut] = kept;
        if (fd < 0)
            return errno == ENOENT ? (long)cut : -1;
        syscall(SYS_close, fd);
    } while (path[cut]);
    return 0;
}

/* Make the component that ends at cut; where it is a dangling symlink, make path lead through it
 * instead, so that the next turn makes what it points to. */
static int mend(const struct sandbox_plan *plan, size_t op, int root, char *path, size_t cut,
                bool directory)
{
    char rest[MAX_PATH];
    char kept = path[cut];
    size_t tail = length_of(path + cut);
    for (size_t i = 0; i <= tail; i++)
        rest[i] = path[cut + i];
    path[cut] = 0;
    if (follow_link(root, path) == 0) {
        size_t head = length_of(path);
        if (head + tail >= MAX_PATH) {
            errno = ENAMETOOLONG;
            return -1;
        }
        for (size_t i = 0; i <= tail; i++)
            path[head + i] = rest[i];
        return 0;
    }
    if (errno != ENOENT || make_one(plan, op, root, path, cut, kept || directory))
        return -1;
    path[cut] = kept;
    return 0;
}

/* Open target in the root as the image's processes would find it, making what is absent. */
static int open_target(const struct sandbox_plan *plan, size_t op, int root, const char *target,
                       bool directory)
{
    char path[MAX_PATH];
    size_t n = length_of(target);
    if (n >= MAX_PATH) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (size_t i = 0; i <= n; i++)
        path[i] = target[i];
    for (int turns = 0; turns < MAX_TURNS; turns++) {
        int fd = open_in(root, path, O_PATH, RESOLVE_IN_ROOT);
        if (fd >= 0 || errno != ENOENT)
            return fd;
        long cut = first_absent(root, path);
        if (cut < 0 || (cut > 0 && mend(plan, op, root, path, (size_t)cut, directory)))
            return -1;
    }
    errno = ELOOP;
    return -1;
}

static int do_chroot(int root)
{
    if (syscall(SYS_fchdir, root) || syscall(SYS_chroot, ".") || syscall(SYS_chdir, "/"))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Returns the new root, opened. */
static int do_pivot(int root)
{
    int old = (int)syscall(SYS_openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC);
    if (old < 0 || attach(root, old) || syscall(SYS_fchdir, root) ||
        syscall(SYS_pivot_root, ".", ".") || syscall(SYS_umount2, ".", DETACH) ||
        syscall(SYS_chdir, "/"))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int do_new(const struct plan_op *op)
{
    int fs = (int)syscall(SYS_fsopen, op->path, FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    /* What mount(8) shows as the device. */
    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", op->path, 0);
    for (const struct plan_option *o = op->options; o && o->key; o++)
        if (syscall(SYS_fsconfig, fs, o->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, o->key,
                    o->value, 0))
            return -1;
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        return -1;
    int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, op->attributes);
    syscall(SYS_close, fs);
    return mount;
}

static int do_place(const struct sandbox_plan *plan, size_t index, int root)
{
    const struct plan_op *op = &plan->ops[index];
    int target = open_target(plan, index, root, op->path, op->flags & PLAN_DIRECTORY);
    if (target < 0)
        return -1;
    int r = attach(plan->slots[op->slot], target);
    syscall(SYS_close, target);
    return r;
}

/* The null device that covers files must be one (CVE-2025-31133). */
static int do_open_null(int dir, const char *name)
{
    int fd = open_in(dir, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
    struct stat s;
    if (fd < 0 || syscall(SYS_fstat, fd, &s))
        return -1;
    if (!S_ISCHR(s.st_mode) || s.st_rdev != makedev(1, 3)) {
        errno = ENODEV;
        return -1;
    }
    return fd;
}

static int do_cover(const struct sandbox_plan *plan, const struct plan_op *op)
{
    int target = open_in(plan->slots[op->slot], op->path, O_PATH | O_NOFOLLOW,
                         RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (target < 0)
        return errno == ENOENT ? 0 : -1;
    int mount;
    if (op->kind == PLAN_FREEZE) {
        mount = clone_mount(target, "");
    } else {
        struct stat s;
        if (syscall(SYS_fstat, target, &s))
            return -1;
        static const struct plan_op nothing = {.path = "tmpfs", .attributes = MOUNT_ATTR_RDONLY};
        mount = S_ISDIR(s.st_mode) ? do_new(&nothing) : clone_mount(plan->slots[op->into], "");
    }
    if (mount < 0)
        return -1;
    if ((op->kind == PLAN_FREEZE && set_read_only(mount)) || attach(mount, target))
        return -1;
    syscall(SYS_close, mount);
    syscall(SYS_close, target);
    return 0;
}

static int do_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || syscall(SYS_ioctl, fd, SIOCGIFFLAGS, &request))
        return -1;
    request.ifr_flags |= IFF_UP;
    int r = (int)syscall(SYS_ioctl, fd, SIOCSIFFLAGS, &request);
    syscall(SYS_close, fd);
    return r;
}

static int do_bound(uint64_t keep)
{
    for (int cap = 0; cap < 64; cap++) {
        if (keep >> cap & 1)
            continue;
        if (syscall(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0))
            return errno == EINVAL && cap > CAP_AUDIT_READ ? 0 : -1; /* beyond the kernel's last */
    }
    return 0;
}

static int do_grant(uint64_t caps)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct now[2], want[2];
    if (syscall(SYS_capget, &head, now))
        return -1;
    for (int i = 0; i < 2; i++) {
        uint32_t have = now[i].permitted & (uint32_t)(caps >> 32 * i);
        want[i] = (struct __user_cap_data_struct){.effective = have, .permitted = have};
    }
    return (int)syscall(SYS_capset, &head, want);
}

static int do_user(const struct sandbox_plan *plan)
{
    if (syscall(SYS_setgroups, plan->group_count, plan->groups) ||
        syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid))
        return -1;
    return (int)syscall(SYS_setresuid, plan->uid, plan->uid, plan->uid);
}

/* One message with two descriptors: what the filter gave us, and the root. */
static int send_pair(int socket, int first, int second)
{
    char byte = 'n';
    struct iovec data = {&byte, 1};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {.bytes = {0}};
    int *fds = (int *)CMSG_DATA(&control.head);
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(2 * sizeof(int));
    fds[0] = first;
    fds[1] = second;
    const struct msghdr message = {.msg_iov = &data,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof control.bytes};
    return syscall(SYS_sendmsg, socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* From the filter on, the calls that it names have no answer before the notifier has it. */
static int do_notify(const struct sandbox_plan *plan, const struct plan_op *op, int root)
{
    int socket = plan->slots[op->slot];
    char go;
    int listener =
        (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                     plan->notify_filter);
    if (listener < 0 || send_pair(socket, listener, root))
        return -1;
    syscall(SYS_close, listener);
    if (syscall(SYS_read, socket, &go, 1) == 1)
        return 0;
    errno = EPIPE;
    return -1;
}

/* Owned by the user, so that /dev/stdout can be opened again by a step that is not root. */
static int do_stdio(const struct sandbox_plan *plan, const struct plan_op *op)
{
    int fd = plan->slots[op->slot];
    struct stat s;
    if (syscall(SYS_fstat, fd, &s))
        return -1;
    if (!S_ISCHR(s.st_mode) && syscall(SYS_fchown, fd, plan->uid, -1))
        return -1;
    if (syscall(SYS_dup3, fd, op->number, 0) < 0)
        return -1;
    return op->flags & PLAN_TERMINAL ? (int)syscall(SYS_ioctl, op->number, TIOCSCTTY, 0) : 0;
}

static int do_cwd(const struct sandbox_plan *plan, size_t index, int root)
{
    const char *path = plan->ops[index].path;
    if (syscall(SYS_chdir, path) == 0)
        return 0;
    if (errno != ENOENT)
        return -1;
    int fd = open_target(plan, index, root, path, true);
    if (fd < 0)
        return -1;
    syscall(SYS_close, fd);
    return (int)syscall(SYS_chdir, path);
}

static int do_clone(const struct sandbox_plan *plan, const struct plan_op *op)
{
    int mount = clone_mount(plan->slots[op->slot], op->path);
    if (mount >= 0 && (op->flags & PLAN_READ_ONLY) && set_read_only(mount))
        return -1;
    return mount;
}

/* Mounts, which come first. Returns -1 with errno, else 0 or what goes into op->into. */
static int do_mount_op(const struct sandbox_plan *plan, size_t index, int root)
{
    const struct plan_op *op = &plan->ops[index];
    const int *slot = &plan->slots[op->slot];
    if (op->kind == PLAN_JOIN)
        return syscall(SYS_write, *slot, "0", 1) == 1 ? (int)syscall(SYS_unshare, CLONE_NEWCGROUP)
                                                      : -1;
    if (op->kind == PLAN_PRIVATE)
        return (int)syscall(SYS_mount, NULL, "/", NULL, RECURSIVE_PRIVATE, NULL);
    if (op->kind == PLAN_OVERLAY)
        return (int)syscall(SYS_move_mount, *slot, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    if (op->kind == PLAN_CLONE)
        return do_clone(plan, op);
    if (op->kind == PLAN_UNCOVER)
        return (int)syscall(SYS_umount2, "/", DETACH);
    if (op->kind == PLAN_CHROOT)
        return do_chroot(*slot);
    if (op->kind == PLAN_PIVOT)
        return do_pivot(*slot);
    if (op->kind == PLAN_NEW)
        return do_new(op);
    if (op->kind == PLAN_PLACE)
        return do_place(plan, index, root);
    if (op->kind == PLAN_OPEN)
        return do_open_null(*slot, op->path);
    return do_cover(plan, op);
}

static int do_process_op(const struct sandbox_plan *plan, size_t index, int root)
{
    const struct plan_op *op = &plan->ops[index];
    if (op->kind == PLAN_HOSTNAME)
        return (int)syscall(SYS_sethostname, op->path, length_of(op->path));
    if (op->kind == PLAN_LOOPBACK)
        return do_loopback();
    if (op->kind == PLAN_KEYRING)
        return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ? -1 : 0;
    if (op->kind == PLAN_RLIMIT)
        return (int)syscall(SYS_prlimit64, 0, op->number, &op->limit, NULL);
    if (op->kind == PLAN_STDIO)
        return do_stdio(plan, op);
    if (op->kind == PLAN_USERNS)
        return (int)syscall(SYS_setns, plan->slots[op->slot], CLONE_NEWUSER);
    if (op->kind == PLAN_FILTER)
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, plan->filter);
    if (op->kind == PLAN_NO_NEW_PRIVILEGES)
        return (int)syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (op->kind == PLAN_NOTIFY)
        return do_notify(plan, op, root);
    if (op->kind == PLAN_BOUND)
        return do_bound(plan->capabilities);
    if (op->kind == PLAN_USER)
        return do_user(plan);
    if (op->kind == PLAN_GRANT)
        return do_grant(plan->capabilities);
    return do_cwd(plan, index, root);
}

/* The parent's handlers and mask must not reach the program, nor run in here. */
static void reset_signals(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {0};
    for (int s = 1; s <= 64; s++)
        syscall(SYS_rt_sigaction, s, &action, NULL, sizeof action.mask);
}

/* Set last, since a change of credentials clears it. The parent may have gone before: then nobody
 * reads the report any more. */
static void die_with_parent(const struct sandbox_plan *plan)
{
    struct pollfd p = {.fd = plan->status_fd, .events = POLLOUT};
    struct timespec at_once = {0};
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (syscall(SYS_ppoll, &p, 1, &at_once, NULL, sizeof(uint64_t)) == 1 && p.revents & POLLERR)
        leave(1);
}

static noreturn void exec_program(const struct sandbox_plan *plan)
{
    uint64_t none = 0;
    int error = ENOENT;
    size_t which = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    for (size_t i = 0; plan->candidates[i]; i++) {
        syscall(SYS_execve, plan->candidates[i], plan->argv, plan->env);
        if (errno == ENOENT || errno == ENOTDIR || (errno == EACCES && error == EACCES))
            continue;
        error = errno;
        which = i;
        if (error != EACCES)
            break;
    }
    report(plan, PLAN_NO_EXEC, which, error, plan->candidates[which]);
    leave(error == ENOENT ? 127 : 126);
}

/* Pid 1 that stays: reap whatever is left to it and end as the program ends. */
static noreturn void stay_as_init(const struct sandbox_plan *plan)
{
    long program = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (program == 0) {
        syscall(SYS_setsid);
        exec_program(plan);
    }
    if (program < 0) {
        report(plan, PLAN_FAILED, plan->op_count - 1, errno, "");
        leave(126);
    }
    syscall(SYS_close_range, 0, ~0U, 0);
    for (;;) {
        int status = 0;
        long pid = syscall(SYS_wait4, -1, &status, 0, NULL);
        if (pid == program)
            leave(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
}

int sandbox_child(void *argument)
{
    const struct sandbox_plan *plan = argument;
    int root = -1;
    syscall(SYS_close, plan->status_read_fd);
    reset_signals();
    die_with_parent(plan);
    syscall(SYS_setsid);
    syscall(SYS_umask, 0022);
    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];
        int r =
            op->kind < PLAN_HOSTNAME ? do_mount_op(plan, i, root) : do_process_op(plan, i, root);
        if (r < 0 && !(op->flags & PLAN_OPTIONAL)) {
            report(plan, PLAN_FAILED, i, errno, "");
            leave(126);
        }
        if (op->into >= 0 && op->kind != PLAN_MASK)
            plan->slots[op->into] = r;
        if (op->kind == PLAN_PIVOT || op->kind == PLAN_CHROOT)
            root = r;
    }
    syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    die_with_parent(plan);
    if (plan->init)
        stay_as_init(plan);
    exec_program(plan);
}
