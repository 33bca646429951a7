/* The calls about places that are handed in. */
#include "notify_serve.h"

#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

/* The call's value arguments, counted from the first. */
static uint64_t value(const struct notify *n, int i)
{
    return n->args[n->row->value + i];
}

static void answer_bytes(struct notify *n, uint64_t buffer, const void *bytes, size_t size,
                         int64_t result)
{
    if (size && notify_write(n, buffer, bytes, size))
        notify_fail(n, EFAULT);
    else
        notify_return(n, result);
}

static void answer_code(struct notify *n, int code)
{
    notify_fail(n, code ? errno : 0);
}

static int link_flag(const struct notify_target *t)
{
    return t->nofollow ? AT_SYMLINK_NOFOLLOW : 0;
}

/* ---- open ---- */

static void serve_open(struct notify *n, const struct notify_place *p, int flags, mode_t mode)
{
    autoclose int fd = notify_place_open(p, flags, mode);
    if (fd < 0)
        notify_fail(n, errno);
    else
        notify_give_fd(n, fd, flags & O_CLOEXEC);
}

/* What open is asked for, whichever of the four calls it is; false: only the kernel knows. */
static bool open_wish(const struct notify *n, int *flags, mode_t *mode)
{
    struct open_how how;
    if (n->row->handler == NOTIFY_CREAT) {
        *flags = O_CREAT | O_WRONLY | O_TRUNC;
        *mode = (mode_t)value(n, 0);
    } else if (n->row->handler == NOTIFY_OPEN) {
        *flags = (int)value(n, 0);
        *mode = (mode_t)value(n, 1);
    } else {
        if (value(n, 1) < sizeof how || notify_read(n, value(n, 0), &how, sizeof how) ||
            how.resolve & ~(uint64_t)RESOLVE_NO_MAGICLINKS)
            return false;
        *flags = (int)how.flags;
        *mode = (mode_t)how.mode;
    }
    *mode &= 07777;
    return true;
}

/* ---- what is there ---- */

static void serve_stat(struct notify *n, const struct notify_place *p,
                       const struct notify_target *t)
{
    struct stat st;
    if (fstatat(p->base, p->path, &st, link_flag(t)))
        notify_fail(n, errno);
    else
        answer_bytes(n, value(n, 0), &st, sizeof st, 0);
}

static void serve_statx(struct notify *n, const struct notify_place *p,
                        const struct notify_target *t)
{
    struct statx x;
    int flags = (int)n->args[n->row->flags] & (AT_STATX_SYNC_TYPE | AT_NO_AUTOMOUNT);
    if (statx(p->base, p->path, flags | link_flag(t), (unsigned)value(n, 0), &x))
        notify_fail(n, errno);
    else
        answer_bytes(n, value(n, 1), &x, sizeof x, 0);
}

static void serve_read_link(struct notify *n, const struct notify_place *p)
{
    char text[PATH_MAX];
    uint64_t room = value(n, 1);
    ssize_t got;
    if (p->self) {
        notify_self(n, p->path, text);
        got = (ssize_t)strlen(text);
    } else {
        got = readlinkat(p->base, p->path, text, sizeof text);
    }
    if (got < 0 || !room || room > INT_MAX) {
        notify_fail(n, got < 0 ? errno : EINVAL);
        return;
    }
    size_t size = (size_t)got < room ? (size_t)got : room;
    answer_bytes(n, value(n, 0), text, size, (int64_t)size);
}

static void serve_statfs(struct notify *n, const struct notify_place *p)
{
    struct statfs fs;
    autoclose int fd = openat(p->base, p->path, O_PATH | O_CLOEXEC);
    if (fd < 0 || fstatfs(fd, &fs))
        notify_fail(n, errno);
    else
        answer_bytes(n, value(n, 0), &fs, sizeof fs, 0);
}

/* /dev/shm is a directory here; libraries that ask want to hear that it is a tmpfs. */
static bool serve_shm(struct notify *n, const struct notify_target *t)
{
    struct statfs fs;
    if (n->row->handler != NOTIFY_STATFS || strncmp(t->path, "/dev/shm", 8) != 0 ||
        (t->path[8] && t->path[8] != '/') || statfs(t->path, &fs))
        return false;
    fs.f_type = TMPFS_MAGIC;
    answer_bytes(n, value(n, 0), &fs, sizeof fs, 0);
    return true;
}

/* The kernel says "(unreachable)" of a directory that isn't below the step's root. */
static bool serve_cwd(struct notify *n)
{
    struct notify_name name;
    char path[PATH_MAX];
    notify_name_of(&name, n->pid, "cwd", -1);
    ssize_t got = readlink(name.text, path, sizeof path - 1);
    path[got > 0 ? got : 0] = '\0';
    if (!str_starts(path, "/proc") && !str_starts(path, "/sys") && !str_starts(path, "/dev/pts"))
        return false;
    size_t size = (size_t)got + 1;
    if (size > n->args[1])
        notify_fail(n, ERANGE);
    else
        answer_bytes(n, n->args[0], path, size, (int64_t)size);
    return true;
}

/* ---- changes ---- */

static void serve_chown(struct notify *n, const struct notify_place *p,
                        const struct notify_target *t)
{
    struct creds c;
    struct stat st;
    uint32_t uid = (uint32_t)value(n, 0), gid = (uint32_t)value(n, 1);
    notify_creds(n, n->pid, &c);
    int error = fstatat(p->base, p->path, &st, link_flag(t)) ? errno : 0;
    if (!error)
        error = creds_may_chown(&c, st.st_uid, st.st_gid, uid, gid);
    /* With one id there is nothing to change for what isn't the image's. */
    if (!error && !n->spec.owners && fchownat(p->base, p->path, uid, gid, link_flag(t)))
        error = errno;
    notify_fail(n, error);
}

static int read_times(const struct notify *n, uint64_t from, struct timespec times[2])
{
    struct timeval two[2];
    struct utimbuf old;
    if (n->row->handler == NOTIFY_TIMES_AT)
        return notify_read(n, from, times, 2 * sizeof *times);
    if (strcmp(n->row->call, "utime") == 0) {
        if (notify_read(n, from, &old, sizeof old))
            return -1;
        times[0] = (struct timespec){.tv_sec = old.actime};
        times[1] = (struct timespec){.tv_sec = old.modtime};
        return 0;
    }
    if (notify_read(n, from, two, sizeof two))
        return -1;
    for (int i = 0; i < 2; i++)
        times[i] = (struct timespec){two[i].tv_sec, two[i].tv_usec * 1000};
    return 0;
}

static void serve_times(struct notify *n, const struct notify_place *p,
                        const struct notify_target *t)
{
    struct timespec times[2];
    uint64_t from = value(n, 0);
    if (from && read_times(n, from, times))
        notify_fail(n, EFAULT);
    else
        answer_code(n, utimensat(p->base, p->path, from ? times : NULL, link_flag(t)));
}

static void serve_truncate(struct notify *n, const struct notify_place *p)
{
    autoclose int fd = openat(p->base, p->path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    answer_code(n, fd < 0 || ftruncate(fd, (off_t)value(n, 0)));
}

/* A file that is open somewhere gets a name again (O_TMPFILE). */
static void serve_link(struct notify *n, const struct notify_place *p)
{
    struct notify_target to;
    char name[NAME_MAX + 1];
    if (notify_target_at(n, n->row->value + 1, n->row->value, true, &to)) {
        notify_fail(n, errno);
        return;
    }
    autoclose int parent = notify_open_parent(n, &to, name);
    answer_code(n, parent < 0 || linkat(p->base, p->path, parent, name, AT_SYMLINK_FOLLOW));
}

/* ---- attributes ---- */

/* A path of the place as xattr calls take it: relative to this thread's /proc/self/fd. */
static bool xattr_path(const struct notify_place *p, char *path, size_t size)
{
    if (p->base == AT_FDCWD)
        return snprintf(path, size, "%s", p->path) < (int)size;
    return !strncmp(p->path, "proc/", 5) &&
           snprintf(path, size, "../../%s", p->path + 5) < (int)size;
}

static void serve_get_xattr(struct notify *n, const char *path, const char *name)
{
    char bytes[4096];
    uint64_t room = value(n, 2) < sizeof bytes ? value(n, 2) : sizeof bytes;
    ssize_t got = getxattr(path, name, room ? bytes : NULL, room);
    if (got < 0)
        notify_fail(n, errno);
    else
        answer_bytes(n, value(n, 1), bytes, room ? (size_t)got : 0, got);
}

static void serve_set_xattr(struct notify *n, const char *path, const char *name)
{
    char bytes[4096];
    uint64_t size = value(n, 2);
    if (size > sizeof bytes)
        notify_fail(n, E2BIG);
    else if (size && notify_read(n, value(n, 1), bytes, size))
        notify_fail(n, EFAULT);
    else
        answer_code(n, setxattr(path, name, bytes, size, (int)value(n, 3)));
}

static void serve_xattr(struct notify *n, const struct notify_place *p,
                        const struct notify_target *t)
{
    char path[2 * PATH_MAX], name[PATH_MAX];
    if (n->row->handler == NOTIFY_LIST_XATTR) {
        notify_return(n, 0);
    } else if (notify_read_text(n, value(n, 0), name)) {
        notify_fail(n, errno);
    } else if (t->nofollow || !xattr_path(p, path, sizeof path)) {
        notify_fail(n, n->row->handler == NOTIFY_REMOVE_XATTR ? ENODATA : ENOTSUP);
    } else if (n->row->handler == NOTIFY_GET_XATTR) {
        serve_get_xattr(n, path, name);
    } else if (n->row->handler == NOTIFY_SET_XATTR) {
        serve_set_xattr(n, path, name);
    } else {
        answer_code(n, removexattr(path, name));
    }
}

/* ---- by making the thread call again ---- */

static void serve_chdir(struct notify *n, const struct notify_place *p)
{
    int64_t result;
    autoclose int fd = openat(p->base, p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int number = fd < 0 ? -1 : notify_add_fd(n, fd);
    if (number < 0) {
        notify_fail(n, errno);
        return;
    }
    const uint64_t args[5] = {(uint64_t)number};
    if (notify_hold(n)) {
        notify_fail(n, EPERM);
        return;
    }
    notify_return(n, 0);
    notify_send(n);
    if (notify_held(n, &result))
        return;
    notify_inject(n, SYS_fchdir, args, number);
    notify_let_go(n);
}

/* /proc/self/exe. The program is that of a process of the step: set-id bits don't matter. */
static void serve_exec(struct notify *n, const struct notify_place *p)
{
    int64_t result;
    bool at = n->row->dir >= 0;
    autoclose int fd = openat(p->base, p->path, O_RDONLY | O_CLOEXEC);
    int number = fd < 0 ? -1 : notify_add_fd(n, fd);
    if (number < 0) {
        notify_fail(n, errno);
        return;
    }
    /* The empty path is the end of the one that was given. */
    uint64_t path = n->args[at ? 1 : 0];
    char text[PATH_MAX];
    if (notify_read_text(n, path, text) || notify_hold(n)) {
        notify_fail(n, EACCES);
        return;
    }
    const uint64_t args[5] = {(uint64_t)number, path + strlen(text), value(n, 0), value(n, 1),
                              AT_EMPTY_PATH};
    notify_return(n, 0);
    notify_send(n);
    if (notify_held(n, &result))
        return;
    notify_redirect(n, SYS_execveat, args);
    notify_let_go(n);
}

/* ---- all together ---- */

static bool serve_change(struct notify *n, const struct notify_place *p,
                         const struct notify_target *t)
{
    switch (n->row->handler) {
    case NOTIFY_CHOWN:
        serve_chown(n, p, t);
        return true;
    case NOTIFY_CHMOD:
        answer_code(n, fchmodat(p->base, p->path, (mode_t)value(n, 0), 0));
        return true;
    case NOTIFY_TIMES:
    case NOTIFY_TIMES_AT:
        serve_times(n, p, t);
        return true;
    case NOTIFY_TRUNCATE:
        serve_truncate(n, p);
        return true;
    case NOTIFY_LINK_AT:
        serve_link(n, p);
        return true;
    case NOTIFY_CHDIR:
        serve_chdir(n, p);
        return true;
    case NOTIFY_EXEC:
        serve_exec(n, p);
        return true;
    default:
        return false;
    }
}

static bool serve_look(struct notify *n, const struct notify_place *p,
                       const struct notify_target *t)
{
    switch (n->row->handler) {
    case NOTIFY_STAT:
        serve_stat(n, p, t);
        return true;
    case NOTIFY_STATX:
        serve_statx(n, p, t);
        return true;
    case NOTIFY_ACCESS:
        answer_code(n, faccessat(p->base, p->path, (int)value(n, 0), link_flag(t)));
        return true;
    case NOTIFY_READ_LINK:
        serve_read_link(n, p);
        return true;
    case NOTIFY_STATFS:
        serve_statfs(n, p);
        return true;
    case NOTIFY_SET_XATTR:
    case NOTIFY_GET_XATTR:
    case NOTIFY_LIST_XATTR:
    case NOTIFY_REMOVE_XATTR:
        serve_xattr(n, p, t);
        return true;
    default:
        return false;
    }
}

static bool is_open(const struct notify *n)
{
    return n->row->handler == NOTIFY_OPEN || n->row->handler == NOTIFY_OPEN_HOW ||
           n->row->handler == NOTIFY_CREAT;
}

bool notify_serve(struct notify *n)
{
    struct notify_target t;
    autoplace p = NOTIFY_PLACE;
    int flags = 0;
    mode_t mode = 0;
    if (n->row->handler == NOTIFY_GET_CWD)
        return serve_cwd(n);
    if (n->row->path < 0 || notify_target(n, &t))
        return false;
    if (is_open(n)) {
        if (!open_wish(n, &flags, &mode))
            return false;
        t.nofollow = flags & O_NOFOLLOW || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
    }
    if (serve_shm(n, &t))
        return true;
    if (!notify_place(n, &t, &p))
        return false;
    if (is_open(n)) {
        serve_open(n, &p, flags, mode);
        return true;
    }
    return serve_change(n, &p, &t) || serve_look(n, &p, &t);
}
