/* The files of an image as its layers merge into them, each with the layer that it is from, and
 * what later layers hide. OCI image-spec, layer.md, "Applying Changesets". */
#ifndef VERIFY_IMAGE_TREE_H
#define VERIFY_IMAGE_TREE_H

#include "layer_scan.h"

#include <stdbool.h>
#include <stddef.h>

struct tree_node {
    const char *path; /* absolute, without symlinks */
    const struct scan_entry
        *entry;   /* of a hard link the file's; NULL: only implied by a path below */
    size_t layer; /* from 0, the lowest */
    struct tree_node *parent, *child, *next, *before;
    struct tree_node *bucket; /* the hash table's */
};

/* A regular file of a lower layer that the image does not show. */
struct tree_hidden {
    const struct scan_entry *entry;
    size_t layer, by; /* where it is from, and which layer rewrote or deleted it */
    bool deleted;
};

struct image_tree {
    struct scan_list *layers; /* owned */
    size_t layer_count;
    struct tree_node *root;
    struct tree_node **buckets;
    size_t bucket_count, node_count;
    struct tree_hidden *hidden;
    size_t hidden_count, hidden_cap;
};

/* Merge layers (count of them, lowest first; the array and what it holds become the tree's). */
struct image_tree *image_tree_new(struct scan_list *layers, size_t count);
void image_tree_free(struct image_tree *tree);

/* The node of a path, symlinks followed as the image's processes would (the last component's only
 * with follow). NULL where it is not there. A directory that is only implied is one of mode 0755.
 */
const struct tree_node *image_tree_find(const struct image_tree *tree, const char *path,
                                        bool follow);
/* The node of a name below a directory's node, symlinks followed. */
const struct tree_node *image_tree_below(const struct image_tree *tree,
                                         const struct tree_node *directory, const char *name);
/* All nodes sorted by path, the root left out: an array of node_count - 1 that the caller frees. */
const struct tree_node **image_tree_sorted(const struct image_tree *tree);

/* The type and permissions; of a directory that is only implied 040755. */
mode_t tree_mode(const struct tree_node *node);
/* The content of a file that is kept as text; NULL where there is none. */
const char *tree_text(const struct tree_node *node);
/* May this user (as number) execute it? Root may where anybody may. */
bool tree_executable(const struct tree_node *node, uint32_t uid, uint32_t gid);

#endif
