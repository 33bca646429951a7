/* What was changed in a directory view, gathered into a directory of its own: what an overlay would
 * have in its upper directory, in the PLAIN form. */
#ifndef ROOTFS_VIEW_UPPER_H
#define ROOTFS_VIEW_UPPER_H

#include "file_list.h"
#include "owner.h"

#include <base/str.h>

/* upper_fd: an empty directory. ERROR_HOST. */
int view_upper_make(int view_fd, const struct file_list *before, const struct file_list *after,
                    const struct strv *stubs, struct owners *owners, int upper_fd,
                    struct error *err);

#endif
