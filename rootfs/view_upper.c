#include "view_upper.h"

#include "file_changes.h"
#include "file_copy.h"
#include "link_table.h"
#include "whiteout.h"

#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct gathering {
    int view_fd, upper_fd;
    const struct file_list *before, *after;
    struct owners *owners;
    struct link_table links;
    bool *made;        /* of after's directories, those that upper_fd has */
    size_t *order;     /* of those, as they were made */
    size_t made_count; /* and how many */
};

static struct stat stat_of(const struct file_entry *e)
{
    return (struct stat){.st_dev = e->dev,
                         .st_ino = e->ino,
                         .st_mode = e->mode,
                         .st_uid = e->uid,
                         .st_gid = e->gid,
                         .st_nlink = e->links,
                         .st_rdev = e->rdev,
                         .st_size = e->size,
                         .st_mtim = e->mtime,
                         .st_ctim = e->ctime};
}

static int fail(const char *path, struct error *err)
{
    error_errno(err, ERROR_HOST, "copy what was changed: /%s", path);
    return err && (err->sys == ENOSPC || err->sys == EDQUOT)
               ? error_hint(err, "free some space; imgbuild prune drops what no image needs")
               : -1;
}

static int copy(const struct gathering *g, size_t i, const char *path, struct error *err)
{
    struct stat st = stat_of(&g->after->items[i]);
    const struct file_place from = {g->view_fd, path}, to = {g->upper_fd, path};
    return file_copy(&from, &st, &to, g->owners) ? fail(path, err) : 0;
}

/* The directory of that path in the list of what is there now; SIZE_MAX: the root. */
static size_t find(const struct file_list *list, const char *path)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = file_list_compare(file_list_path(list, middle), path);
        if (!order)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

static int make_directory(struct gathering *g, size_t i, const char *path, struct error *err)
{
    if (g->made[i])
        return 0;
    if (copy(g, i, path, err))
        return -1;
    g->made[i] = true;
    g->order[g->made_count++] = i;
    return 0;
}

/* The directories above a path, as they are now. */
static int make_parents(struct gathering *g, const char *path, struct error *err)
{
    autofree char *parent = mem_strdup(path);
    for (char *slash = parent; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        size_t i = find(g->after, parent);
        if (i == SIZE_MAX)
            return error_set(err, ERROR_INTERNAL, "/%s was changed below nothing", path);
        if (make_directory(g, i, parent, err))
            return -1;
        *slash = '/';
    }
    return 0;
}

static int in_directory(const struct gathering *g, const char *path, const char **name)
{
    *name = path_base(path);
    autofree char *dir = mem_strndup(path, (size_t)(*name - path));
    return openat(g->upper_fd, *dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int delete (struct gathering *g, const char *path, struct error *err)
{
    const char *name;
    if (make_parents(g, path, err))
        return -1;
    autoclose int dir = in_directory(g, path, &name);
    return dir < 0 || whiteout_make(WHITEOUT_PLAIN, dir, name) ? fail(path, err) : 0;
}

static int make(struct gathering *g, size_t i, const char *path, struct error *err)
{
    struct stat st = stat_of(&g->after->items[i]);
    if (make_parents(g, path, err))
        return -1;
    if (S_ISDIR(st.st_mode))
        return make_directory(g, i, path, err);
    const char *first = st.st_nlink > 1 ? link_table_find(&g->links, &st, path) : NULL;
    if (!first)
        return copy(g, i, path, err);
    return linkat(g->upper_fd, first, g->upper_fd, path, 0) ? fail(path, err) : 0;
}

static int visit(void *context, enum file_change change, size_t i, struct error *err)
{
    struct gathering *g = context;
    if (change == FILE_DELETED)
        return delete (g, file_list_path(g->before, i), err);
    const char *path = file_list_path(g->after, i);
    if (make(g, i, path, err))
        return -1;
    if (change != FILE_REPLACED)
        return 0;
    autoclose int fd = openat(g->upper_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 || whiteout_set_opaque(WHITEOUT_PLAIN, fd) ? fail(path, err) : 0;
}

/* From the innermost on, since each changes the one it is in. */
static int set_times(const struct gathering *g, struct error *err)
{
    for (size_t i = g->made_count; i-- > 0;) {
        const char *path = file_list_path(g->after, g->order[i]);
        struct stat st = stat_of(&g->after->items[g->order[i]]);
        const struct file_place to = {g->upper_fd, path};
        if (file_copy_times(&to, &st))
            return fail(path, err);
    }
    struct stat root;
    const struct file_place from = {g->view_fd, "."}, to = {g->upper_fd, "."};
    if (fstat(g->view_fd, &root) || file_copy_dress(&from, &root, &to, g->owners) ||
        file_copy_times(&to, &root))
        return fail("", err);
    return 0;
}

int view_upper_make(int view_fd, const struct file_list *before, const struct file_list *after,
                    const struct strv *stubs, struct owners *owners, int upper_fd,
                    struct error *err)
{
    struct gathering g = {.view_fd = view_fd,
                          .upper_fd = upper_fd,
                          .before = before,
                          .after = after,
                          .owners = owners,
                          .made = mem_zalloc(after->count + 1, sizeof *g.made),
                          .order = mem_zalloc(after->count + 1, sizeof *g.order)};
    int code =
        file_changes_find(before, after, stubs, visit, &g, err) || set_times(&g, err) ? -1 : 0;
    link_table_release(&g.links);
    free(g.made);
    free(g.order);
    return code;
}
