#include "inventory.h"

#include "packages.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>
#include <rootfs/whiteout.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 512 };

/* One entry of a layer, as it lies unpacked. */
struct entry {
    struct inventory_file file;
    bool whiteout, opaque;
};

struct inode {
    dev_t device;
    ino_t number;
};

struct layer_walk {
    const struct inventory_form *form;
    size_t layer;
    struct entry *items;
    size_t count, cap;
    struct inode *linked; /* of files with several names that were met */
    size_t linked_count, linked_cap;
    struct str path;
};

int inventory_compare_paths(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    if (*a == *b)
        return 0;
    int x = *a == '/' ? 1 : (unsigned char)*a + 1, y = *b == '/' ? 1 : (unsigned char)*b + 1;
    return (*a ? x : 0) - (*b ? y : 0);
}

static bool is_below(const char *path, const char *directory)
{
    size_t n = strlen(directory);
    return !strncmp(path, directory, n) && path[n] == '/';
}

static void file_release(struct inventory_file *f)
{
    free(f->path);
    free(f->target);
}

/* ---- one layer ---- */

static bool met_before(struct layer_walk *w, const struct stat *st)
{
    if (st->st_nlink < 2)
        return false;
    for (size_t i = w->linked_count; i > 0; i--)
        if (w->linked[i - 1].number == st->st_ino && w->linked[i - 1].device == st->st_dev)
            return true;
    MEM_PUSH(w->linked, w->linked_count, w->linked_cap) = (struct inode){st->st_dev, st->st_ino};
    return false;
}

static void walk_release(struct layer_walk *w)
{
    for (size_t i = 0; i < w->count; i++)
        file_release(&w->items[i].file);
    free(w->items);
    free(w->linked);
    str_release(&w->path);
}

static int fail(const struct layer_walk *w, struct error *err)
{
    return error_errno(err, ERROR_HOST, "look at /%s of layer %zu", str_text(&w->path),
                       w->layer + 1);
}

static int walk_directory(struct layer_walk *w, int fd, unsigned depth, struct error *err);

static int walk_entry(struct layer_walk *w, int dir_fd, const char *name, unsigned depth,
                      struct error *err)
{
    struct stat st;
    bool deleted = whiteout_at(w->form->whiteouts, dir_fd, name);
    if (deleted)
        st = (struct stat){.st_mode = S_IFCHR};
    else if (owners_stat(w->form->owners, dir_fd, name, &st))
        return fail(w, err);
    struct entry *e = &MEM_PUSH(w->items, w->count, w->cap);
    *e = (struct entry){.file = {.path = mem_strdup(str_text(&w->path)),
                                 .layer = w->layer,
                                 .mode = st.st_mode,
                                 .uid = st.st_uid,
                                 .gid = st.st_gid,
                                 .rdev = st.st_rdev,
                                 .size = S_ISREG(st.st_mode) ? st.st_size : 0},
                        .whiteout = deleted};
    e->file.stored = met_before(w, &st) ? 0 : e->file.size;
    if (S_ISLNK(st.st_mode) && !(e->file.target = path_read_link(dir_fd, name)))
        return fail(w, err);
    if (!S_ISDIR(st.st_mode))
        return 0;
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(w, err);
    e->opaque = whiteout_is_opaque(w->form->whiteouts, fd);
    return walk_directory(w, fd, depth + 1, err);
}

static int walk_directory(struct layer_walk *w, int fd, unsigned depth, struct error *err)
{
    autostrv names = STRV_INIT;
    if (depth > DEPTH_MAX) {
        errno = ELOOP;
        return fail(w, err);
    }
    if (whiteout_names(w->form->whiteouts, fd, &names))
        return fail(w, err);
    for (size_t i = 0; i < names.count; i++) {
        size_t before = w->path.len;
        str_addf(&w->path, "%s%s", before ? "/" : "", names.items[i]);
        if (walk_entry(w, fd, names.items[i], depth, err))
            return -1;
        w->path.len = before;
        w->path.data[before] = '\0';
    }
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return inventory_compare_paths(x->file.path, y->file.path);
}

/* ---- merging ---- */

/* Moves the files of what lies below on to `to`, as a layer leaves them. */
struct merge {
    struct inventory *out;
    struct inventory_file *to;
    size_t count, cap;
    size_t by;
};

static void keep(struct merge *m, struct inventory_file *f)
{
    MEM_PUSH(m->to, m->count, m->cap) = *f;
    *f = (struct inventory_file){0};
}

static void hide(struct merge *m, struct inventory_file *f, bool deleted)
{
    if (S_ISREG(f->mode) && f->stored > 0) {
        MEM_PUSH(m->out->wastes, m->out->waste_count, m->out->waste_cap) =
            (struct inventory_waste){.path = mem_strdup(f->path),
                                     .layer = f->layer,
                                     .by = m->by,
                                     .bytes = f->stored,
                                     .deleted = deleted};
        m->out->wasted += f->stored;
    }
    file_release(f);
    *f = (struct inventory_file){0};
}

static void merge_layer(struct inventory *out, struct layer_walk *w)
{
    struct merge m = {.out = out, .by = w->layer};
    size_t i = 0;
    for (size_t k = 0; k < w->count; k++) {
        struct entry *e = &w->items[k];
        while (i < out->file_count && inventory_compare_paths(out->files[i].path, e->file.path) < 0)
            keep(&m, &out->files[i++]);
        bool same = i < out->file_count && !strcmp(out->files[i].path, e->file.path);
        bool goes_on = same && S_ISDIR(e->file.mode) && S_ISDIR(out->files[i].mode) && !e->opaque;
        if (same)
            hide(&m, &out->files[i++], e->whiteout);
        while (!goes_on && i < out->file_count && is_below(out->files[i].path, e->file.path))
            hide(&m, &out->files[i++], true);
        if (!e->whiteout)
            keep(&m, &e->file);
    }
    while (i < out->file_count)
        keep(&m, &out->files[i++]);
    free(out->files);
    out->files = m.to;
    out->file_count = m.count;
    out->file_cap = m.cap;
}

static int add_layer(struct inventory *out, const struct inventory_form *form, int fd, size_t layer,
                     struct error *err)
{
    __attribute__((cleanup(walk_release))) struct layer_walk w = {.form = form, .layer = layer};
    if (walk_directory(&w, fd, 0, err))
        return -1;
    if (w.count)
        qsort(w.items, w.count, sizeof *w.items, compare_entries);
    for (size_t i = 0; i < w.count; i++)
        out->layer_bytes[layer] += w.items[i].file.stored;
    merge_layer(out, &w);
    return 0;
}

int inventory_take(const int *layer_fds, size_t n, const struct inventory_form *form, int root_fd,
                   struct inventory *out, struct error *err)
{
    out->layer_count = n;
    out->layer_bytes = mem_zalloc(n + 1, sizeof *out->layer_bytes);
    for (size_t i = 0; i < n; i++)
        if (add_layer(out, form, layer_fds[i], i, err))
            return -1;
    for (size_t i = 0; i < out->file_count; i++)
        out->bytes += out->files[i].stored;
    packages_find(root_fd, out);
    return 0;
}

void inventory_release(struct inventory *inventory)
{
    for (size_t i = 0; i < inventory->file_count; i++)
        file_release(&inventory->files[i]);
    for (size_t i = 0; i < inventory->waste_count; i++)
        free(inventory->wastes[i].path);
    for (size_t i = 0; i < inventory->package_count; i++) {
        free(inventory->packages[i].name);
        free(inventory->packages[i].version);
        free(inventory->packages[i].place);
    }
    free(inventory->files);
    free(inventory->wastes);
    free(inventory->packages);
    free(inventory->layer_bytes);
    *inventory = (struct inventory){0};
}
