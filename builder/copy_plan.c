#include "copy_plan.h"

#include "copy_plan_private.h"
#include "copy_resolve.h"

#include <base/mem.h>
#include <base/path.h>
#include <rootfs/owner.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_MIN = 64 };

struct copy_plan *copy_plan_new(const struct copy_tree *image, struct timespec now)
{
    struct copy_plan *plan = mem_zalloc(1, sizeof *plan);
    plan->image = *image;
    plan->now = now;
    return plan;
}

void copy_plan_free(struct copy_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->entry_count; i++)
        free(plan->entries[i].path);
    for (size_t i = 0; i < plan->node_count; i++)
        free(plan->nodes[i]);
    free(plan->entries);
    free(plan->nodes);
    free(plan->table);
    free(plan);
}

/* FNV-1a */
static size_t hash(const char *text, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

/* The place in the table of the path's first n bytes, or the free one where it belongs. */
static size_t place_of(const struct copy_plan *plan, const char *path, size_t n)
{
    size_t mask = plan->table_size - 1;
    size_t at = hash(path, n) & mask;
    for (;; at = (at + 1) & mask) {
        uint32_t index = plan->table[at];
        if (!index)
            return at;
        const char *other = plan->entries[index - 1].path;
        if (!strncmp(other, path, n) && !other[n])
            return at;
    }
}

static struct plan_entry *find(const struct copy_plan *plan, const char *path, size_t n)
{
    if (!plan->table_size)
        return NULL;
    uint32_t index = plan->table[place_of(plan, path, n)];
    return index ? &plan->entries[index - 1] : NULL;
}

static void grow(struct copy_plan *plan)
{
    if (plan->entry_count * 2 < plan->table_size)
        return;
    free(plan->table);
    plan->table_size = plan->table_size ? plan->table_size * 2 : TABLE_MIN;
    plan->table = mem_zalloc(plan->table_size, sizeof *plan->table);
    for (size_t i = 0; i < plan->entry_count; i++) {
        const char *path = plan->entries[i].path;
        plan->table[place_of(plan, path, strlen(path))] = (uint32_t)i + 1;
    }
}

static struct copy_node *node_new(struct copy_plan *plan)
{
    struct copy_node *node = mem_zalloc(1, sizeof *node);
    MEM_PUSH(plan->nodes, plan->node_count, plan->node_cap) = node;
    return node;
}

/* Let path (its first n bytes) be this node, whatever it was. */
static void set(struct copy_plan *plan, const char *path, size_t n, struct copy_node *node)
{
    struct plan_entry *entry = find(plan, path, n);
    if (entry) {
        entry->node = node;
        return;
    }
    MEM_PUSH(plan->entries, plan->entry_count, plan->entry_cap) =
        (struct plan_entry){.path = mem_strndup(path, n), .node = node};
    grow(plan);
    plan->table[place_of(plan, path, n)] = (uint32_t)plan->entry_count;
}

static size_t parent_length(const char *path, size_t n)
{
    while (n && path[n - 1] != '/')
        n--;
    return n ? n - 1 : 0;
}

/* Can there be something of the image at the path? Not below what the plan has made anew. */
static bool may_be_in_image(const struct copy_plan *plan, const char *path, size_t n)
{
    if (plan->image.root_fd < 0)
        return false;
    while (n) {
        n = parent_length(path, n);
        const struct plan_entry *entry = find(plan, path, n);
        if (entry)
            return entry->node && entry->node->in_image;
    }
    return true;
}

static enum copy_kind kind_of(mode_t mode)
{
    return S_ISDIR(mode) ? COPY_DIRECTORY : S_ISLNK(mode) ? COPY_SYMLINK : COPY_FILE;
}

/* Open what the image has at the path: 1; nothing: 0; -1. */
static int open_in_image(const struct copy_plan *plan, const char *path, int *fd, struct stat *st,
                         struct error *err)
{
    autoclose int found =
        path_open_beneath(plan->image.root_fd, *path ? path : ".", O_PATH | O_NOFOLLOW, 0);
    if (found < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (found < 0 || owners_stat(plan->image.owners, found, "", st))
        return error_errno(err, ERROR_HOST, "look at “/%s” in the image", path);
    *fd = take_fd(&found);
    return 1;
}

int copy_plan_look(struct copy_plan *plan, const char *path, enum copy_kind *kind, char **link,
                   struct error *err)
{
    size_t n = strlen(path);
    const struct plan_entry *entry = find(plan, path, n);
    *kind = n ? COPY_ABSENT : COPY_DIRECTORY;
    if (entry) {
        *kind = entry->node ? kind_of(entry->node->mode) : COPY_ABSENT;
        if (link && *kind == COPY_SYMLINK)
            *link = mem_strdup(entry->node->link);
        return 0;
    }
    if (!n || !may_be_in_image(plan, path, n))
        return 0;
    struct stat st;
    autoclose int fd = -1;
    int found = open_in_image(plan, path, &fd, &st, err);
    if (found <= 0)
        return found;
    *kind = kind_of(st.st_mode);
    if (link && *kind == COPY_SYMLINK && !(*link = path_read_link(fd, "")))
        return error_errno(err, ERROR_HOST, "read the link “/%s” in the image", path);
    return 0;
}

static int look(void *context, const char *path, enum copy_kind *kind, char **link,
                struct error *err)
{
    return copy_plan_look(context, path, kind, link, err);
}

int copy_plan_resolve(struct copy_plan *plan, const char *base, const char *path, char **out,
                      struct error *err)
{
    return copy_resolve_by(look, plan, base, path, out, err);
}

/* The image's own directory (or file) as a node of the plan. */
static struct copy_node *adopt(struct copy_plan *plan, const char *path, size_t n,
                               struct error *err)
{
    struct stat st = {.st_mode = S_IFDIR | 0755};
    autofree char *name = mem_strndup(path, n);
    autoclose int fd = -1;
    if (plan->image.root_fd >= 0) {
        int found = open_in_image(plan, name, &fd, &st, err);
        if (found < 0)
            return NULL;
        if (!found) {
            error_set(err, ERROR_HOST, "“/%s” is gone from the image", name);
            return NULL;
        }
    }
    struct copy_node *node = node_new(plan);
    set(plan, path, n, node);
    *node = (struct copy_node){.mode = st.st_mode,
                               .uid = st.st_uid,
                               .gid = st.st_gid,
                               .mtime = st.st_mtim,
                               .rdev = st.st_rdev,
                               .size = S_ISREG(st.st_mode) ? st.st_size : 0,
                               .tree = &plan->image,
                               .in_image = true};
    node->source = find(plan, path, n)->path;
    if (plan->image.root_fd < 0)
        node->tree = NULL;
    return node;
}

/* The directory of the path's first n bytes. */
static struct copy_node *directory_at(struct copy_plan *plan, const char *path, size_t n,
                                      struct error *err)
{
    /* Its own parents belong to the layer too, as they are. */
    for (size_t i = 0; i < n; i++) {
        if (path[i] != '/' || find(plan, path, i))
            continue;
        if (!adopt(plan, path, i, err))
            return NULL;
    }
    struct plan_entry *entry = find(plan, path, n);
    struct copy_node *node = entry ? entry->node : adopt(plan, path, n, err);
    if (node && S_ISDIR(node->mode))
        return node;
    if (node || entry)
        error_set(err, ERROR_INPUT, "“/%.*s” is no directory in the image", (int)n, path);
    return NULL;
}

struct copy_node *copy_plan_directory(struct copy_plan *plan, const char *path, struct error *err)
{
    return directory_at(plan, path, strlen(path), err);
}

/* Something is made in a directory, which changes it. */
static int touch_parent(struct copy_plan *plan, const char *path, size_t n, struct error *err)
{
    struct copy_node *parent = directory_at(plan, path, parent_length(path, n), err);
    if (!parent)
        return -1;
    parent->mtime = plan->now;
    return 0;
}

/* What was planned below a directory that goes. */
static void drop_below(struct copy_plan *plan, const char *path, size_t n)
{
    for (size_t i = 0; i < plan->entry_count; i++) {
        struct plan_entry *entry = &plan->entries[i];
        if (!strncmp(entry->path, path, n) && entry->path[n] == '/')
            entry->node = NULL;
    }
}

struct copy_node *copy_plan_put(struct copy_plan *plan, const char *path, struct error *err)
{
    size_t n = strlen(path);
    if (touch_parent(plan, path, n, err))
        return NULL;
    const struct plan_entry *old = find(plan, path, n);
    if (old && old->node && S_ISDIR(old->node->mode))
        drop_below(plan, path, n);
    struct copy_node *node = node_new(plan);
    node->mtime = plan->now;
    set(plan, path, n, node);
    return node;
}

int copy_plan_link(struct copy_plan *plan, const char *path, const char *target, struct error *err)
{
    size_t n = strlen(target);
    enum copy_kind kind;
    if (copy_plan_look(plan, target, &kind, NULL, err))
        return -1;
    if (kind == COPY_ABSENT || kind == COPY_DIRECTORY)
        return error_set(err, ERROR_INPUT, "there is no file “/%s” to link to", target);
    const struct plan_entry *entry = find(plan, target, n);
    struct copy_node *node = entry ? entry->node : adopt(plan, target, n, err);
    if (!node || !copy_plan_put(plan, path, err))
        return -1;
    set(plan, path, strlen(path), node);
    return 0;
}

int copy_plan_make(struct copy_plan *plan, const char *path, const struct copy_owner *owner,
                   struct error *err)
{
    size_t whole = strlen(path);
    for (size_t n = 1; n <= whole; n++) {
        if (path[n] && path[n] != '/')
            continue;
        autofree char *part = mem_strndup(path, n);
        enum copy_kind kind;
        if (copy_plan_look(plan, part, &kind, NULL, err))
            return -1;
        if (kind == COPY_DIRECTORY)
            continue;
        if (kind != COPY_ABSENT)
            return error_set(err, ERROR_INPUT, "“/%s” is a file in the image, not a directory",
                             part);
        struct copy_node *node = copy_plan_put(plan, part, err);
        if (!node)
            return -1;
        node->mode = S_IFDIR | owner->mode;
        node->uid = owner->uid;
        node->gid = owner->gid;
    }
    return directory_at(plan, path, whole, err) ? 0 : -1;
}
