#include "copy_open.h"
#include "copy_plan_private.h"

#include <base/mem.h>
#include <base/str.h>
#include <rootfs/owner.h>
#include <rootfs/owner_acl.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { XATTRS_MAX = 64, XATTR_NAMES_MAX = 64 * 1024, XATTR_VALUE_MAX = 64 * 1024 };

/* '/' sorts lowest, so that a directory's content follows it at once, as in a walk. */
static int compare_entries(const void *x, const void *y)
{
    const char *a = (*(const struct plan_entry *const *)x)->path;
    const char *b = (*(const struct plan_entry *const *)y)->path;
    for (;; a++, b++) {
        unsigned c = *a == '/' ? 1 : (unsigned char)*a, d = *b == '/' ? 1 : (unsigned char)*b;
        if (c != d)
            return c < d ? -1 : 1;
        if (!c)
            return 0;
    }
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

/* One opener for each tree that the last files came from. */
struct writer {
    struct layer_tar *tar;
    const struct copy_tree *tree; /* of the opener */
    struct copy_opener opener;
};

static int open_source(struct writer *w, const struct copy_node *node)
{
    bool directory = S_ISDIR(node->mode);
    if (w->tree != node->tree) {
        copy_opener_release(&w->opener);
        w->opener = (struct copy_opener)COPY_OPENER(node->tree->root_fd);
        w->tree = node->tree;
    }
    return copy_open(&w->opener, *node->source ? node->source : ".",
                     O_RDONLY | (directory ? O_DIRECTORY : 0));
}

/* The entry with its attributes, then (regular files) its content. */
static int write_open(struct writer *w, const struct copy_node *node, struct layer_entry *entry,
                      int fd, struct error *err)
{
    struct xattrs x = {.count = 0};
    int result = node->tree->keep_xattrs ? read_xattrs(fd, entry->path, entry->mode, &x, err) : 0;
    if (node->tree->keep_xattrs) {
        entry->xattrs = x.items;
        entry->xattr_count = x.count;
    }
    if (!result)
        result = layer_tar_entry(w->tar, entry, err);
    if (!result && S_ISREG(entry->mode) && entry->size > 0)
        result = layer_tar_content_fd(w->tar, fd, err);
    xattrs_release(&x);
    return result;
}

/* A regular file, or a directory whose attributes are kept: opened, and seen to be what was listed.
 */
static int write_from_tree(struct writer *w, const struct copy_node *node,
                           struct layer_entry *entry, struct error *err)
{
    autoclose int fd = open_source(w, node);
    struct stat now;
    if (fd < 0 || fstat(fd, &now))
        return error_errno(err, ERROR_INPUT, "read “%s” in %s", node->source, node->tree->what);
    if (!S_ISDIR(node->mode) && (now.st_size != node->size || !S_ISREG(now.st_mode)))
        return error_set(err, ERROR_INPUT, "“%s” in %s changed while it was copied", node->source,
                         node->tree->what);
    return write_open(w, node, entry, fd, err);
}

static int write_entry(struct writer *w, const struct plan_entry *e, struct error *err)
{
    struct copy_node *node = e->node;
    struct layer_entry entry = {.path = e->path,
                                .mode = node->mode,
                                .uid = node->uid,
                                .gid = node->gid,
                                .size = S_ISREG(node->mode) ? node->size : 0,
                                .mtime = node->mtime,
                                .rdev = node->rdev,
                                .link = node->link,
                                .xattrs = node->xattrs,
                                .xattr_count = node->xattr_count};
    if (node->written) {
        entry.hard_link = true;
        entry.link = node->written;
        return layer_tar_entry(w->tar, &entry, err);
    }
    if (!S_ISDIR(node->mode))
        node->written = e->path;
    bool from_tree =
        S_ISREG(node->mode) || (S_ISDIR(node->mode) && node->tree && node->tree->keep_xattrs);
    return from_tree && node->tree ? write_from_tree(w, node, &entry, err)
                                   : layer_tar_entry(w->tar, &entry, err);
}

int copy_plan_write(struct copy_plan *plan, struct layer_tar *tar, struct error *err)
{
    size_t count = 0;
    autofree struct plan_entry **sorted = mem_zalloc(plan->entry_count, sizeof(void *));
    for (size_t i = 0; i < plan->entry_count; i++) {
        if (plan->entries[i].node && *plan->entries[i].path)
            sorted[count++] = &plan->entries[i];
    }
    if (count)
        qsort(sorted, count, sizeof *sorted, compare_entries);
    for (size_t i = 0; i < plan->node_count; i++)
        plan->nodes[i]->written = NULL;
    struct writer w = {.tar = tar, .opener = COPY_OPENER(-1)};
    int result = 0;
    for (size_t i = 0; i < count && !result; i++)
        result = write_entry(&w, sorted[i], err);
    copy_opener_release(&w.opener);
    return result;
}
