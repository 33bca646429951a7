#include "cache_mount.h"

#include <base/interrupt.h>
#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PRIVATE_MAX = 1000, WAIT_US = 50 * 1000 };

static char *name_of(const char *id, const char *base)
{
    struct digest digest;
    autodigester struct digester *h = digester_new();
    digester_add(h, id, strlen(id) + 1);
    digester_add(h, base, strlen(base) + 1);
    digester_finish(h, &digest);
    return mem_strdup(digest_hex(&digest));
}

static int host_error(struct error *err)
{
    return error_errno(err, ERROR_HOST, "make a cache mount in the store");
}

/* The folder, opened; made where it isn't there. */
static int open_folder(int mounts_fd, const char *name, const char *id, struct error *err)
{
    if (mkdirat(mounts_fd, name, 0755) && errno != EEXIST)
        return host_error(err);
    autoclose int fd = openat(mounts_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return host_error(err);
    if (faccessat(fd, "id", F_OK, 0) && io_write_file(fd, "id", id, strlen(id), 0644, 0, err))
        return -1;
    return take_fd(&fd);
}

/* 0: held; 1: somebody else holds it; -1. */
static int lock(int folder, enum mount_sharing sharing, int *out, struct error *err)
{
    autoclose int fd = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return host_error(err);
    if (flock(fd, (sharing == MOUNT_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB))
        return errno == EWOULDBLOCK ? 1 : host_error(err);
    if (futimens(fd, NULL))
        return host_error(err);
    *out = take_fd(&fd);
    return 0;
}

static int open_data(int folder, const struct mount_spec *spec, struct cache_mount *mount,
                     struct error *err)
{
    mount->fresh = !mkdirat(folder, "data", 0700);
    if (!mount->fresh && errno != EEXIST)
        return host_error(err);
    mount->data_fd = openat(folder, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mode_t mode = spec->has_mode ? spec->mode & 07777 : 0755;
    if (mount->data_fd < 0 || (mount->fresh && fchmod(mount->data_fd, mode)))
        return host_error(err);
    return 0;
}

static int wait_a_little(struct error *err)
{
    usleep(WAIT_US);
    return interrupt_check(err);
}

static int open_locked(int mounts_fd, const char *name, const char *id,
                       const struct mount_spec *spec, struct cache_mount *mount, struct error *err)
{
    for (unsigned n = 0; n < PRIVATE_MAX;) {
        autofree char *numbered = n ? mem_printf("%s-%u", name, n) : mem_strdup(name);
        autoclose int folder = open_folder(mounts_fd, numbered, id, err);
        int busy = folder < 0 ? -1 : lock(folder, spec->sharing, &mount->lock_fd, err);
        if (busy < 0)
            return -1;
        if (!busy)
            return open_data(folder, spec, mount, err);
        if (spec->sharing == MOUNT_PRIVATE)
            n++;
        else if (wait_a_little(err))
            return -1;
    }
    return error_set(err, ERROR_HOST, "the cache mount %s is in use %u times", id, PRIVATE_MAX);
}

int cache_mount_open(int cache_fd, const char *id, const char *base, const struct mount_spec *spec,
                     struct cache_mount *out, struct error *err)
{
    if (mkdirat(cache_fd, "mounts", 0700) && errno != EEXIST)
        return host_error(err);
    autoclose int mounts = openat(cache_fd, "mounts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (mounts < 0)
        return host_error(err);
    autofree char *name = name_of(id, base);
    struct cache_mount mount = CACHE_MOUNT_NONE;
    if (open_locked(mounts, name, id, spec, &mount, err)) {
        cache_mount_release(&mount);
        return -1;
    }
    *out = mount;
    return 0;
}

void cache_mount_release(struct cache_mount *mount)
{
    mem_close_at(&mount->data_fd);
    mem_close_at(&mount->lock_fd);
    *mount = CACHE_MOUNT_NONE;
}

int cache_mounts_prune(int cache_fd, time_t oldest, size_t *count, struct error *err)
{
    autoclose int mounts = openat(cache_fd, "mounts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int copy = mounts < 0 ? -1 : fcntl(mounts, F_DUPFD_CLOEXEC, 0);
    autoclosedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    size_t removed = 0;
    if (!dir && errno != ENOENT)
        return error_errno(err, ERROR_HOST, "read the store's cache mounts");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct stat st;
        autofree char *path = mem_printf("%s/lock", e->d_name);
        if (e->d_name[0] == '.' || (!fstatat(mounts, path, &st, 0) && st.st_mtime >= oldest))
            continue;
        if (path_remove_tree(mounts, e->d_name, err))
            return -1;
        removed++;
    }
    if (count)
        *count = removed;
    return 0;
}
