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
        return error_hint(err, "imgbuild doctor says which modes this host allows.");
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

static int set_text(int fs_fd, const char *key, const char *value)
{
    return (int)syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_STRING, key, value, 0);
}

static int set(int fs_fd, const char *key, int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return set_text(fs_fd, key, path);
}

/* lower: all the layers as one text, or NULL: one by one. */
static int configure(int fs_fd, const struct overlay_spec *o, const char *lower)
{
    if (lower && set_text(fs_fd, "lowerdir", lower))
        return -1;
    for (size_t i = o->lower_count; !lower && i--;)
        if (set(fs_fd, "lowerdir+", o->lower_fds[i]))
            return -1;
    if (o->upper_fd >= 0 &&
        (set(fs_fd, "upperdir", o->upper_fd) || set(fs_fd, "workdir", o->work_fd) ||
         syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FLAG, "volatile", NULL, 0)))
        return -1;
    if (o->user_xattr && syscall(SYS_fsconfig, fs_fd, FSCONFIG_SET_FLAG, "userxattr", NULL, 0))
        return -1;
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (set_text(fs_fd, settings[i][0], settings[i][1]))
            return -1;
    set_text(fs_fd, "source", "imgbuild");
    return (int)syscall(SYS_fsconfig, fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static int mount_layers(const struct overlay_spec *o, const char *lower, struct error *err)
{
    autoclose int fs_fd = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
    if (fs_fd < 0)
        return refused(err, "open the file system", errno);
    if (configure(fs_fd, o, lower))
        return explain(fs_fd, err);
    int fd =
        (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, o->upper_fd < 0 ? MOUNT_ATTR_RDONLY : 0);
    return fd < 0 ? explain(fs_fd, err) : fd;
}

int overlay_mount_new(const struct overlay_spec *o, struct error *err)
{
    return mount_layers(o, NULL, err);
}

/* Without lowerdir+ the layers are one text, of which fsconfig(2) takes 255 bytes: names of one
 * byte, with colons between, as many as Docker gives an image layers. They are symlinks, in a
 * directory that is the working directory of a thread made for it. */
enum { OLD_LAYERS_MAX = 128 };

struct old_mount {
    const struct overlay_spec *spec;
    char lower[2 * OLD_LAYERS_MAX]; /* topmost first */
    int fd;
    struct error err;
};

static int link_layers(struct old_mount *m)
{
    static const char taken[] = "./:,\\";
    const struct overlay_spec *o = m->spec;
    unsigned char name[2] = " ";
    for (size_t i = 0; i < o->lower_count; i++) {
        char target[32];
        snprintf(target, sizeof target, "/proc/self/fd/%d", o->lower_fds[o->lower_count - 1 - i]);
        do
            name[0]++;
        while (strchr(taken, name[0]));
        if (symlinkat(target, o->attach_fd, (char *)name))
            return -1;
        m->lower[2 * i] = (char)name[0];
        m->lower[2 * i + 1] = i + 1 < o->lower_count ? ':' : '\0';
    }
    return 0;
}

static void unlink_layers(const struct old_mount *m)
{
    for (size_t i = 0; i < m->spec->lower_count && m->lower[2 * i]; i++)
        unlinkat(m->spec->attach_fd, (char[]){m->lower[2 * i], '\0'}, 0);
}

static void *mount_apart(void *context)
{
    struct old_mount *m = context;
    if (unshare(CLONE_FS) || fchdir(m->spec->attach_fd))
        refused(&m->err, "take a thread's own working directory", errno);
    else
        m->fd = mount_layers(m->spec, m->lower, &m->err);
    return NULL;
}

int overlay_mount_old(const struct overlay_spec *o, struct error *err)
{
    if (o->lower_count > OLD_LAYERS_MAX)
        return error_set(err, ERROR_HOST,
                         "mount an overlay: this kernel stacks no more than %d layers, not %zu",
                         OLD_LAYERS_MAX, o->lower_count);
    struct old_mount m = {.spec = o, .fd = -1};
    pthread_t thread;
    if (link_layers(&m)) {
        error_errno(err, ERROR_HOST, "mount an overlay: name its layers");
    } else if ((errno = pthread_create(&thread, NULL, mount_apart, &m))) {
        error_errno(err, ERROR_HOST, "start a thread");
    } else {
        pthread_join(thread, NULL);
        if (m.fd < 0)
            error_move(err, &m.err);
    }
    unlink_layers(&m);
    return m.fd;
}

/* EINVAL is what a kernel says that knows no lowerdir+; one that does says it again. */
int overlay_mount(const struct overlay_spec *o, struct error *err)
{
    autoerror first = ERROR_INIT;
    int fd = overlay_mount_new(o, &first);
    if (fd >= 0)
        return fd;
    return first.sys == EINVAL ? overlay_mount_old(o, err) : error_move(err, &first);
}
