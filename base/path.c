#include "path.h"

#include "mem.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

char *path_join(const char *a, const char *b)
{
    if (*b == '/' || !*a)
        return mem_strdup(b);
    if (!*b)
        return mem_strdup(a);
    return mem_printf("%s%s%s", a, str_ends(a, "/") ? "" : "/", b);
}

char *path_clean(const char *path)
{
    bool rooted = *path == '/';
    autostrv parts = STRV_INIT;
    autostrv kept = STRV_INIT;
    strv_split(&parts, path, '/');
    for (size_t i = 0; i < parts.count; i++) {
        const char *part = parts.items[i];
        if (!*part || !strcmp(part, "."))
            continue;
        if (!strcmp(part, "..")) {
            if (kept.count && strcmp(kept.items[kept.count - 1], "..") != 0) {
                free(kept.items[--kept.count]);
                kept.items[kept.count] = NULL;
                continue;
            }
            if (rooted)
                continue;
        }
        strv_add(&kept, part);
    }
    autofree char *joined = strv_join(&kept, "/");
    if (rooted)
        return mem_printf("/%s", joined);
    return mem_strdup(*joined ? joined : ".");
}

const char *path_base(const char *path)
{
    const char *end = path + strlen(path);
    while (end > path + 1 && end[-1] == '/')
        end--;
    while (end > path && end[-1] != '/')
        end--;
    return *end ? end : path;
}

char *path_dir(const char *path)
{
    const char *base = path_base(path);
    size_t n = (size_t)(base - path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n ? mem_strndup(path, n) : mem_strdup(*path == '/' ? "/" : ".");
}

static int open_resolved(int fd, const char *path, int flags, mode_t mode,
                         unsigned long long resolve)
{
    struct open_how how = {
        .flags = (unsigned long long)(unsigned)(flags | O_CLOEXEC),
        .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
        .resolve = resolve | RESOLVE_NO_MAGICLINKS,
    };
    long opened;
    /* EAGAIN: a rename raced with the check of "..", so the kernel asks for another try. */
    do
        opened = syscall(SYS_openat2, fd, *path ? path : ".", &how, sizeof how);
    while (opened < 0 && (errno == EAGAIN || errno == EINTR));
    return (int)opened;
}

int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
    return open_resolved(root_fd, path, flags, mode, RESOLVE_IN_ROOT);
}

int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
    return open_resolved(dir_fd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int path_make_dirs(const char *path, struct error *err)
{
    autofree char *copy = mem_strdup(path);
    for (char *p = copy + 1; *copy; p++) {
        if (*p != '/' && *p)
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(copy, 0755) && errno != EEXIST)
            return error_errno(err, ERROR_HOST, "make directory %s", copy);
        *p = end;
        if (!end)
            break;
    }
    struct stat st;
    if (stat(path, &st))
        return error_errno(err, ERROR_HOST, "make directory %s", path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERROR_HOST, "make directory %s: a file of that name is in the way",
                         path);
    return 0;
}

/* Depth is bounded by descriptors: each level holds one. Image trees deeper than that limit can be
 * made, so a level that cannot be opened is first moved up beside the root of the removal. */
static int remove_dir_content(int fd, int top_fd, unsigned *counter);

static int remove_entry(int dir_fd, const char *name, int top_fd, unsigned *counter)
{
    if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM && errno != EBUSY)
        return -1;
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EMFILE && top_fd >= 0) {
        char moved[32];
        snprintf(moved, sizeof moved, ".removed-%u", (*counter)++);
        return renameat(dir_fd, name, top_fd, moved);
    }
    if (fd < 0)
        return -1;
    if (remove_dir_content(fd, top_fd >= 0 ? top_fd : fd, counter))
        return -1;
    return unlinkat(dir_fd, name, AT_REMOVEDIR);
}

static int remove_dir_content(int fd, int top_fd, unsigned *counter)
{
    unsigned before;
    do { /* entries moved up while we were below come round again */
        before = *counter;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        autoclosedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        if (!dir) {
            if (copy >= 0)
                close(copy);
            return -1;
        }
        rewinddir(dir);
        for (struct dirent *e; (e = readdir(dir));) {
            if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
                continue;
            if (remove_entry(fd, e->d_name, top_fd, counter))
                return -1;
        }
    } while (fd == top_fd && *counter != before);
    return 0;
}

int path_remove_tree(int dir_fd, const char *name, struct error *err)
{
    unsigned counter = 0;
    if (remove_entry(dir_fd, name, -1, &counter))
        return error_errno(err, ERROR_HOST, "remove %s", name);
    return 0;
}

char *path_read_link(int dir_fd, const char *name)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir_fd, name, target, sizeof target);
    if (n < 0)
        return NULL;
    if ((size_t)n == sizeof target) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return mem_strndup(target, (size_t)n);
}
