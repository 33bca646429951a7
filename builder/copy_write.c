#include "copy_write.h"

#include "copy_open.h"
#include "copy_resolve.h"

#include <base/path.h>
#include <base/str.h>
#include <rootfs/owner.h>
#include <rootfs/owner_acl.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { XATTRS_MAX = 64, XATTR_NAMES_MAX = 64 * 1024, XATTR_VALUE_MAX = 64 * 1024 };

/* One entry of the layer to be. */
struct output {
    char *path;
    enum {
        PARENT,
        MADE,
        TARGET,
        ITEM
    } kind; /* a directory that is there, one to be made, one made for a source's content, a copy */
    size_t item;
    size_t order; /* of two of one path the later wins */
};

struct outputs {
    struct output *items;
    size_t count, cap;
};

static void outputs_release(struct outputs *o)
{
    for (size_t i = 0; i < o->count; i++)
        free(o->items[i].path);
    free(o->items);
}

/* '/' sorts lowest, so that a directory's content follows it at once, as in a walk. */
static int compare_paths(const char *a, const char *b)
{
    for (;; a++, b++) {
        unsigned x = *a == '/' ? 1 : (unsigned char)*a, y = *b == '/' ? 1 : (unsigned char)*b;
        if (x != y)
            return x < y ? -1 : 1;
        if (!x)
            return 0;
    }
}

static int compare_outputs(const void *a, const void *b)
{
    const struct output *x = a, *y = b;
    int c = compare_paths(x->path, y->path);
    return c ? c : x->order < y->order ? -1 : 1;
}

static void add_output(struct outputs *o, char *path, int kind, size_t item)
{
    struct output out = {.path = path, .item = item, .order = o->count};
    out.kind = kind;
    MEM_PUSH(o->items, o->count, o->cap) = out;
}

/* The first `n` bytes of path as directories: those that exist as they are, the others made. */
static void add_parents(struct outputs *o, const char *path, size_t n, size_t existing)
{
    for (size_t i = 1; i <= n; i++)
        if (i == n || path[i] == '/')
            add_output(o, mem_strndup(path, i), i <= existing ? PARENT : MADE, 0);
}

static size_t parent_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

/* Where a source that is no directory goes. */
static char *single_path(const char *base, const char *name, bool into)
{
    return into ? mem_printf("%s%s%s", base, *base ? "/" : "", name) : mem_strdup(base);
}

static bool exists_as_directory(int root_fd, const char *path, bool *exists)
{
    *exists = false;
    if (root_fd < 0)
        return !*path;
    autoclose int fd = path_open_beneath(root_fd, path, O_PATH | O_NOFOLLOW, 0);
    struct stat st;
    if (fd < 0 || fstat(fd, &st))
        return false;
    *exists = true;
    return S_ISDIR(st.st_mode);
}

/* The destination as it is in the image. */
struct place {
    char *base;      /* resolved, no leading slash */
    size_t existing; /* bytes of it that are there */
    bool exists;
    bool into; /* sources that are no directory go in under their names */
};

static int find_place(const struct copy_list *list, const struct copy_target *target,
                      bool has_directory, struct place *p, struct error *err)
{
    if (copy_resolve(target->root_fd, target->destination, &p->base, &p->existing, err))
        return -1;
    bool is_dir = exists_as_directory(target->root_fd, p->base, &p->exists);
    p->into = is_dir || list->sources > 1 || str_ends(target->destination, "/");
    if (p->exists && !is_dir && (p->into || has_directory))
        return error_set(
            err, ERROR_INPUT,
            "cannot copy a directory or several files to “%s”: it is a file in the image",
            target->destination);
    return 0;
}

static void add_item(struct outputs *o, const struct copy_file *file, size_t i,
                     const struct place *p)
{
    bool source_itself = !file->single && !*file->name;
    if (!source_itself)
        add_output(o, single_path(p->base, file->name, !file->single || p->into), ITEM, i);
    else if (!p->exists && *p->base)
        add_output(o, mem_strdup(p->base), TARGET, i);
}

static int plan_outputs(const struct copy_list *list, const struct copy_target *target,
                        struct outputs *o, bool *fresh, struct error *err)
{
    struct place place = {.base = NULL};
    bool has_directory = false;
    for (size_t i = 0; i < list->count; i++)
        has_directory |= !list->items[i].single;
    int result = find_place(list, target, has_directory, &place, err);
    if (!result) {
        *fresh = !place.exists;
        bool whole = place.into || has_directory;
        add_parents(o, place.base, whole ? strlen(place.base) : parent_length(place.base),
                    place.existing);
        for (size_t i = 0; i < list->count; i++)
            add_item(o, &list->items[i], i, &place);
    }
    free(place.base);
    return result;
}

/* Sort, and of entries of one path keep the last. */
static void settle(struct outputs *o)
{
    if (!o->count)
        return;
    qsort(o->items, o->count, sizeof *o->items, compare_outputs);
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (i + 1 < o->count && !strcmp(o->items[i].path, o->items[i + 1].path))
            free(o->items[i].path);
        else
            o->items[kept++] = o->items[i];
    }
    o->count = kept;
}

/* Extended attributes of an open file, in the order of their names. */
struct xattrs {
    struct layer_xattr items[XATTRS_MAX];
    size_t count;
    char *names;
};

static void xattrs_release(struct xattrs *x)
{
    for (size_t i = 0; i < x->count; i++)
        free((void *)(uintptr_t)x->items[i].value);
    free(x->names);
}

static int compare_xattrs(const void *a, const void *b)
{
    return strcmp(((const struct layer_xattr *)a)->name, ((const struct layer_xattr *)b)->name);
}

static bool wanted_xattr(const char *name)
{
    if (!strcmp(name, OWNER_XATTR))
        return false;
    return str_starts(name, "user.") || str_starts(name, "security.capability") ||
           str_starts(name, "system.posix_acl_");
}

static int read_xattrs(int fd, const char *path, mode_t mode, struct xattrs *x, struct error *err)
{
    x->names = mem_alloc(XATTR_NAMES_MAX);
    ssize_t n = flistxattr(fd, x->names, XATTR_NAMES_MAX);
    if (n < 0)
        return errno == ENOTSUP ? 0 : error_errno(err, ERROR_INPUT, "read attributes of %s", path);
    for (char *name = x->names; name < x->names + n && x->count < XATTRS_MAX;
         name += strlen(name) + 1) {
        const char *shown = owner_acl_shown(name);
        if (!wanted_xattr(name))
            continue;
        char value[XATTR_VALUE_MAX];
        ssize_t size = fgetxattr(fd, name, value, sizeof value);
        if (size < 0)
            return error_errno(err, ERROR_INPUT, "read attribute %s of %s", name, path);
        if (shown && !strcmp(shown, ACL_XATTR_ACCESS))
            owner_acl_follow(value, (size_t)size, mode);
        x->items[x->count++] =
            (struct layer_xattr){shown ? shown : name, mem_dup(value, (size_t)size), (size_t)size};
    }
    qsort(x->items, x->count, sizeof x->items[0], compare_xattrs);
    return 0;
}

static struct layer_entry entry_of(const char *path, const struct stat *st)
{
    return (struct layer_entry){.path = path,
                                .mode = st->st_mode,
                                .uid = st->st_uid,
                                .gid = st->st_gid,
                                .mtime = st->st_mtim,
                                .rdev = st->st_rdev};
}

/* Writes the entry with its attributes, then (regular files) its content. */
static int write_open(struct layer_tar *tar, struct layer_entry *entry, int fd, bool keep_xattrs,
                      struct error *err)
{
    struct xattrs x = {.count = 0};
    int result = keep_xattrs ? read_xattrs(fd, entry->path, entry->mode, &x, err) : 0;
    entry->xattrs = x.items;
    entry->xattr_count = x.count;
    if (!result)
        result = layer_tar_entry(tar, entry, err);
    if (!result && S_ISREG(entry->mode) && entry->size > 0)
        result = layer_tar_content_fd(tar, fd, err);
    xattrs_release(&x);
    return result;
}

static int write_parent(const struct copy_target *target, const char *path, struct layer_tar *tar,
                        struct error *err)
{
    autoclose int fd = path_open_beneath(target->root_fd, path, O_RDONLY | O_DIRECTORY, 0);
    struct stat st;
    if (fd < 0 || owners_stat(target->owners, fd, "", &st))
        return error_errno(err, ERROR_INPUT, "“/%s” in the image is no directory", path);
    struct layer_entry entry = entry_of(path, &st);
    return write_open(tar, &entry, fd, true, err);
}

/* What is copied of a directory is its content: the one made for it has none of its attributes. */
static int write_made(const struct copy_target *target, const char *path, mode_t mode,
                      struct layer_tar *tar, struct error *err)
{
    struct layer_entry entry = {.path = path,
                                .mode = S_IFDIR | mode,
                                .uid = target->uid,
                                .gid = target->gid,
                                .mtime = target->now};
    return layer_tar_entry(tar, &entry, err);
}

/* What stands at the place in the image must be of the same sort: a directory, or not. */
static int check_place(const struct copy_target *target, const char *path, bool directory,
                       struct error *err)
{
    bool exists;
    bool is_dir = exists_as_directory(target->root_fd, path, &exists);
    if (!exists || is_dir == directory)
        return 0;
    return error_set(err, ERROR_INPUT, "cannot copy a %s over the %s “/%s” of the image",
                     directory ? "directory" : "file", is_dir ? "directory" : "file", path);
}

struct writer {
    const struct copy_list *list;
    const struct copy_tree *tree;
    const struct copy_target *target;
    const char **paths; /* of each item that is written, else NULL */
    struct layer_tar *tar;
    struct copy_opener opener;
};

/* A regular file, or a directory whose attributes are kept: opened, and seen to be what was listed.
 */
static int write_from_tree(struct writer *w, const struct copy_file *file,
                           struct layer_entry *entry, struct error *err)
{
    bool directory = S_ISDIR(file->st.st_mode);
    autoclose int fd = copy_open(&w->opener, file->path, O_RDONLY | (directory ? O_DIRECTORY : 0));
    struct stat now;
    if (fd < 0 || fstat(fd, &now))
        return error_errno(err, ERROR_INPUT, "read “%s” in %s", file->path, w->tree->what);
    if (!directory && (now.st_size != file->st.st_size || !S_ISREG(now.st_mode)))
        return error_set(err, ERROR_INPUT, "“%s” in %s changed while it was copied", file->path,
                         w->tree->what);
    entry->size = directory ? 0 : now.st_size;
    return write_open(w->tar, entry, fd, w->tree->keep_xattrs, err);
}

static int write_item(struct writer *w, const struct output *out, struct error *err)
{
    const struct copy_file *file = &w->list->items[out->item];
    struct layer_entry entry = entry_of(out->path, &file->st);
    if (!w->target->keep_owner) {
        entry.uid = w->target->uid;
        entry.gid = w->target->gid;
    }
    entry.link = file->link;
    if (w->target->has_mode && !S_ISLNK(entry.mode))
        entry.mode = (entry.mode & S_IFMT) | w->target->mode;
    if (file->same_as != SIZE_MAX && w->paths[file->same_as]) {
        entry.hard_link = true;
        entry.link = w->paths[file->same_as];
        return layer_tar_entry(w->tar, &entry, err);
    }
    bool keeps = S_ISDIR(entry.mode) && w->tree->keep_xattrs;
    if (!S_ISREG(entry.mode) && !keeps)
        return layer_tar_entry(w->tar, &entry, err);
    return write_from_tree(w, file, &entry, err);
}

static int write_output(struct writer *w, const struct output *out, bool fresh, struct error *err)
{
    if (out->kind == PARENT)
        return write_parent(w->target, out->path, w->tar, err);
    if (out->kind == MADE)
        return write_made(w->target, out->path, 0755, w->tar, err);
    if (out->kind == TARGET)
        return write_made(w->target, out->path, w->target->has_mode ? w->target->mode : 0755,
                          w->tar, err);
    bool directory = S_ISDIR(w->list->items[out->item].st.st_mode);
    if (!fresh && check_place(w->target, out->path, directory, err))
        return -1;
    return write_item(w, out, err);
}

int copy_write(const struct copy_list *list, const struct copy_tree *tree,
               const struct copy_target *target, struct layer_tar *tar, struct error *err)
{
    struct outputs o = {0};
    bool fresh = false;
    int result = plan_outputs(list, target, &o, &fresh, err);
    settle(&o);
    autofree const char **paths = mem_zalloc(list->count, sizeof *paths);
    for (size_t i = 0; i < o.count && !result; i++)
        if (o.items[i].kind == ITEM)
            paths[o.items[i].item] = o.items[i].path;
    struct writer w = {list, tree, target, paths, tar, COPY_OPENER(tree->root_fd)};
    for (size_t i = 0; i < o.count && !result; i++)
        result = write_output(&w, &o.items[i], fresh, err);
    copy_opener_release(&w.opener);
    outputs_release(&o);
    return result;
}

int copy_write_directory(const struct copy_target *target, struct layer_tar *tar, struct error *err)
{
    autofree char *path = NULL;
    size_t existing = 0;
    if (copy_resolve(target->root_fd, target->destination, &path, &existing, err))
        return -1;
    bool exists;
    bool is_dir = exists_as_directory(target->root_fd, path, &exists);
    if (exists && !is_dir)
        return error_set(err, ERROR_INPUT, "“%s” is a file in the image, not a directory",
                         target->destination);
    struct outputs o = {0};
    int result = 0;
    if (!is_dir)
        add_parents(&o, path, strlen(path), existing);
    for (size_t i = 0; i < o.count && !result; i++)
        result = o.items[i].kind == PARENT ? write_parent(target, o.items[i].path, tar, err)
                                           : write_made(target, o.items[i].path, 0755, tar, err);
    outputs_release(&o);
    return result;
}
