/* From what a call says to the file it means. */
#include "notify_private.h"

#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINKS_MAX = 8 };

void notify_name_fd(struct notify_name *name, int fd)
{
    snprintf(name->text, sizeof name->text, "%d", fd);
}

void notify_name_of(struct notify_name *name, pid_t pid, const char *what, int number)
{
    if (number >= 0)
        snprintf(name->text, sizeof name->text, "../../%d/%s/%d", (int)pid, what, number);
    else
        snprintf(name->text, sizeof name->text, "../../%d/%s", (int)pid, what);
}

/* What relative paths start from. */
static int open_base(const struct notify *n, int dir)
{
    struct notify_name name;
    if (dir == AT_FDCWD)
        notify_name_of(&name, n->pid, "cwd", -1);
    else
        notify_name_of(&name, n->pid, "fd", dir);
    int fd = open(name.text, O_PATH | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        errno = EBADF;
    return fd;
}

/* Which number of an open file this path of /proc or /dev names for the process that says it; -1:
 * none. The thread's own /proc/self is another's. */
static int names_descriptor(const char *path)
{
    static const char *const folders[] = {"/proc/self/fd/", "/dev/fd/", "/proc/thread-self/fd/"};
    static const char *const standard[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        if (str_starts(path, folders[i]))
            return (int)str_number(path + strlen(folders[i]), INT_MAX);
    for (size_t i = 0; i < COUNT_OF(standard); i++)
        if (!strcmp(path, standard[i]))
            return (int)i;
    return -1;
}

bool notify_has_own_root(const struct notify *n, pid_t pid)
{
    struct notify_name name;
    struct stat its, ours;
    if (!n->chrooted)
        return false;
    notify_name_of(&name, pid, "root", -1);
    return !stat(name.text, &its) && !stat("/", &ours) &&
           (its.st_ino != ours.st_ino || its.st_dev != ours.st_dev);
}

/* For a process with a root of its own, whose absolute paths and ".." end there. */
static int open_in_own_root(const struct notify *n, const struct notify_target *t, int flags)
{
    struct notify_name name;
    struct open_how how = {.flags = (uint64_t)flags};
    bool absolute = t->path[0] == '/';
    notify_name_of(&name, n->pid, "root", -1);
    if (absolute)
        how.resolve = RESOLVE_IN_ROOT;
    autoclose int base = absolute ? open(name.text, O_PATH | O_CLOEXEC) : open_base(n, t->dir);
    return base < 0 ? -1 : (int)syscall(SYS_openat2, base, t->path, &how, sizeof how);
}

static int open_plainly(const struct notify *n, const struct notify_target *t, int flags)
{
    if (notify_has_own_root(n, n->pid))
        return open_in_own_root(n, t, flags);
    if (t->path[0] == '/')
        return open(t->path, flags);
    autoclose int base = open_base(n, t->dir);
    return base < 0 ? -1 : openat(base, t->path, flags);
}

/* A symlink that leads to a descriptor of the process that says it (access.log -> /dev/stdout). */
static int follow_to_descriptor(const struct notify *n, const struct notify_target *t)
{
    struct notify_target at = *t;
    int failed = errno;
    for (int i = 0; i < LINKS_MAX; i++) {
        char link[PATH_MAX];
        autoclose int fd = open_plainly(n, &at, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        ssize_t got = fd < 0 ? -1 : readlinkat(fd, "", link, sizeof link - 1);
        if (got <= 0)
            break;
        link[got] = '\0';
        if (link[0] != '/')
            break;
        int number = names_descriptor(link);
        if (number >= 0)
            return number;
        memcpy(at.path, link, (size_t)got + 1);
    }
    errno = failed;
    return -1;
}

int notify_open(const struct notify *n, const struct notify_target *t)
{
    struct notify_name name;
    if (t->itself)
        return open_base(n, t->dir);
    int number = t->nofollow ? -1 : names_descriptor(t->path);
    int fd = -1;
    if (number < 0) {
        fd = open_plainly(n, t, O_PATH | O_CLOEXEC | (t->nofollow ? O_NOFOLLOW : 0));
        if (fd < 0 && errno == ENOENT && !t->nofollow)
            number = follow_to_descriptor(n, t);
    }
    if (fd >= 0 || number < 0)
        return fd;
    notify_name_of(&name, n->pid, "fd", number);
    return open(name.text, O_PATH | O_CLOEXEC);
}

int notify_open_parent(const struct notify *n, const struct notify_target *t,
                       char name[NAME_MAX + 1])
{
    struct notify_target parent = *t;
    size_t end = strlen(parent.path);
    while (end > 1 && parent.path[end - 1] == '/')
        parent.path[--end] = '\0';
    char *slash = strrchr(parent.path, '/');
    const char *last = slash ? slash + 1 : parent.path;
    if (strlen(last) > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(name, last);
    parent.nofollow = false;
    if (!slash)
        strcpy(parent.path, ".");
    else
        parent.path[slash == parent.path ? 1 : slash - parent.path] = '\0';
    return open_plainly(n, &parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int notify_target_at(const struct notify *n, int path, int dir, bool nofollow,
                     struct notify_target *out)
{
    out->dir = dir < 0 ? AT_FDCWD : (int)(int32_t)n->args[dir];
    out->nofollow = nofollow;
    out->itself = path < 0;
    out->path[0] = '\0';
    return path < 0 ? 0 : notify_read_text(n, n->args[path], out->path);
}

static bool is_followed(const struct notify_row *row, uint64_t flags)
{
    switch (row->follow) {
    case NOTIFY_NOFOLLOW:
        return false;
    case NOTIFY_UNLESS_FLAG:
        return !(flags & AT_SYMLINK_NOFOLLOW);
    case NOTIFY_IF_FLAG:
        return flags & AT_SYMLINK_FOLLOW;
    default:
        return true;
    }
}

int notify_target(const struct notify *n, struct notify_target *out)
{
    const struct notify_row *row = n->row;
    uint64_t flags = row->flags < 0 ? 0 : n->args[row->flags];
    bool may_be_empty = flags & AT_EMPTY_PATH;
    /* NULL stands for "" in newer kernels' stat. */
    bool null = may_be_empty && row->path >= 0 && !n->args[row->path];
    if (notify_target_at(n, null ? -1 : row->path, row->dir, !is_followed(row, flags), out))
        return -1;
    errno = EBADF;
    if (out->dir < 0 && (out->dir != AT_FDCWD || row->path < 0))
        return out->path[0] == '/' ? 0 : -1;
    if (out->itself || out->path[0])
        return 0;
    out->itself = may_be_empty;
    errno = ENOENT;
    return may_be_empty ? 0 : -1;
}
