#include "mount_stub.h"

#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_one(int root_fd, const char *path, struct error *err)
{
    struct stat parent, st;
    const char *base = path_base(path);
    autofree char *folder = mem_strndup(path, (size_t)(base - path));
    autoclose int fd =
        path_open_in_root(root_fd, *folder ? folder : ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 || fstat(fd, &parent) || fstatat(fd, base, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : error_errno(err, ERROR_HOST, "look at the mount point /%s", path);
    bool directory = S_ISDIR(st.st_mode);
    if (!directory && (!S_ISREG(st.st_mode) || st.st_size))
        return 0; /* the run has made something else of it */
    if (unlinkat(fd, base, directory ? AT_REMOVEDIR : 0))
        return errno == ENOTEMPTY || errno == EEXIST
                   ? 0
                   : error_errno(err, ERROR_HOST, "remove the mount point /%s", path);
    const struct timespec times[] = {parent.st_atim, parent.st_mtim};
    if (futimens(fd, times))
        return error_errno(err, ERROR_HOST, "restore the time of /%s", folder);
    return 0;
}

/* Is the directory as it was, but for its time? */
static bool unchanged(const struct mount_stub_roots *roots, const char *path)
{
    struct stat now, then;
    autoclose int upper = path_open_beneath(roots->upper_fd, path, O_RDONLY | O_DIRECTORY, 0);
    autoclose int before = path_open_beneath(roots->before_fd, path, O_PATH | O_DIRECTORY, 0);
    return upper >= 0 && before >= 0 && !fstat(upper, &now) && !fstat(before, &then) &&
           now.st_mode == then.st_mode && now.st_uid == then.st_uid && now.st_gid == then.st_gid &&
           !whiteout_is_opaque(roots->form, upper);
}

/* The upper directory's copies of the directories that a stub was in, from the innermost on. */
static void forget_parents(const struct mount_stub_roots *roots, const char *path)
{
    autofree char *parent = mem_strdup(path);
    for (char *slash; (slash = strrchr(parent, '/'));) {
        *slash = '\0';
        if (unchanged(roots, parent) && unlinkat(roots->upper_fd, parent, AT_REMOVEDIR))
            return;
    }
}

int mount_stubs_remove(const struct mount_stub_roots *roots, const struct strv *paths,
                       struct error *err)
{
    for (size_t i = paths->count; i-- > 0;)
        if (*paths->items[i] && remove_one(roots->merged_fd, paths->items[i], err))
            return -1;
    for (size_t i = paths->count; roots->upper_fd >= 0 && i-- > 0;)
        forget_parents(roots, paths->items[i]);
    return 0;
}
