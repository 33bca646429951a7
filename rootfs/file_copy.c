#include "file_copy.h"

#include "whiteout.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { COPY_BUFFER = 128 * 1024 };

/* copy_file_range(2) does not work between any two places. */
static bool lacks_copy(int code)
{
    return code == EXDEV || code == EINVAL || code == EOPNOTSUPP || code == ENOSYS || code == EPERM;
}

static ssize_t copy_some(int from, int to, off_t at, size_t most, char **buffer)
{
    loff_t in = at, out = at;
    ssize_t n = *buffer ? -1 : copy_file_range(from, &in, to, &out, most, 0);
    if (n >= 0 || (!*buffer && !lacks_copy(errno)))
        return n;
    *buffer = *buffer ? *buffer : mem_alloc(COPY_BUFFER);
    n = pread(from, *buffer, most < COPY_BUFFER ? most : COPY_BUFFER, at);
    return n > 0 ? pwrite(to, *buffer, (size_t)n, at) : n;
}

static int copy_range(int from, int to, off_t at, off_t end)
{
    autofree char *buffer = NULL;
    while (at < end) {
        ssize_t n = copy_some(from, to, at, (size_t)(end - at), &buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n; /* 0: it became shorter */
        at += n;
    }
    return 0;
}

static int copy_content(int from, int to, off_t size)
{
    if (!size || !ioctl(to, FICLONE, from))
        return 0;
    if (io_fault())
        return -1;
    for (off_t at = 0; at < size;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;
        off_t hole = data < 0 ? size : lseek(from, data, SEEK_HOLE);
        data = data < 0 ? at : data; /* no holes are known here */
        hole = hole < 0 ? size : hole;
        if (copy_range(from, to, data, hole < size ? hole : size))
            return -1;
        at = hole;
    }
    return ftruncate(to, size);
}

static bool is_left_out(const char *name)
{
    static const char *const host[] = {"security.selinux", "security.ima", "security.evm"};
    for (size_t i = 0; i < COUNT_OF(host); i++)
        if (!strcmp(name, host[i]))
            return true;
    return whiteout_owns_xattr(name);
}

static int copy_attribute(const char *from, const char *to, const char *name)
{
    char few[512];
    autofree char *many = NULL;
    ssize_t n = lgetxattr(from, name, few, sizeof few);
    if (n < 0 && errno == ERANGE) {
        many = mem_alloc(XATTR_SIZE_MAX);
        n = lgetxattr(from, name, many, XATTR_SIZE_MAX);
    }
    if (n < 0)
        return errno == ENODATA ? 0 : -1;
    return lsetxattr(to, name, many ? many : few, (size_t)n, 0);
}

/* The attributes are reached by the directory's descriptor: there are no other calls for it below
 * Linux 6.13. */
static int copy_attributes(const struct file_place *from, const struct file_place *to)
{
    autofree char *source = mem_printf("/proc/self/fd/%d/%s", from->dir_fd, from->path);
    char few[512];
    autofree char *many = NULL;
    char *names = few;
    ssize_t n = llistxattr(source, few, sizeof few);
    if (n < 0 && errno == ERANGE) {
        names = many = mem_alloc(XATTR_LIST_MAX);
        n = llistxattr(source, many, XATTR_LIST_MAX);
    }
    if (n <= 0)
        return n == 0 || errno == ENOTSUP ? 0 : -1;
    autofree char *target = mem_printf("/proc/self/fd/%d/%s", to->dir_fd, to->path);
    for (const char *at = names; at < names + n; at += strlen(at) + 1)
        if (!is_left_out(at) && copy_attribute(source, target, at))
            return -1;
    return 0;
}

/* What the record has in its table rather than in an attribute. */
static int copy_record(const struct file_place *from, const struct file_place *to,
                       struct owners *owners)
{
    struct owner owner;
    if (!owners_has_table(owners))
        return 0;
    autoclose int source = openat(from->dir_fd, from->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    autoclose int target = openat(to->dir_fd, to->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0 || target < 0)
        return -1;
    autofree char *source_path = mem_printf("/proc/self/fd/%d", source);
    autofree char *target_path = mem_printf("/proc/self/fd/%d", target);
    return owners_read(owners, source_path, source, &owner)
               ? owners_write(owners, target_path, target, &owner)
               : 0;
}

int file_copy_dress(const struct file_place *from, const struct stat *st,
                    const struct file_place *to, struct owners *owners)
{
    if (fchownat(to->dir_fd, to->path, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) ||
        (!S_ISLNK(st->st_mode) && fchmodat(to->dir_fd, to->path, st->st_mode & 07777, 0)))
        return -1;
    return copy_attributes(from, to) || copy_record(from, to, owners) ? -1 : 0;
}

int file_copy_times(const struct file_place *to, const struct stat *st)
{
    const struct timespec times[2] = {st->st_mtim, st->st_mtim};
    return utimensat(to->dir_fd, to->path, times, AT_SYMLINK_NOFOLLOW);
}

static int make_file(const struct file_place *from, const struct stat *st,
                     const struct file_place *to)
{
    autoclose int source = openat(from->dir_fd, from->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    autoclose int target = source < 0
                               ? -1
                               : openat(to->dir_fd, to->path,
                                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return target < 0 ? -1 : copy_content(source, target, st->st_size);
}

static int make(const struct file_place *from, const struct stat *st, const struct file_place *to)
{
    if (io_fault())
        return -1;
    if (S_ISREG(st->st_mode))
        return make_file(from, st, to);
    if (S_ISDIR(st->st_mode))
        return mkdirat(to->dir_fd, to->path, 0700);
    if (!S_ISLNK(st->st_mode))
        return mknodat(to->dir_fd, to->path, st->st_mode & S_IFMT, st->st_rdev);
    autofree char *target = path_read_link(from->dir_fd, from->path);
    return target ? symlinkat(target, to->dir_fd, to->path) : -1;
}

int file_copy(const struct file_place *from, const struct stat *st, const struct file_place *to,
              struct owners *owners)
{
    if (make(from, st, to) || file_copy_dress(from, st, to, owners))
        return -1;
    return S_ISDIR(st->st_mode) ? 0 : file_copy_times(to, st);
}
