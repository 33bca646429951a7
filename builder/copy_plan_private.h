/* A plan's inside, for who writes it. */
#ifndef BUILDER_COPY_PLAN_PRIVATE_H
#define BUILDER_COPY_PLAN_PRIVATE_H

#include "copy_plan.h"

struct plan_entry {
    char *path;
    struct copy_node *node; /* NULL: it went with its directory */
};

struct copy_plan {
    struct copy_tree image; /* root_fd -1: empty */
    struct timespec now;
    struct plan_entry *entries; /* each path once */
    size_t entry_count, entry_cap;
    struct copy_node **nodes; /* owned */
    size_t node_count, node_cap;
    uint32_t *table; /* of entries by path, plus one; open addressing */
    size_t table_size;
};

#endif
