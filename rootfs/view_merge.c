#include "view_merge.h"

#include "file_copy.h"
#include "link_table.h"
#include "whiteout.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { DEPTH_MAX = 300, NAMES_CAP = 64 * 1024 };

struct merging {
    int view_fd;
    struct owners *owners;
    struct link_table links;
    struct str path; /* of what is in hand */
    unsigned depth;
};

static int fail(const struct merging *m, struct error *err)
{
    error_errno(err, ERROR_HOST, "lay layers over each other: /%s", str_text(&m->path));
    return err && (err->sys == ENOSPC || err->sys == EDQUOT)
               ? error_hint(err, "free some space; imgbuild prune drops what no image needs")
               : -1;
}

static int clear(int fd)
{
    autostrv names = STRV_INIT;
    if (path_list(fd, &names))
        return -1;
    for (size_t i = 0; i < names.count; i++)
        if (path_remove_tree(fd, names.items[i], NULL))
            return -1;
    return 0;
}

/* A directory that is there takes all its attributes from the layer. */
static int undress(int dir_fd, const char *name)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autofree char *names = mem_alloc(NAMES_CAP);
    ssize_t n = fd < 0 ? -1 : flistxattr(fd, names, NAMES_CAP);
    if (n < 0)
        return fd >= 0 && errno == ENOTSUP ? 0 : -1;
    for (const char *at = names; at < names + n; at += strlen(at) + 1)
        if (fremovexattr(fd, at) && !str_starts(at, "security."))
            return -1;
    return 0;
}

static int merge_directory(struct merging *m, int layer_fd, int view_fd, struct error *err);

static int merge_inner(struct merging *m, int layer_dir, int view_dir, const char *name,
                       const struct stat *st, struct error *err)
{
    const struct file_place from = {layer_dir, name}, to = {view_dir, name};
    struct stat there;
    bool exists = !fstatat(view_dir, name, &there, AT_SYMLINK_NOFOLLOW);
    if (exists && !S_ISDIR(there.st_mode)) {
        exists = false;
        if (unlinkat(view_dir, name, 0))
            return fail(m, err);
    }
    if (exists ? undress(view_dir, name) || file_copy_dress(&from, st, &to, m->owners)
               : file_copy(&from, st, &to, m->owners))
        return fail(m, err);
    autoclose int layer = openat(layer_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoclose int view = openat(view_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (layer < 0 || view < 0)
        return fail(m, err);
    if (merge_directory(m, layer, view, err))
        return -1;
    return file_copy_times(&to, st) ? fail(m, err) : 0;
}

static int merge_file(struct merging *m, int layer_dir, int view_dir, const char *name,
                      const struct stat *st, struct error *err)
{
    const struct file_place from = {layer_dir, name}, to = {view_dir, name};
    if (path_remove_tree(view_dir, name, NULL))
        return fail(m, err);
    const char *first =
        st->st_nlink > 1 ? link_table_find(&m->links, st, str_text(&m->path)) : NULL;
    if (first ? linkat(m->view_fd, first, view_dir, name, 0) : file_copy(&from, st, &to, m->owners))
        return fail(m, err);
    return 0;
}

static int merge_name(struct merging *m, int layer_dir, int view_dir, const char *name,
                      struct error *err)
{
    const char *deleted;
    struct stat st;
    enum whiteout_kind kind = whiteout_parse(name, &deleted);
    if (kind == WHITEOUT_PATH)
        return path_remove_tree(view_dir, deleted, NULL) ? fail(m, err) : 0;
    if (kind != WHITEOUT_NOT)
        return 0;
    if (fstatat(layer_dir, name, &st, AT_SYMLINK_NOFOLLOW))
        return fail(m, err);
    return S_ISDIR(st.st_mode) ? merge_inner(m, layer_dir, view_dir, name, &st, err)
                               : merge_file(m, layer_dir, view_dir, name, &st, err);
}

static int merge_directory(struct merging *m, int layer_fd, int view_fd, struct error *err)
{
    autostrv names = STRV_INIT;
    if (++m->depth > DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "%.64s…: deeper than %d directories", str_text(&m->path),
                         DEPTH_MAX);
    if ((whiteout_is_opaque(WHITEOUT_PLAIN, layer_fd) && clear(view_fd)) ||
        path_list(layer_fd, &names))
        return fail(m, err);
    for (size_t i = 0; i < names.count; i++) {
        size_t before = m->path.len;
        str_addf(&m->path, "%s%s", before ? "/" : "", names.items[i]);
        if (merge_name(m, layer_fd, view_fd, names.items[i], err))
            return -1;
        m->path.len = before;
        m->path.data[before] = '\0';
    }
    m->depth--;
    return 0;
}

int view_merge(int layer_fd, int view_fd, struct owners *owners, struct error *err)
{
    struct merging m = {.view_fd = view_fd, .owners = owners};
    const struct file_place from = {layer_fd, "."}, to = {view_fd, "."};
    struct stat st;
    int code = merge_directory(&m, layer_fd, view_fd, err);
    if (!code && (fstat(layer_fd, &st) || undress(view_fd, ".") ||
                  file_copy_dress(&from, &st, &to, owners) || file_copy_times(&to, &st)))
        code = fail(&m, err);
    link_table_release(&m.links);
    str_release(&m.path);
    return code;
}
