#include "size_tree.h"

#include <base/mem.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct size_node *child_of(struct size_node *parent, const char *name, size_t n)
{
    /* Files come sorted, so it is the last one or it is new. */
    struct size_node *last = parent->count ? &parent->children[parent->count - 1] : NULL;
    if (last && !strncmp(last->name, name, n) && !last->name[n])
        return last;
    struct size_node *child = &MEM_PUSH(parent->children, parent->count, parent->cap);
    *child = (struct size_node){.name = mem_strndup(name, n)};
    return child;
}

static void add_file(struct size_node *layer, const struct inventory_file *f, unsigned depth)
{
    struct size_node *node = layer;
    const char *p = f->path;
    node->bytes += f->stored;
    for (unsigned level = 0; level < depth; level++) {
        const char *slash = strchr(p, '/');
        size_t n = slash ? (size_t)(slash - p) : strlen(p);
        node = child_of(node, p, n);
        node->bytes += f->stored;
        if (!slash)
            return;
        p = slash + 1;
    }
}

static int larger_first(const void *a, const void *b)
{
    const struct size_node *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void settle(struct size_node *node, size_t width, bool sort)
{
    for (size_t i = 0; i < node->count; i++)
        settle(&node->children[i], width, true);
    if (!sort || !node->count)
        return;
    qsort(node->children, node->count, sizeof *node->children, larger_first);
    if (node->count <= width)
        return;
    struct size_node rest = {.name = mem_strdup("…")};
    for (size_t i = width; i < node->count; i++) {
        rest.bytes += node->children[i].bytes;
        size_node_release(&node->children[i]);
    }
    node->children[width] = rest;
    node->count = width + 1;
}

void size_tree_make(const struct inventory *inventory, unsigned depth, size_t width,
                    struct size_node *root)
{
    *root = (struct size_node){.name = mem_strdup("")};
    for (size_t i = 0; i < inventory->layer_count; i++)
        MEM_PUSH(root->children, root->count, root->cap) =
            (struct size_node){.name = mem_strdup("")};
    for (size_t i = 0; i < inventory->file_count; i++) {
        const struct inventory_file *f = &inventory->files[i];
        if (!f->stored)
            continue;
        root->bytes += f->stored;
        add_file(&root->children[f->layer], f, depth);
    }
    settle(root, width, false); /* layers keep their order */
}

void size_node_release(struct size_node *node)
{
    for (size_t i = 0; i < node->count; i++)
        size_node_release(&node->children[i]);
    free(node->children);
    free(node->name);
    *node = (struct size_node){0};
}
