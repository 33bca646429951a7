#include "layer_diff.h"

#include "layer_place.h"
#include "layer_tar.h"
#include "layer_xattr.h"
#include "link_table.h"
#include "whiteout.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    const struct layer_diff_options *options;
    struct layer_tar *tar;
    struct layer_diff_stats stats;
    struct link_table links;
    struct layer_xattrs xattrs;
    struct str path; /* of what is being looked at */
    struct str full; /* with the prefix */
    unsigned depth;
};

static int fail(const struct walk *w, const char *what, struct error *err)
{
    return error_errno(err, ERROR_HOST, "%s %s", what, str_text(&w->path));
}

static bool skipped(const struct walk *w)
{
    for (const char *const *s = w->options->skip; s && *s; s++)
        if (!strcmp(*s, str_text(&w->path)))
            return true;
    return false;
}

/* True where a skipped path lies in the directory in hand. */
static bool holds_skipped(const struct walk *w)
{
    for (const char *const *s = w->options->skip; s && *s; s++)
        if (str_starts(*s, str_text(&w->path)) && (*s)[w->path.len] == '/')
            return true;
    return false;
}

static size_t path_push(struct walk *w, const char *name)
{
    size_t before = w->path.len;
    if (before)
        str_add_char(&w->path, '/');
    str_add(&w->path, name);
    return before;
}

static void path_pop(struct walk *w, size_t before)
{
    w->path.len = before;
    if (w->path.data)
        w->path.data[before] = '\0';
}

static int open_directory(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A directory that is here only because a skipped path lies in it. */
static int only_skipped(struct walk *w, int fd, bool *only, struct error *err)
{
    autostrv names = STRV_INIT;
    *only = holds_skipped(w);
    if (!*only || whiteout_is_opaque(w->options->form, fd))
        return 0;
    if (whiteout_names(w->options->form, fd, &names))
        return fail(w, "read", err);
    for (size_t i = 0; i < names.count && *only; i++) {
        size_t before = path_push(w, names.items[i]);
        if (!skipped(w)) {
            autoclose int inner = open_directory(fd, names.items[i]);
            *only = false;
            if (inner >= 0 && only_skipped(w, inner, only, err))
                return -1;
        }
        path_pop(w, before);
    }
    return 0;
}

/* What an entry begins with. The path is w's, with the prefix where there is one. */
static struct layer_entry entry_of(struct walk *w, const struct stat *st)
{
    const char *path = str_text(&w->path);
    if (w->options->prefix) {
        str_clear(&w->full);
        str_addf(&w->full, "%s/%s", w->options->prefix, path);
        path = str_text(&w->full);
    }
    return (struct layer_entry){.path = path,
                                .mode = st->st_mode,
                                .uid = w->options->no_owners ? 0 : st->st_uid,
                                .gid = w->options->no_owners ? 0 : st->st_gid,
                                .size = S_ISDIR(st->st_mode) ? 0 : st->st_size,
                                .mtime = st->st_mtim,
                                .rdev = st->st_rdev};
}

static int write_file(struct walk *w, struct layer_entry *e, int dir_fd, const char *name,
                      struct error *err)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
    if (fd < 0)
        return fail(w, "open", err);
    if (layer_xattrs_read(&w->xattrs, fd, -1, NULL, e->path, err))
        return -1;
    e->xattrs = w->xattrs.items;
    e->xattr_count = w->xattrs.count;
    w->stats.bytes += (uint64_t)e->size;
    return layer_tar_entry(w->tar, e, err) || layer_tar_content_fd(w->tar, fd, err) ? -1 : 0;
}

static int write_other(struct walk *w, struct layer_entry *e, int dir_fd, const char *name,
                       struct error *err)
{
    autofree char *target = NULL;
    if (S_ISLNK(e->mode)) {
        e->link = target = path_read_link(dir_fd, name);
        if (!target)
            return fail(w, "read the symlink", err);
    }
    if (layer_xattrs_read(&w->xattrs, -1, dir_fd, name, e->path, err))
        return -1;
    e->xattrs = w->xattrs.items;
    e->xattr_count = w->xattrs.count;
    return layer_tar_entry(w->tar, e, err);
}

static int write_leaf(struct walk *w, const struct stat *st, int dir_fd, const char *name,
                      struct error *err)
{
    struct layer_entry e = entry_of(w, st);
    w->stats.entries++;
    if (st->st_nlink > 1) {
        e.link = link_table_find(&w->links, st, e.path);
        e.hard_link = e.link != NULL;
    }
    if (e.hard_link)
        return layer_tar_entry(w->tar, &e, err);
    return S_ISREG(st->st_mode) ? write_file(w, &e, dir_fd, name, err)
                                : write_other(w, &e, dir_fd, name, err);
}

static int walk_directory(struct walk *w, int fd, struct error *err);

static int write_directory(struct walk *w, const struct stat *st, int dir_fd, const char *name,
                           struct error *err)
{
    autoclose int fd = open_directory(dir_fd, name);
    bool only;
    if (fd < 0)
        return fail(w, "open", err);
    if (only_skipped(w, fd, &only, err))
        return -1;
    if (only)
        return 0;
    if (layer_xattrs_read(&w->xattrs, fd, -1, NULL, str_text(&w->path), err))
        return -1;
    struct layer_entry e = entry_of(w, st);
    e.xattrs = w->xattrs.items;
    e.xattr_count = w->xattrs.count;
    w->stats.entries++;
    if (layer_tar_entry(w->tar, &e, err) ||
        (whiteout_is_opaque(w->options->form, fd) && layer_tar_opaque(w->tar, e.path, err)))
        return -1;
    return walk_directory(w, fd, err);
}

/* 1: a whiteout; 0: *st says what it is; -1 with errno. */
static int look_at(const struct walk *w, int dir_fd, const char *name, struct stat *st)
{
    enum whiteout_form form = w->options->form;
    if (!owners_stat(w->options->owners, dir_fd, name, st))
        return form != WHITEOUT_PLAIN && whiteout_is(st);
    return errno == ENOENT && form == WHITEOUT_PLAIN && whiteout_at(form, dir_fd, name) ? 1 : -1;
}

static int write_name(struct walk *w, int dir_fd, const char *name, struct error *err)
{
    struct stat st;
    if (skipped(w))
        return 0;
    int deleted = look_at(w, dir_fd, name, &st);
    if (deleted > 0) {
        w->stats.entries++;
        return layer_tar_whiteout(w->tar, str_text(&w->path), err);
    }
    if (deleted < 0)
        return fail(w, "look at", err);
    if (str_starts(name, WHITEOUT_PREFIX))
        return error_set(err, ERROR_INPUT,
                         "%s: a layer can't hold a file of this name, which means a deletion there",
                         str_text(&w->path));
    if (S_ISSOCK(st.st_mode)) {
        w->stats.left_out++;
        return 0;
    }
    return S_ISDIR(st.st_mode) ? write_directory(w, &st, dir_fd, name, err)
                               : write_leaf(w, &st, dir_fd, name, err);
}

static int walk_directory(struct walk *w, int fd, struct error *err)
{
    autostrv names = STRV_INIT;
    if (w->depth >= LAYER_DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "%.64s…: deeper than %d directories", str_text(&w->path),
                         LAYER_DEPTH_MAX);
    if (whiteout_names(w->options->form, fd, &names))
        return fail(w, "read", err);
    w->depth++;
    for (size_t i = 0; i < names.count; i++) {
        size_t before = path_push(w, names.items[i]);
        if (write_name(w, fd, names.items[i], err))
            return -1;
        path_pop(w, before);
    }
    w->depth--;
    return 0;
}

static int write_prefix(struct walk *w, int fd, struct error *err)
{
    struct stat st;
    if (!w->options->prefix)
        return 0;
    if (fstat(fd, &st))
        return fail(w, "look at", err);
    struct layer_entry e = entry_of(w, &st);
    e.path = w->options->prefix;
    return layer_tar_entry(w->tar, &e, err);
}

int layer_diff_into(int upper_fd, const struct layer_diff_options *options, struct layer_tar *tar,
                    struct layer_diff_stats *stats, struct error *err)
{
    struct walk w = {.options = options, .tar = tar};
    int code =
        write_prefix(&w, upper_fd, err) ||
                (whiteout_is_opaque(options->form, upper_fd) && layer_tar_opaque(w.tar, "", err)) ||
                walk_directory(&w, upper_fd, err)
            ? -1
            : 0;
    if (!code)
        *stats = w.stats;
    link_table_release(&w.links);
    layer_xattrs_release(&w.xattrs);
    str_release(&w.path);
    str_release(&w.full);
    return code;
}

int layer_diff(int upper_fd, const struct layer_diff_options *options, struct sink *to,
               struct layer_diff_stats *stats, struct error *err)
{
    struct layer_diff_stats counted;
    struct layer_tar *tar = layer_tar_new(to, options->clamp);
    if (options->limited)
        layer_tar_limit(tar);
    int code = layer_diff_into(upper_fd, options, tar, &counted, err) || layer_tar_finish(tar, err)
                   ? -1
                   : 0;
    layer_tar_free(tar);
    if (code)
        return error_wrap(err, "write the layer");
    *stats = counted;
    return 0;
}

/* Sockets count as nothing, as in the layer. */
static int is_something(struct walk *w, int dir_fd, const char *name, bool *something,
                        struct error *err)
{
    struct stat st;
    if (skipped(w))
        return 0;
    int deleted = look_at(w, dir_fd, name, &st);
    if (deleted < 0)
        return fail(w, "look at", err);
    *something = deleted || !S_ISSOCK(st.st_mode);
    if (deleted || !S_ISDIR(st.st_mode))
        return 0;
    autoclose int fd = open_directory(dir_fd, name);
    bool only;
    if (fd < 0)
        return fail(w, "open", err);
    if (only_skipped(w, fd, &only, err))
        return -1;
    *something = !only;
    return 0;
}

int layer_diff_empty(int upper_fd, const struct layer_diff_options *options, bool *empty,
                     struct error *err)
{
    struct walk w = {.options = options};
    autostrv names = STRV_INIT;
    bool something = whiteout_is_opaque(options->form, upper_fd);
    int code = whiteout_names(options->form, upper_fd, &names) ? fail(&w, "read", err) : 0;
    for (size_t i = 0; !code && !something && i < names.count; i++) {
        size_t before = path_push(&w, names.items[i]);
        code = is_something(&w, upper_fd, names.items[i], &something, err);
        path_pop(&w, before);
    }
    str_release(&w.path);
    if (!code)
        *empty = !something;
    return code;
}
