/* The sizes of an image by layer and folder, as a tree that is cut where it gets small. */
#ifndef VERIFY_SIZE_TREE_H
#define VERIFY_SIZE_TREE_H

#include "inventory.h"

#include <stddef.h>
#include <stdint.h>

struct size_node {
    char *name; /* of a folder, with its path from the parent: "usr/lib"; of a layer "" */
    int64_t bytes;
    struct size_node *children; /* largest first */
    size_t count, cap;
};

/* A node per layer, with the folders of what it has in the merged root down to depth levels; what a
 * folder has beside the largest `width` children is joined as "…". The caller releases the root. */
void size_tree_make(const struct inventory *inventory, unsigned depth, size_t width,
                    struct size_node *root);
void size_node_release(struct size_node *node);

#endif
