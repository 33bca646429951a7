/* What was changed between two lists of one tree, said as an overlay would say it: what a layer
 * needs to hold, parents left out. */
#ifndef ROOTFS_FILE_CHANGES_H
#define ROOTFS_FILE_CHANGES_H

#include "file_list.h"

#include <base/str.h>

enum file_change {
    FILE_DELETED,  /* entry i of before, with all below it */
    FILE_MADE,     /* entry i of after: new, changed, or a directory's own owner, mode or time */
    FILE_REPLACED, /* entry i of after: a directory where there was something else */
};

/* Call visit for each change in the lists' order, until it fails. Times don't count in the
 * directories above stubs (NULL: none), nor where a file lost another of its names. Returns
 * what visit returned last, or 0. */
int file_changes_find(const struct file_list *before, const struct file_list *after,
                      const struct strv *stubs,
                      int (*visit)(void *context, enum file_change change, size_t i,
                                   struct error *err),
                      void *context, struct error *err);

#endif
