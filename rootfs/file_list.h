/* What lies in a directory tree, each file with what stat(2) says of it, so that two lists of one
 * tree tell what was changed between them without a file being read. */
#ifndef ROOTFS_FILE_LIST_H
#define ROOTFS_FILE_LIST_H

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct file_entry {
    size_t path; /* where it begins in the list's names */
    dev_t dev;
    ino_t ino;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    nlink_t links;
    dev_t rdev;
    int64_t size;
    struct timespec mtime, ctime;
    struct timespec born; /* 0 where the file system does not say */
};

/* In the order of paths where '/' sorts lowest: what a directory holds follows it at once. */
struct file_list {
    struct file_entry *items;
    size_t count, cap;
    char *names;
    size_t names_size, names_cap;
};
#define FILE_LIST_NONE ((struct file_list){.items = NULL})

/* List root_fd's tree, without the root itself, and without the paths of skip (NULL-terminated) and
 * what is below them. ERROR_HOST. */
int file_list_make(int root_fd, const char *const *skip, struct file_list *out, struct error *err);
void file_list_release(struct file_list *list);
const char *file_list_path(const struct file_list *list, size_t i);
/* Paths in the list's order. */
int file_list_compare(const char *a, const char *b);

#endif
