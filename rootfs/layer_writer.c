#include "layer_writer.h"

#include "layer_place.h"
#include "layer_xattr.h"
#include "user_namespace.h"
#include "whiteout.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
    ENTRIES_MAX = 5000000,
    PATHS_MAX = 256 << 20,
    HOLE = 64 * 1024,  /* zeros of such a block are not written */
    HOLE_PIECE = 4096, /* nor those of a piece of one, where content comes in two */
    SPECIAL_BITS = S_ISUID | S_ISGID | S_ISVTX,
};

/* What a directory gets at the very end: its time, which every file made in it changes, and its
 * set-id and sticky bits, since what is made in a set-group-id directory would inherit its group.
 */
struct directory_end {
    size_t path; /* offset in paths */
    mode_t mode;
    struct timespec mtime;
};

struct layer_writer {
    int root_fd;
    const struct layer_apply_options *options;
    struct layer_place *place;
    uint64_t entries;
    const struct layer_entry *file; /* being written, else NULL */
    int file_fd;
    int64_t file_end; /* what was written so far ends here */
    struct directory_end *ends;
    size_t end_count, end_cap;
    struct str paths;
    unsigned devices, other_devices; /* left out: in dev/, and elsewhere */
    bool whiteouts;                  /* there was one */
    bool umasked;
    uint32_t id_wanted; /* the highest owner that can't be had here */
};

struct layer_writer *layer_writer_new(int dir_fd, const struct layer_apply_options *options)
{
    struct layer_writer *w = mem_zalloc(1, sizeof *w);
    w->root_fd = dir_fd;
    w->options = options;
    w->place = layer_place_new(dir_fd, options->form);
    w->file_fd = -1;
    return w;
}

void layer_writer_free(struct layer_writer *w)
{
    layer_place_free(w->place);
    mem_close_at(&w->file_fd);
    free(w->ends);
    str_release(&w->paths);
    free(w);
}

void layer_writer_mind_umask(struct layer_writer *w)
{
    w->umasked = true;
}

/* ERROR_HOST for what the host lacks, ERROR_INPUT for what it would refuse anywhere. */
static int fail(const struct layer_entry *e, const char *what, struct error *err)
{
    int code = errno;
    bool input = code == ENAMETOOLONG || code == EFBIG || code == EINVAL || code == ELOOP;
    error_errno(err, input ? ERROR_INPUT : ERROR_HOST, "%s: %s", e->path, what);
    if (code == ENOSPC || code == EDQUOT)
        return error_hint(err, "Free some space; \"imgbuild prune\" drops what no image needs.");
    return -1;
}

/* Make way for an entry of the same name. *whiteout: what was there was one. */
static int remove_old(int dir_fd, const char *name, bool *whiteout)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : -1;
    *whiteout = whiteout_is(&st);
    return path_remove_tree(dir_fd, name, NULL);
}

static int set_opaque(const struct layer_writer *w, int dir_fd, const char *name)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -1 : whiteout_set_opaque(w->options->form, fd);
}

/* Deleted below. What this very layer has of that name stays, in whatever order the two come; a
 * directory then hides what is below it. */
static int add_whiteout(struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                        const char *name, struct error *err)
{
    struct stat st;
    w->whiteouts = true;
    if (!whiteout_make(w->options->form, dir_fd, name))
        return 0;
    if (errno != EEXIST || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) ||
        (S_ISDIR(st.st_mode) && set_opaque(w, dir_fd, name)))
        return fail(e, "make a whiteout", err);
    return 0;
}

/* An owner that a user namespace lacks: EINVAL. The layer then fails, but at its end, when it is
 * known how many ids it takes. */
static int give(struct layer_writer *w, const struct layer_entry *e, int dir_fd, const char *name)
{
    if (io_fault())
        return -1;
    if (!owners_give(w->options->owners, dir_fd, name, e->uid, e->gid))
        return 0;
    if (errno != EINVAL || user_namespace_is_first())
        return -1;
    uint32_t id = e->uid > e->gid ? e->uid : e->gid;
    w->id_wanted = id > w->id_wanted ? id : w->id_wanted;
    return 0;
}

static int check_owners(const struct layer_writer *w, struct error *err)
{
    if (!w->id_wanted)
        return 0;
    error_set(err, ERROR_HOST,
              "a file of it belongs to id %" PRIu32
              ", and this user namespace has ids up to %" PRIu64,
              w->id_wanted, user_namespace_ids("uid_map") - 1);
    return error_hint(err,
                      "It takes %" PRIu32
                      " subordinate ids, in /etc/subuid and in /etc/subgid: sudo "
                      "usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST USER",
                      w->id_wanted);
}

static int set_owner(struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                     const char *name)
{
    if (!e->uid && !e->gid)
        return 0;
    return give(w, e, dir_fd, name);
}

/* What a file was not made with: set-id and sticky bits, what the umask took, and what is only kept
 * in the record. */
static int set_mode(const struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                    const char *name)
{
    const mode_t mode = owners_mode(w->options->owners, e->mode) & 07777;
    if ((w->umasked || (mode & SPECIAL_BITS)) &&
        (*name ? fchmodat(dir_fd, name, mode, 0) : fchmod(dir_fd, mode)))
        return -1;
    return owners_keep_mode(w->options->owners, dir_fd, name, e->mode);
}

static int set_times(const struct layer_entry *e, int dir_fd, const char *name)
{
    const struct timespec times[2] = {e->mtime, e->mtime};
    return utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW);
}

static int remember_end(struct layer_writer *w, const struct layer_entry *e, struct error *err)
{
    struct directory_end end = {w->paths.len, e->mode, e->mtime};
    if (w->paths.len > PATHS_MAX)
        return error_set(err, ERROR_INPUT, "its directories' names take more than %d bytes",
                         PATHS_MAX);
    str_add_bytes(&w->paths, e->path, strlen(e->path) + 1);
    MEM_PUSH(w->ends, w->end_count, w->end_cap) = end;
    return 0;
}

static int finish_directory(struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                            const char *name, bool existed, struct error *err)
{
    if (existed || e->xattr_count) {
        autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || give(w, e, fd, "") ||
            fchmod(fd, owners_mode(w->options->owners, e->mode) & 0777))
            return fail(e, "set owner and mode", err);
        if (layer_xattrs_set(e, w->options->owners, fd, -1, NULL, err))
            return -1;
    } else if (set_owner(w, e, dir_fd, name)) {
        return fail(e, "set the owner", err);
    }
    return remember_end(w, e, err);
}

static int add_directory(struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                         const char *name, bool deleted, struct error *err)
{
    struct stat st;
    bool existed = false, whiteout = deleted;
    const mode_t mode = owners_mode(w->options->owners, e->mode) & 0777;
    int code = io_fault() ? -1 : mkdirat(dir_fd, name, mode);
    if (code && errno == EEXIST && !fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW)) {
        existed = S_ISDIR(st.st_mode);
        if (existed)
            code = 0;
        else if (!remove_old(dir_fd, name, &whiteout))
            code = mkdirat(dir_fd, name, mode);
    }
    if (code || (whiteout && set_opaque(w, dir_fd, name)))
        return fail(e, "make the directory", err);
    return finish_directory(w, e, dir_fd, name, existed, err);
}

static int add_file(struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                    const char *name, struct error *err)
{
    enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
    bool whiteout = false;
    const mode_t mode = owners_mode(w->options->owners, e->mode) & 0777;
    int fd = io_fault() ? -1 : openat(dir_fd, name, FLAGS, mode);
    if (fd < 0 && errno == EEXIST && !remove_old(dir_fd, name, &whiteout))
        fd = openat(dir_fd, name, FLAGS, mode);
    if (fd < 0)
        return fail(e, "make the file", err);
    w->file = e;
    w->file_fd = fd;
    w->file_end = 0;
    return 0;
}

/* Symlinks and nodes: made at once, then dressed. */
static int make_other(const struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                      const char *name)
{
    if (io_fault())
        return -1;
    if (S_ISLNK(e->mode))
        return symlinkat(e->link, dir_fd, name);
    return owners_make_node(w->options->owners, dir_fd, name, e->mode,
                            S_ISFIFO(e->mode) ? 0 : e->rdev);
}

static int add_other(struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                     const char *name, struct error *err)
{
    bool whiteout = false;
    int code = make_other(w, e, dir_fd, name);
    if (code && errno == EEXIST && !remove_old(dir_fd, name, &whiteout))
        code = make_other(w, e, dir_fd, name);
    if (code || set_owner(w, e, dir_fd, name) ||
        (!S_ISLNK(e->mode) && set_mode(w, e, dir_fd, name)))
        return fail(e, S_ISLNK(e->mode) ? "make the symlink" : "make the node", err);
    if (layer_xattrs_set(e, w->options->owners, -1, dir_fd, name, err))
        return -1;
    return set_times(e, dir_fd, name) ? fail(e, "set the time", err) : 0;
}

static int add_device(struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                      const char *name, struct error *err)
{
    /* 0:0 would be taken for a whiteout. */
    if (w->options->device_nodes && e->rdev != makedev(0, 0) && user_namespace_is_first())
        return add_other(w, e, dir_fd, name, err);
    const char *path = e->path + strspn(e->path, "./");
    if (str_starts(path, "dev/"))
        w->devices++;
    else if (!w->other_devices++)
        log_warning("%s: device node %s is left out", w->options->what, path);
    return 0;
}

/* The link is made from the very file that was looked at. */
static int link_file(int target, int dir_fd, const char *name)
{
    if (io_fault())
        return -1;
    if (!linkat(target, "", dir_fd, name, AT_EMPTY_PATH))
        return 0;
    if (errno != ENOENT) /* what the kernel says for want of CAP_DAC_READ_SEARCH */
        return -1;
    autofree char *path = mem_printf("/proc/self/fd/%d", target);
    return linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW);
}

static int open_target(struct layer_writer *w, const struct layer_entry *e, struct error *err)
{
    int dir_fd;
    const char *name;
    autoerror problem = ERROR_INIT;
    struct stat st;
    autoclose int fd = -1;
    if (!layer_place_find(w->place, e->link, LAYER_PLACE_FAIL, &dir_fd, &name, &problem) && *name)
        fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        return error_set(err, ERROR_INPUT, "%s: it is a hard link to %s, which this layer lacks",
                         e->path, e->link);
    if (S_ISDIR(st.st_mode) || whiteout_is(&st))
        return error_set(err, ERROR_INPUT, "%s: it is a hard link to %s, which is %s", e->path,
                         e->link, S_ISDIR(st.st_mode) ? "a directory" : "deleted");
    return take_fd(&fd);
}

static int add_link(struct layer_writer *w, const struct layer_entry *e, struct error *err)
{
    int dir_fd;
    const char *name;
    struct stat was, is;
    bool whiteout = false;
    autoclose int target = open_target(w, e, err);
    if (target < 0 || layer_place_find(w->place, e->path, LAYER_PLACE_MAKE, &dir_fd, &name, err))
        return -1;
    int code = link_file(target, dir_fd, name);
    if (code && errno == EEXIST && !fstatat(dir_fd, name, &was, AT_SYMLINK_NOFOLLOW) &&
        !fstat(target, &is)) {
        if (was.st_ino == is.st_ino && was.st_dev == is.st_dev)
            return 0;
        code = remove_old(dir_fd, name, &whiteout) ? -1 : link_file(target, dir_fd, name);
    }
    return code ? fail(e, "make the hard link", err) : 0;
}

/* The layer's root may say how it looks, and no more. */
static int add_root(struct layer_writer *w, const struct layer_entry *e, struct error *err)
{
    if (!S_ISDIR(e->mode) || e->hard_link)
        return error_set(err, ERROR_INPUT, "'%s' would replace the root", e->path);
    return finish_directory(w, e, w->root_fd, ".", true, err);
}

static int add_named(struct layer_writer *w, const struct layer_entry *e, int dir_fd,
                     const char *name, struct error *err)
{
    const char *deleted = NULL;
    switch (whiteout_parse(name, &deleted)) {
    case WHITEOUT_PATH:
        return add_whiteout(w, e, dir_fd, deleted, err);
    case WHITEOUT_DIRECTORY:
        return set_opaque(w, dir_fd, ".") ? fail(e, "hide what is below", err) : 0;
    case WHITEOUT_IGNORED:
        return 0;
    case WHITEOUT_BAD:
        return error_set(err, ERROR_INPUT, "%s: it is a whiteout of nothing", e->path);
    case WHITEOUT_NOT:
        break;
    }
    bool hidden = w->whiteouts && whiteout_take(w->options->form, dir_fd, name);
    if (e->hard_link)
        return add_link(w, e, err);
    if (S_ISDIR(e->mode))
        return add_directory(w, e, dir_fd, name, hidden, err);
    if (S_ISREG(e->mode))
        return add_file(w, e, dir_fd, name, err);
    if (S_ISLNK(e->mode) || S_ISFIFO(e->mode))
        return add_other(w, e, dir_fd, name, err);
    if (S_ISCHR(e->mode) || S_ISBLK(e->mode))
        return add_device(w, e, dir_fd, name, err);
    return error_set(err, ERROR_INPUT, "%s: a layer can't hold a file of this type", e->path);
}

/* Whiteouts hold nothing. What lies below ".wh..wh.…" is a union file system's own. */
static int check_parents(const char *path, bool *ignored, struct error *err)
{
    *ignored = false;
    for (const char *at = path; (at = strstr(at, WHITEOUT_PREFIX)); at++) {
        const char *end = strchr(at, '/');
        if ((at > path && at[-1] != '/') || !end || !end[strspn(end, "/")])
            continue;
        if (!str_starts(at + strlen(WHITEOUT_PREFIX), WHITEOUT_PREFIX))
            return error_set(err, ERROR_INPUT, "%s: a whiteout can't hold anything", path);
        *ignored = true;
    }
    return 0;
}

int layer_writer_entry(struct layer_writer *w, const struct layer_entry *e, struct error *err)
{
    int dir_fd;
    const char *name;
    bool ignored;
    w->file = NULL;
    if (++w->entries > ENTRIES_MAX)
        return error_set(err, ERROR_INPUT, "it has more than %d entries", ENTRIES_MAX);
    if (check_parents(e->path, &ignored, err))
        return -1;
    if (ignored)
        return 0;
    if ((e->hard_link || S_ISLNK(e->mode)) && (!e->link || !*e->link))
        return error_set(err, ERROR_INPUT, "%s: it is a link to nothing", e->path);
    if (layer_place_find(w->place, e->path, LAYER_PLACE_MAKE, &dir_fd, &name, err))
        return -1;
    return *name ? add_named(w, e, dir_fd, name, err) : add_root(w, e, err);
}

static int write_at(int fd, const char *bytes, size_t n, int64_t offset)
{
    if (n && io_fault())
        return -1;
    while (n) {
        ssize_t put = pwrite(fd, bytes, n, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        n -= (size_t)put;
        offset += put;
    }
    return 0;
}

static bool is_zero(const char *bytes, size_t n)
{
    return !bytes[0] && !memcmp(bytes, bytes + 1, n - 1);
}

int layer_writer_content(struct layer_writer *w, const void *bytes, size_t n, int64_t offset,
                         struct error *err)
{
    if (!w->file)
        return 0;
    const char *from = bytes;
    size_t run = 0; /* bytes from `from` that are to be written in one go */
    for (size_t at = 0; at < n;) {
        size_t some = HOLE - (size_t)((offset + (int64_t)at) % HOLE);
        some = some < n - at ? some : n - at;
        bool hole = some >= HOLE_PIECE && is_zero((const char *)bytes + at, some);
        at += some;
        if (!hole) {
            run += some;
            continue;
        }
        if (write_at(w->file_fd, from, run, offset + (from - (const char *)bytes)))
            return fail(w->file, "write", err);
        from = (const char *)bytes + at;
        run = 0;
    }
    if (write_at(w->file_fd, from, run, offset + (from - (const char *)bytes)))
        return fail(w->file, "write", err);
    if (run)
        w->file_end = offset + (int64_t)n;
    return 0;
}

/* Writing drops file capabilities, and chown drops them and the set-id bits: so in this order. */
static int dress_file(struct layer_writer *w, const struct layer_entry *e, struct error *err)
{
    int fd = w->file_fd;
    if (w->file_end < e->size && ftruncate(fd, e->size))
        return fail(e, "set the size", err);
    if ((e->uid || e->gid) && give(w, e, fd, ""))
        return fail(e, "set the owner", err);
    if (set_mode(w, e, fd, ""))
        return fail(e, "set the mode", err);
    if (layer_xattrs_set(e, w->options->owners, fd, -1, NULL, err))
        return -1;
    const struct timespec times[2] = {e->mtime, e->mtime};
    return futimens(fd, times) ? fail(e, "set the time", err) : 0;
}

int layer_writer_end(struct layer_writer *w, struct error *err)
{
    if (!w->file)
        return 0;
    int code = dress_file(w, w->file, err);
    w->file = NULL;
    mem_close_at(&w->file_fd);
    w->file_fd = -1;
    return code;
}

/* What an entry called a directory may be something else by now, or gone. */
static int end_directory(struct layer_writer *w, const struct directory_end *end, struct error *err)
{
    const struct layer_entry e = {
        .path = w->paths.data + end->path, .mode = end->mode, .mtime = end->mtime};
    autoerror gone = ERROR_INIT;
    int dir_fd;
    const char *name;
    struct stat st;
    if (layer_place_find(w->place, e.path, LAYER_PLACE_FAIL, &dir_fd, &name, &gone))
        return 0;
    name = *name ? name : ".";
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
        return 0;
    const mode_t mode = owners_mode(w->options->owners, e.mode);
    if ((((st.st_mode ^ mode) & 07777) && fchmodat(dir_fd, name, mode & 07777, 0)) ||
        owners_keep_mode(w->options->owners, dir_fd, name, e.mode))
        return fail(&e, "set the mode", err);
    return set_times(&e, dir_fd, name) ? fail(&e, "set the time", err) : 0;
}

/* Those of dev/ nobody misses, since whatever runs gets a /dev of its own. */
static void tell_devices(const struct layer_writer *w)
{
    if (w->devices)
        log_info("%s: %u device nodes of dev/ are left out", w->options->what, w->devices);
    if (w->other_devices > 1)
        log_warning("%s: %u more device nodes are left out", w->options->what,
                    w->other_devices - 1);
}

int layer_writer_finish(struct layer_writer *w, struct error *err)
{
    tell_devices(w);
    if (check_owners(w, err))
        return -1;
    for (size_t i = 0; i < w->end_count; i++)
        if (end_directory(w, &w->ends[i], err))
            return -1;
    return 0;
}
