/* The table of owners of files that can't have attributes of their own: in memory, and appended to
 * a file that all processes of a store share. */
#ifndef ROOTFS_OWNER_TABLE_H
#define ROOTFS_OWNER_TABLE_H

#include "owner.h"

struct owner_table;

/* A file, for as long as it lives: another that gets its inode number is born later. */
struct owner_key {
    uint64_t inode;
    int64_t born; /* seconds */
    uint32_t born_ns;
    uint32_t unused;
};

/* ERROR_HOST. */
int owner_table_open(int dir_fd, const char *name, struct owner_table **out, struct error *err);
void owner_table_close(struct owner_table *table);
/* Read what was appended since. -1 with errno. */
int owner_table_refresh(struct owner_table *table);
/* The file, owned by the table. */
int owner_table_fd(const struct owner_table *table);
bool owner_table_is_empty(const struct owner_table *table);

/* -1 with errno. */
int owner_key_of(int fd, struct owner_key *out);
/* 1: found. */
int owner_table_find(struct owner_table *table, const struct owner_key *key, struct owner *out);
/* A later owner replaces the one before. -1 with errno: it is in neither place then. */
int owner_table_set(struct owner_table *table, const struct owner_key *key,
                    const struct owner *owner);

#endif
