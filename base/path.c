#include "path.h"

#include "io.h"
#include "mem.h"
#include "str.h"

#include <dirent.h>
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
    size_t n = strlen(a), m = strlen(b);
    char *joined = mem_alloc(n + m + 2); /* by hand: walks of large trees call this for each file */
    memcpy(joined, a, n);
    if (joined[n - 1] != '/')
        joined[n++] = '/';
    memcpy(joined + n, b, m + 1);
    return joined;
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
    /* EAGAIN: a rename raced with the check of "..", so the kernel asks for another try. Not for
     * ever, as somebody may go on renaming. */
    int tries = 1000;
    do
        opened = syscall(SYS_openat2, fd, *path ? path : ".", &how, sizeof how);
    while (opened < 0 && (errno == EINTR || (errno == EAGAIN && --tries)));
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

/* Each level holds a descriptor and some stack, and an image's tree can be deeper than both allow:
 * what lies deeper than LEVELS_MAX is first moved up, to the directory that is being removed. */
enum { LEVELS_MAX = 64 };

struct removal {
    int top_fd; /* the directory given, once it is open; else -1 */
    unsigned level;
    bool moved; /* something came up into the top since it was last read */
};

static int remove_dir(struct removal *r, int dir_fd, const char *name);

static int remove_entry(struct removal *r, int dir_fd, const char *name)
{
    if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (r->level < LEVELS_MAX)
        return remove_dir(r, dir_fd, name);
    char unique[17];
    io_random_name(unique); /* a name that an image cannot have taken */
    r->moved = true;
    return renameat(dir_fd, name, r->top_fd, unique);
}

static int remove_entries(struct removal *r, DIR *dir)
{
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir);
        if (!e)
            return errno ? -1 : 0;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (remove_entry(r, dirfd(dir), e->d_name))
            return -1;
    }
}

static int remove_dir(struct removal *r, int dir_fd, const char *name)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoclosedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    take_fd(&fd);
    bool top = r->top_fd < 0;
    if (top)
        r->top_fd = dirfd(dir);
    r->level++;
    do {
        if (top)
            r->moved = false;
        if (remove_entries(r, dir))
            return -1;
        rewinddir(dir);
    } while (top && r->moved);
    r->level--;
    return unlinkat(dir_fd, name, AT_REMOVEDIR);
}

int path_remove_tree(int dir_fd, const char *name, struct error *err)
{
    struct removal removal = {.top_fd = -1};
    if (remove_entry(&removal, dir_fd, name))
        return error_errno(err, ERROR_HOST, "remove %s", name);
    return 0;
}

int path_list(int dir_fd, struct strv *names)
{
    autoclose int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir)
        return -1;
    take_fd(&copy);
    errno = 0;
    for (struct dirent *e; (e = readdir(dir)); errno = 0)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            strv_add(names, e->d_name);
    if (errno)
        return -1;
    strv_sort(names);
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
