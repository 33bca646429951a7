#include "overlay.h"

#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same wherever a kernel's defaults differ: what a layer doesn't say must not be in it, and a
 * redirect or a metadata copy would be just that. A volatile upper directory is never synced by the
 * kernel, so that dropping the mount costs nothing. */
static const char *const settings[][2] = {
    {"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}};

static int refused(struct error *err, const char *what, int code)
{
    errno = code;
    error_errno(err, ERROR_HOST, "mount an overlay: %s", what);
    if (code == EPERM || code == EACCES)
        return error_hint(err, "Mounting needs root's rights (CAP_SYS_ADMIN).");
    if (code == ENODEV)
        return error_hint(err, "The kernel lacks overlayfs: modprobe overlay.");
    if (code == EINVAL)
        return error_hint(err, "The store's file system may not do for an upper directory; "
                               "--root puts it on another, such as ext4, xfs or tmpfs.");
    return -1;
}

/* The last of what the kernel has to say about a failed fsconfig, without its "e ". */
static int explain(int fs_fd, struct error *err)
{
    int code = errno;
    char line[512], last[512] = "the kernel refuses";
    for (ssize_t n; (n = read(fs_fd, line, sizeof line - 1)) > 0;) {
        line[n] = '\0';
        snprintf(last, sizeof last, "%s", str_trim(n > 2 && line[1] == ' ' ? line + 2 : line));
    }
    return refused(err, last, code);
}

static int set(int fs_fd, const char *key, int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return (int)syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, key, path, 0);
}

static int configure(int fs_fd, const struct overlay_spec *o)
{
    for (size_t i = o->lower_count; i--;)
        if (set(fs_fd, "lowerdir+", o->lower_fds[i]))
            return -1;
    if (o->upper_fd >= 0 &&
        (set(fs_fd, "upperdir", o->upper_fd) || set(fs_fd, "workdir", o->work_fd) ||
         syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FLAG, "volatile", NULL, 0)))
        return -1;
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, settings[i][0], settings[i][1], 0))
            return -1;
    syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, "source", "imgbuild", 0);
    return (int)syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

int overlay_mount_new(const struct overlay_spec *o, struct error *err)
{
    autoclose int fs_fd = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
    if (fs_fd < 0)
        return refused(err, "open the file system", errno);
    if (configure(fs_fd, o))
        return explain(fs_fd, err);
    int fd =
        (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, o->upper_fd < 0 ? MOUNT_ATTR_RDONLY : 0);
    return fd < 0 ? explain(fs_fd, err) : fd;
}

struct old_mount {
    const struct overlay_spec *spec;
    char *options;
    int fd;
    const char *failed;
    int code;
};

static char *option_text(const struct overlay_spec *o)
{
    struct str s = STR_INIT;
    str_add(&s, "lowerdir=");
    for (size_t i = o->lower_count; i--;)
        str_addf(&s, "/proc/self/fd/%d%s", o->lower_fds[i], i ? ":" : "");
    if (o->upper_fd >= 0)
        str_addf(&s, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,volatile", o->upper_fd,
                 o->work_fd);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        str_addf(&s, ",%s=%s", settings[i][0], settings[i][1]);
    return str_take(&s);
}

/* The thread and its namespace end together, and the mount there with them; the clone stays. */
static void *mount_apart(void *context)
{
    struct old_mount *m = context;
    char target[32];
    snprintf(target, sizeof target, "/proc/self/fd/%d", m->spec->attach_fd);
    m->fd = -1;
    m->failed = "unshare the mount namespace";
    if (!unshare(CLONE_FS | CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        m->failed = "the kernel refuses";
        /* The descriptor's own mount is of the old namespace: its path must be found in the new. */
        char path[4096];
        ssize_t n = readlink(target, path, sizeof path - 1);
        path[n > 0 ? n : 0] = '\0';
        if (n > 0 && !mount("imgbuild", path, "overlay", m->spec->upper_fd < 0 ? MS_RDONLY : 0,
                            m->options)) {
            m->failed = "clone the mount";
            m->fd =
                (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        }
    }
    m->code = errno;
    return NULL;
}

int overlay_mount_old(const struct overlay_spec *o, struct error *err)
{
    autofree char *options = option_text(o);
    if (strlen(options) >= (size_t)sysconf(_SC_PAGESIZE))
        return error_set(err, ERROR_HOST,
                         "mount an overlay: this kernel takes no more than %ld bytes of options, "
                         "and %zu layers need more",
                         sysconf(_SC_PAGESIZE), o->lower_count);
    struct old_mount m = {.spec = o, .options = options};
    pthread_t thread;
    errno = pthread_create(&thread, NULL, mount_apart, &m);
    if (errno)
        return error_errno(err, ERROR_HOST, "start a thread");
    pthread_join(thread, NULL);
    return m.fd < 0 ? refused(err, m.failed, m.code) : m.fd;
}

/* EINVAL is what a kernel says that knows no lowerdir+; one that does says it again. */
int overlay_mount(const struct overlay_spec *o, struct error *err)
{
    autoerror first = ERROR_INIT;
    int fd = overlay_mount_new(o, &first);
    if (fd >= 0)
        return fd;
    if (first.sys != EINVAL && first.sys != ENOSYS)
        return error_move(err, &first);
    fd = overlay_mount_old(o, err);
    return fd;
}
