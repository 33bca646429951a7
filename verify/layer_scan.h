/* A layer as a list of its entries, with what static checks want to know of the files: from its tar
 * stream, without unpacking anything, or from an unpacked directory. */
#ifndef VERIFY_LAYER_SCAN_H
#define VERIFY_LAYER_SCAN_H

#include "file_facts.h"
#include "inventory.h"

#include <base/error.h>
#include <base/str.h>
#include <base/stream.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SCAN_ENTRIES_MAX = 5 * 1000 * 1000 /* of a layer */ };

enum scan_kind {
    SCAN_ENTRY,    /* a file, directory, symlink or other node */
    SCAN_WHITEOUT, /* the path is deleted */
    SCAN_OPAQUE,   /* the lower layers' content of the directory is deleted */
};

struct scan_entry {
    char *path; /* absolute and clean; "/" is the root itself */
    enum scan_kind kind;
    mode_t mode; /* with the type */
    uint32_t uid, gid;
    int64_t size;             /* of a regular file */
    char *link;               /* a symlink's target, or (hard) the path of the same file */
    bool hard;                /* in a tar: another name of `link` */
    struct file_facts *facts; /* of a regular file, or NULL */
};

struct scan_list {
    struct scan_entry *items;
    size_t count, cap;
};

/* blob: a layer as it is stored, read to its end; stays the caller's. what is for messages. texts:
 * the paths of files whose content is kept, and of these alone (NULL: facts of all files).
 * ERROR_INPUT, ERROR_INTEGRITY. */
int layer_scan_tar(struct source *blob, const char *what, const struct strv *texts,
                   struct scan_list *out, struct error *err);
/* An unpacked layer, or any directory that is an image's root; form says how it tells owners and
 * what is deleted. Names are read in order, so that the same directory gives the same list.
 * ERROR_HOST. */
int layer_scan_directory(int dir_fd, const struct inventory_form *form, struct scan_list *out,
                         struct error *err);
void scan_list_release(struct scan_list *list);

#endif
