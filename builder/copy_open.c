#include "copy_open.h"

#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The directory of the path's first n bytes; what is open may be it. */
static int enter(struct copy_opener *o, const char *path, size_t n)
{
    if (o->dir_fd >= 0 && strlen(o->dir) == n && !memcmp(o->dir, path, n))
        return 0;
    copy_opener_release(o);
    o->dir = mem_strndup(path, n);
    o->dir_fd = path_open_in_root(o->root_fd, n ? o->dir : ".", O_PATH | O_DIRECTORY, 0);
    return o->dir_fd < 0 ? -1 : 0;
}

int copy_open(struct copy_opener *opener, const char *path, int flags)
{
    const char *base = path_base(path);
    size_t n = base > path ? (size_t)(base - path) - 1 : 0;
    if (!*base || !strcmp(base, ".."))
        return path_open_in_root(opener->root_fd, path, flags, 0);
    if (enter(opener, path, n))
        return -1;
    int fd = openat(opener->dir_fd, base, flags | O_NOFOLLOW | O_CLOEXEC);
    /* Where a symlink leads is to be resolved within the root. */
    return fd < 0 && (errno == ELOOP || errno == ENOTDIR)
               ? path_open_in_root(opener->root_fd, path, flags, 0)
               : fd;
}

void copy_opener_release(struct copy_opener *opener)
{
    mem_close_at(&opener->dir_fd);
    free(opener->dir);
    opener->dir = NULL;
}
