#include "snapshot.h"

#include "overlay.h"
#include "store_private.h"
#include "view.h"
#include "whiteout.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UPPER "upper"
#define WORK "work"
#define ATTACH "attach"

/* The layers that count, lowest first. */
struct stack {
    int *fds;
    size_t count;
};

static bool same(int a, int b)
{
    struct stat x, y;
    return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool among(int fd, const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (same(fd, fds[i]))
            return true;
    return false;
}

/* The kernel takes no directory twice, so a layer that comes twice counts where it is highest:
 * there it hides all that it has below. And a root that is opaque, which the kernel passes over,
 * hides everything below. */
static void add_layers(struct stack *s, enum whiteout_form form, const int *fds, size_t n)
{
    size_t first = n;
    while (first && !(first < n && whiteout_is_opaque(form, fds[first])))
        first--;
    for (size_t i = first; i < n; i++)
        if (!among(fds[i], fds + i + 1, n - i - 1))
            s->fds[s->count++] = fds[i];
}

static void build_stack(struct stack *s, struct store *store, const int *fds, size_t n,
                        enum snapshot_flags flags)
{
    /* An overlay wants one layer, and two where nothing is written. */
    size_t least = flags & SNAPSHOT_WRITABLE ? 1 : 2;
    bool points = flags & SNAPSHOT_MOUNT_POINTS;
    s->fds = mem_zalloc(n + 2, sizeof *s->fds);
    s->fds[0] = store_empty_fd(store);
    s->count = 1;
    if (points)
        s->fds[s->count++] = store_mount_points_fd(store);
    add_layers(s, store_form(store), fds, n);
    if (s->count > least) { /* the empty one is not needed */
        memmove(s->fds, s->fds + 1, (s->count - 1) * sizeof *s->fds);
        s->count--;
    }
}

static int make_folder(int dir_fd, const char *name, int *fd)
{
    if (io_fault() || mkdirat(dir_fd, name, 0755))
        return -1;
    *fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? -1 : 0;
}

/* The root looks as the topmost layer's does: an overlay shows its upper directory's. */
static int dress_root(struct owners *owners, int upper_fd, int top_fd)
{
    struct stat st;
    if (owners_stat(owners, top_fd, "", &st))
        return -1;
    const struct timespec times[2] = {st.st_mtim, st.st_mtim};
    return owners_give(owners, upper_fd, "", st.st_uid, st.st_gid) ||
                   fchmod(upper_fd, st.st_mode & 07777) || futimens(upper_fd, times)
               ? -1
               : 0;
}

/* A read-only overlay wants two layers; of one alone (the empty one) nothing need be laid over. */
static int mount_alone(int layer_fd, struct error *err)
{
    int fd = (int)syscall(SYS_open_tree, layer_fd, "",
                          AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return fd < 0 ? error_errno(err, ERROR_HOST, "mount an empty root") : fd;
}

static int make_mount(struct snapshot *s, const struct stack *stack, enum snapshot_flags flags,
                      struct error *err)
{
    autoclose int folder = -1, work = -1, attach = -1;
    if (make_folder(store_tmp_fd(s->store), s->name, &folder) ||
        make_folder(folder, ATTACH, &attach))
        return error_errno(err, ERROR_HOST, "make a folder in store %s", store_path(s->store));
    if ((flags & SNAPSHOT_WRITABLE) &&
        (make_folder(folder, UPPER, &s->upper_fd) || make_folder(folder, WORK, &work) ||
         dress_root(store_owners(s->store), s->upper_fd, stack->fds[stack->count - 1])))
        return error_errno(err, ERROR_HOST, "make a folder in store %s", store_path(s->store));
    const struct overlay_spec overlay = {.lower_fds = stack->fds,
                                         .lower_count = stack->count,
                                         .upper_fd = s->upper_fd,
                                         .work_fd = work,
                                         .user_xattr = store_form(s->store) == WHITEOUT_USER,
                                         .attach_fd = attach};
    bool alone = !(flags & SNAPSHOT_WRITABLE) && stack->count == 1;
    s->root_fd = alone ? mount_alone(stack->fds[0], err) : overlay_mount(&overlay, err);
    return s->root_fd < 0 ? -1 : 0;
}

/* A detached mount of a directory, on which its file system's own restrictions don't hold where
 * that is ours to say. */
static int mount_directory(int dir_fd, bool read_only, struct error *err)
{
    struct mount_attr attr = {.attr_clr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    int fd = (int)syscall(SYS_open_tree, dir_fd, "",
                          AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "mount the merged root");
    syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof attr);
    attr = (struct mount_attr){.attr_set = MOUNT_ATTR_RDONLY};
    if (read_only)
        syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof attr);
    return fd;
}

static int new_directory(struct store *store, const int *fds, size_t n, enum snapshot_flags flags,
                         struct snapshot *out, struct error *err)
{
    struct snapshot made = SNAPSHOT_NONE;
    bool mounts = store_mode(store)->view == MODE_VIEW_MOUNTS;
    enum view_use use = !(flags & SNAPSHOT_WRITABLE)      ? VIEW_LOOK
                        : (flags & SNAPSHOT_MOUNT_POINTS) ? VIEW_RUN
                                                          : VIEW_WRITE;
    if (view_take(store->views, fds, n, use, &made.directory, err))
        return -1;
    made.view = SNAPSHOT_DIRECTORY;
    made.store = store;
    made.name = mem_strdup("");
    if (mounts)
        made.root_fd = mount_directory(view_fd(made.directory), use == VIEW_LOOK, err);
    else
        made.root_fd = fcntl(view_fd(made.directory), F_DUPFD_CLOEXEC, 0);
    if (made.root_fd >= 0) {
        *out = made;
        return 0;
    }
    snapshot_release(&made);
    return -1;
}

int snapshot_new(struct store *store, const int *lower_fds, size_t n, enum snapshot_flags flags,
                 struct snapshot *out, struct error *err)
{
    if (store_form(store) == WHITEOUT_PLAIN)
        return new_directory(store, lower_fds, n, flags, out, err);
    struct stack stack = {0};
    build_stack(&stack, store, lower_fds, n, flags);
    struct snapshot made = SNAPSHOT_NONE;
    made.store = store;
    made.name = store_tmp_name(store, "snapshot");
    int code = make_mount(&made, &stack, flags, err);
    free(stack.fds);
    if (code)
        snapshot_release(&made);
    else
        *out = made;
    return code;
}

int snapshot_settle(struct snapshot *s, const struct strv *stubs, struct error *err)
{
    autoclose int folder = -1;
    /* Mounted, an overlay's upper directory may not become the lower one of another. */
    mem_close_at(&s->root_fd);
    if (!s->directory)
        return 0;
    free(s->name);
    s->name = store_tmp_name(s->store, "snapshot");
    if (make_folder(store_tmp_fd(s->store), s->name, &folder) ||
        make_folder(folder, UPPER, &s->upper_fd))
        return error_errno(err, ERROR_HOST, "make a folder in store %s", store_path(s->store));
    return view_settle(take(&s->directory), s->upper_fd, stubs, err);
}

int snapshot_adopt(struct snapshot *s, const struct digest *diff_id, struct error *err)
{
    mem_close_at(&s->root_fd);
    autofree char *path = mem_printf("%s/" UPPER, s->name);
    return store_adopt_layer(s->store, path, diff_id, err);
}

void snapshot_release(struct snapshot *s)
{
    mem_close_at(&s->root_fd);
    mem_close_at(&s->upper_fd);
    if (s->directory)
        view_give_back(s->directory);
    autoerror ignored = ERROR_INIT;
    if (s->name && *s->name && path_remove_tree(store_tmp_fd(s->store), s->name, &ignored))
        error_ignore(&ignored, "removed with all of tmp when the store is closed");
    free(s->name);
    *s = SNAPSHOT_NONE;
}
