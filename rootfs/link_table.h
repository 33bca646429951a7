/* Files with several names, as a walk meets them: which name came first. */
#ifndef ROOTFS_LINK_TABLE_H
#define ROOTFS_LINK_TABLE_H

#include <stddef.h>
#include <sys/stat.h>

struct link_name;

/* Zero-initialise. */
struct link_table {
    struct link_name *slots;
    size_t count, room; /* room is a power of two */
};

/* The path under which this inode was found first, owned by the table; NULL: it is now, and path is
 * remembered. */
const char *link_table_find(struct link_table *table, const struct stat *st, const char *path);
void link_table_release(struct link_table *table);

#endif
