#include "io.h"

#include "mem.h"
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef IMGBUILD_FAULTS
#include <signal.h>
#include <stdatomic.h>

int io_fault(void)
{
    static _Atomic long calls;
    const char *fault = getenv("IMGBUILD_FAULT");
    const char *death = getenv("IMGBUILD_KILL");
    if (!fault && !death)
        return 0;
    long n = atomic_fetch_add(&calls, 1) + 1;
    if (death && n == atol(death))
        raise(SIGKILL);
    if (!fault || n != atol(fault))
        return 0;
    const char *name = strchr(fault, ':');
    errno = name && !strcmp(name + 1, "ENOSPC") ? ENOSPC : EIO;
    return -1;
}
#endif

ssize_t io_read(int fd, void *buffer, size_t n)
{
    size_t done = 0;
    if (io_fault())
        return -1;
    while (done < n) {
        ssize_t got = read(fd, (char *)buffer + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (!got)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

int io_write(int fd, const void *bytes, size_t n)
{
    if (io_fault())
        return -1;
    while (n) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes = (const char *)bytes + put;
        n -= (size_t)put;
    }
    return 0;
}

int io_read_fd(int fd, const char *name, size_t cap, struct str *out, struct error *err)
{
    char buffer[16384];
    autostr content = STR_INIT;
    for (;;) {
        ssize_t got = io_read(fd, buffer, sizeof buffer);
        if (got < 0)
            return error_errno(err, ERROR_INPUT, "read %s", name);
        if (!got)
            break;
        if ((size_t)got > cap - content.len)
            return error_set(err, ERROR_INPUT, "read %s: it is larger than the %zu bytes allowed",
                             name, cap);
        str_add_bytes(&content, buffer, (size_t)got);
    }
    str_release(out);
    *out = content;
    content = STR_INIT;
    return 0;
}

int io_read_file(int dir_fd, const char *path, size_t cap, struct str *out, struct error *err)
{
    /* O_NONBLOCK: a fifo in a context must not hang us; it is refused below. */
    autoclose int fd = io_fault() ? -1 : openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_errno(err, errno == ENOENT || errno == ENOTDIR ? ERROR_MISSING : ERROR_INPUT,
                           "open %s", path);
    struct stat st;
    if (fstat(fd, &st))
        return error_errno(err, ERROR_INPUT, "open %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_INPUT, "read %s: it is not a regular file", path);
    return io_read_fd(fd, path, cap, out, err);
}

void io_random_name(char name[17])
{
    unsigned char bytes[8];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        abort(); /* 8 bytes from an initialised pool never fail */
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(name + 2 * i, 3, "%02x", bytes[i]);
}

int io_rename(int from_dir, const char *from, int to_dir, const char *to)
{
    return io_fault() ? -1 : renameat(from_dir, from, to_dir, to);
}

int io_sync(int fd)
{
    return io_fault() ? -1 : fsync(fd);
}

static int write_beside(int dir_fd, const char *temporary, const void *bytes, size_t n, mode_t mode,
                        int sync)
{
    autoclose int fd =
        io_fault() ? -1 : openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 || io_write(fd, bytes, n) || (sync && io_sync(fd)))
        return -1;
    return close(take_fd(&fd));
}

static int sync_dir(int dir_fd, const char *path)
{
    autofree char *dir = path_dir(path);
    autoclose int fd = openat(dir_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : io_sync(fd);
}

int io_write_file(int dir_fd, const char *path, const void *bytes, size_t n, mode_t mode, int sync,
                  struct error *err)
{
    char unique[17];
    io_random_name(unique);
    autofree char *temporary = mem_printf("%s.%s.tmp", path, unique);
    if (write_beside(dir_fd, temporary, bytes, n, mode, sync) ||
        io_rename(dir_fd, temporary, dir_fd, path)) {
        error_errno(err, ERROR_HOST, "write %s", path);
        unlinkat(dir_fd, temporary, 0);
        return -1;
    }
    if (sync && sync_dir(dir_fd, path))
        return error_errno(err, ERROR_HOST, "write %s", path);
    return 0;
}

/* Descriptors by name too: what they lead to may be a file that others are writing. */
static bool is_special(const char *path)
{
    struct stat st;
    return str_starts(path, "/dev/") || str_starts(path, "/proc/") ||
           (!stat(path, &st) && !S_ISREG(st.st_mode));
}

int io_write_output(const char *path, const void *bytes, size_t n, struct error *err)
{
    if (is_special(path)) {
        autoclose int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || io_write(fd, bytes, n))
            return error_errno(err, ERROR_HOST, "write %s", path);
        return 0;
    }
    autofree char *real = realpath(path, NULL);
    return io_write_file(AT_FDCWD, real ? real : path, bytes, n, 0644, 0, err);
}
