/* What an image holds: each file of its merged root with the layer that wrote it, what later layers
 * hid of earlier ones, and the packages that are installed. */
#ifndef VERIFY_INVENTORY_H
#define VERIFY_INVENTORY_H

#include <base/error.h>
#include <rootfs/owner.h>
#include <rootfs/whiteout.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct inventory_file {
    char *path; /* from the root, without a leading slash */
    size_t layer;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    dev_t rdev;
    int64_t size;   /* bytes of a regular file's content */
    int64_t stored; /* what of it the layer holds: 0 for a further name of the same file */
    char *target;   /* of a symlink; else NULL */
};

/* A file that a layer brought and a later one deleted or wrote anew. */
struct inventory_waste {
    char *path;
    size_t layer, by;
    int64_t bytes;
    bool deleted;
};

struct inventory_package {
    const char *kind; /* "deb", "apk", "python" */
    char *name, *version;
    char *place; /* the file or directory that says so */
};

struct inventory {
    struct inventory_file *files; /* by path, a directory before what it holds */
    size_t file_count, file_cap;
    struct inventory_waste *wastes;
    size_t waste_count, waste_cap;
    struct inventory_package *packages; /* by kind, then name */
    size_t package_count, package_cap;
    int64_t *layer_bytes; /* what each layer brought */
    size_t layer_count;
    int64_t bytes;  /* of the merged root's files, each inode once */
    int64_t wasted; /* of all wastes */
};

/* How the layers of a store say who owns a file, and what is deleted. */
struct inventory_form {
    struct owners *owners;
    enum whiteout_form whiteouts;
};

/* Zero it first. layer_fds: unpacked layers, lowest first; root_fd: their merged root, where the
 * packages' records are read (what cannot be read of them is left out). ERROR_HOST. */
int inventory_take(const int *layer_fds, size_t n, const struct inventory_form *form, int root_fd,
                   struct inventory *out, struct error *err);
void inventory_release(struct inventory *inventory);
#define autoinventory __attribute__((cleanup(inventory_release))) struct inventory

/* The order of the files: bytewise, but that '/' comes before all, so that what a directory holds
 * follows it. */
int inventory_compare_paths(const char *a, const char *b);

#endif
