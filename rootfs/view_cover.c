#include "view_cover.h"

#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const view_covers[VIEW_COVERS] = {"dev", "proc", "sys", "etc/hosts", "etc/resolv.conf"};

/* A directory in which something is renamed keeps its times. */
struct parent {
    int fd;
    struct stat st;
};

/* False where there is no such directory. */
static bool open_parent(int view_fd, const char *path, struct parent *p)
{
    size_t n = (size_t)(path_base(path) - path);
    autofree char *dir = mem_strndup(path, n);
    p->fd = openat(view_fd, n ? dir : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return p->fd >= 0 && !fstat(p->fd, &p->st);
}

static int close_parent(struct parent *p)
{
    const struct timespec times[2] = {p->st.st_atim, p->st.st_mtim};
    int code = futimens(p->fd, times);
    mem_close_at(&p->fd);
    return code;
}

static int make_cover(int dir_fd, const char *path)
{
    if (!strchr(path, '/'))
        return mkdirat(dir_fd, path, 0755);
    autoclose int fd =
        openat(dir_fd, path_base(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return fd < 0 ? -1 : fchmod(fd, 0644);
}

/* 1: it was made; 0: it is not ours. */
static int cover(int view_fd, int aside_fd, const char *path)
{
    struct parent p;
    const char *name = path_base(path);
    if (!open_parent(view_fd, path, &p))
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
    bool there = !faccessat(p.fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
    int code = 0;
    if (there && aside_fd >= 0)
        code = renameat(p.fd, name, aside_fd, name);
    if (!code && (!there || aside_fd >= 0))
        code = make_cover(p.fd, path) ? -1 : 1;
    return close_parent(&p) ? -1 : code;
}

static int uncover(int view_fd, int aside_fd, const char *path)
{
    struct parent p;
    const char *name = path_base(path);
    if (!open_parent(view_fd, path, &p))
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
    int code = path_remove_tree(p.fd, name, NULL);
    if (!code && aside_fd >= 0 && renameat(aside_fd, name, p.fd, name) && errno != ENOENT)
        code = -1;
    return close_parent(&p) || code ? -1 : 0;
}

int view_cover(int view_fd, int aside_fd, unsigned *covered)
{
    for (size_t i = 0; i < VIEW_COVERS; i++) {
        int made = cover(view_fd, aside_fd, view_covers[i]);
        if (made < 0)
            return -1;
        *covered |= (unsigned)made << i;
    }
    return 0;
}

int view_uncover(int view_fd, int aside_fd, unsigned covered)
{
    for (size_t i = 0; i < VIEW_COVERS; i++)
        if ((covered >> i & 1) && uncover(view_fd, aside_fd, view_covers[i]))
            return -1;
    return 0;
}
