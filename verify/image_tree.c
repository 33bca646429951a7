#include "image_tree.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINKS_MAX = 40, BUCKETS_MIN = 4096 };

/* ---- nodes by their path ---- */

static size_t hash(const char *path, size_t n)
{
    size_t h = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)path[i]) * 1099511628211u;
    return h;
}

static struct tree_node *lookup(const struct image_tree *tree, const char *path, size_t n)
{
    struct tree_node *node = tree->buckets[hash(path, n) & (tree->bucket_count - 1)];
    while (node && (strncmp(node->path, path, n) != 0 || node->path[n]))
        node = node->bucket;
    return node;
}

static void grow(struct image_tree *tree)
{
    size_t before = tree->bucket_count;
    struct tree_node **old = tree->buckets;
    tree->bucket_count = before ? before * 2 : BUCKETS_MIN;
    tree->buckets = mem_zalloc(tree->bucket_count, sizeof *tree->buckets);
    for (size_t i = 0; i < before; i++)
        for (struct tree_node *node = old[i], *next; node; node = next) {
            next = node->bucket;
            size_t at = hash(node->path, strlen(node->path)) & (tree->bucket_count - 1);
            node->bucket = tree->buckets[at];
            tree->buckets[at] = node;
        }
    free(old);
}

static struct tree_node *insert(struct image_tree *tree, const char *path, struct tree_node *parent)
{
    if (tree->node_count >= tree->bucket_count)
        grow(tree);
    struct tree_node *node = mem_zalloc(1, sizeof *node);
    size_t at = hash(path, strlen(path)) & (tree->bucket_count - 1);
    node->path = mem_strdup(path);
    node->bucket = tree->buckets[at];
    tree->buckets[at] = node;
    node->parent = parent;
    if (parent) {
        node->next = parent->child;
        if (node->next)
            node->next->before = node;
        parent->child = node;
    }
    tree->node_count++;
    return node;
}

static void node_free(struct tree_node *node)
{
    free((char *)node->path);
    free(node);
}

/* Take a node without children out. */
static void drop(struct image_tree *tree, struct tree_node *node)
{
    struct tree_node **place =
        &tree->buckets[hash(node->path, strlen(node->path)) & (tree->bucket_count - 1)];
    while (*place != node)
        place = &(*place)->bucket;
    *place = node->bucket;
    if (node->next)
        node->next->before = node->before;
    if (node->before)
        node->before->next = node->next;
    else
        node->parent->child = node->next;
    tree->node_count--;
    node_free(node);
}

/* ---- merging ---- */

/* A file that goes, or gets another content, is kept in mind. */
static void hide(struct image_tree *tree, const struct tree_node *node, size_t by, bool deleted)
{
    if (!node->entry || !S_ISREG(node->entry->mode) || node->layer == by)
        return;
    MEM_PUSH(tree->hidden, tree->hidden_count, tree->hidden_cap) =
        (struct tree_hidden){node->entry, node->layer, by, deleted};
}

/* Remove what lower layers have below a node, and with it the node itself. True where it is gone.
 */
static bool remove_lower(struct image_tree *tree, struct tree_node *node, size_t layer, bool itself)
{
    for (struct tree_node *child = node->child, *next; child; child = next) {
        next = child->next;
        remove_lower(tree, child, layer, true);
    }
    if (!itself || node->child || node->layer == layer)
        return false;
    hide(tree, node, layer, true);
    drop(tree, node);
    return true;
}

/* The directory that a path is in, made where it is only implied. */
static struct tree_node *make_parent(struct image_tree *tree, const char *path, size_t layer)
{
    autofree char *folder = path_dir(path);
    struct tree_node *node = lookup(tree, folder, strlen(folder));
    if (node && S_ISDIR(tree_mode(node)))
        return node;
    if (!node)
        node = insert(tree, folder, make_parent(tree, folder, layer));
    else
        hide(tree, node, layer, true); /* a directory takes the place of a file or link */
    node->entry = NULL;
    node->layer = layer;
    return node;
}

static void add(struct image_tree *tree, const struct scan_entry *e, size_t layer)
{
    if (str_eq(e->path, "/"))
        return;
    struct tree_node *node = lookup(tree, e->path, strlen(e->path));
    const struct scan_entry *entry = e;
    if (e->hard) {
        const struct tree_node *target = e->link ? lookup(tree, e->link, strlen(e->link)) : NULL;
        if (!target || !target->entry)
            return; /* unpacking would fail */
        entry = target->entry;
    }
    bool folder = S_ISDIR(entry->mode);
    if (node && !folder)
        remove_lower(tree, node, layer, false); /* a file takes the place of a directory */
    if (!node)
        node = insert(tree, e->path, make_parent(tree, e->path, layer));
    else if (node->entry)
        hide(tree, node, layer, folder);
    node->entry = entry;
    node->layer = layer;
}

static void merge(struct image_tree *tree, size_t layer)
{
    const struct scan_list *list = &tree->layers[layer];
    for (size_t i = 0; i < list->count; i++) {
        const struct scan_entry *e = &list->items[i];
        if (e->kind == SCAN_ENTRY) {
            add(tree, e, layer);
            continue;
        }
        struct tree_node *node = lookup(tree, e->path, strlen(e->path));
        if (node)
            remove_lower(tree, node, layer, e->kind == SCAN_WHITEOUT && node != tree->root);
    }
}

struct image_tree *image_tree_new(struct scan_list *layers, size_t count)
{
    struct image_tree *tree = mem_zalloc(1, sizeof *tree);
    tree->layers = layers;
    tree->layer_count = count;
    grow(tree);
    tree->root = insert(tree, "/", NULL);
    for (size_t i = 0; i < count; i++)
        merge(tree, i);
    return tree;
}

void image_tree_free(struct image_tree *tree)
{
    if (!tree)
        return;
    for (size_t i = 0; i < tree->bucket_count; i++)
        for (struct tree_node *node = tree->buckets[i], *next; node; node = next) {
            next = node->bucket;
            node_free(node);
        }
    free(tree->buckets);
    for (size_t i = 0; i < tree->layer_count; i++)
        scan_list_release(&tree->layers[i]);
    free(tree->layers);
    free(tree->hidden);
    free(tree);
}

/* ---- looking ---- */

mode_t tree_mode(const struct tree_node *node)
{
    return node->entry ? node->entry->mode : S_IFDIR | 0755;
}

const char *tree_text(const struct tree_node *node)
{
    return node && node->entry && node->entry->facts ? node->entry->facts->text : NULL;
}

static const struct tree_node *resolve(const struct image_tree *tree, const struct tree_node *at,
                                       const char *rest, bool follow, size_t *links);

static bool is_dots(const char *name, size_t n)
{
    return (n == 1 && *name == '.') || (n == 2 && !strncmp(name, "..", 2));
}

/* One component below a directory; a symlink is followed where it is to be. */
static const struct tree_node *step(const struct image_tree *tree, const struct tree_node *at,
                                    const char *name, size_t n, bool follow, size_t *links)
{
    if (is_dots(name, n))
        return n == 2 && at->parent ? at->parent : at;
    if (!S_ISDIR(tree_mode(at)))
        return NULL;
    autofree char *path = mem_printf("%s/%.*s", at == tree->root ? "" : at->path, (int)n, name);
    const struct tree_node *found = lookup(tree, path, strlen(path));
    if (!found || !follow || !S_ISLNK(tree_mode(found)))
        return found;
    const char *target = found->entry->link;
    if (!target || ++*links > LINKS_MAX)
        return NULL;
    return resolve(tree, *target == '/' ? tree->root : at, target, true, links);
}

/* rest: what follows of the path; it is resolved below `at`. */
static const struct tree_node *resolve(const struct image_tree *tree, const struct tree_node *at,
                                       const char *rest, bool follow, size_t *links)
{
    for (;;) {
        rest += strspn(rest, "/");
        size_t n = strcspn(rest, "/");
        if (!n || !at)
            return at;
        bool last = !rest[n + strspn(rest + n, "/")];
        at = step(tree, at, rest, n, follow || !last, links);
        rest += n;
    }
}

const struct tree_node *image_tree_find(const struct image_tree *tree, const char *path,
                                        bool follow)
{
    size_t links = 0;
    return resolve(tree, tree->root, path, follow, &links);
}

const struct tree_node *image_tree_below(const struct image_tree *tree,
                                         const struct tree_node *directory, const char *name)
{
    size_t links = 0;
    return directory ? resolve(tree, directory, name, true, &links) : NULL;
}

static int by_path(const void *a, const void *b)
{
    const struct tree_node *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

const struct tree_node **image_tree_sorted(const struct image_tree *tree)
{
    const struct tree_node **out = mem_zalloc(tree->node_count + 1, sizeof *out);
    size_t n = 0;
    for (size_t i = 0; i < tree->bucket_count; i++)
        for (const struct tree_node *node = tree->buckets[i]; node; node = node->bucket)
            if (node != tree->root)
                out[n++] = node;
    qsort(out, n, sizeof *out, by_path);
    return out;
}

bool tree_executable(const struct tree_node *node, uint32_t uid, uint32_t gid)
{
    if (!node || !node->entry || !S_ISREG(node->entry->mode))
        return false;
    mode_t mode = node->entry->mode;
    if (!uid)
        return mode & 0111;
    return mode & (node->entry->uid == uid ? 0100 : node->entry->gid == gid ? 0010 : 0001);
}
