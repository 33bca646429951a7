/* A directory's content copied into another, with all that a layer keeps of files. */
#ifndef BUILDER_TREE_COPY_H
#define BUILDER_TREE_COPY_H

#include <base/error.h>
#include <rootfs/owner.h>

/* Both are directories; to is empty. Owner and mode of the directory itself are copied too.
 * owners: how they are kept. */
int tree_copy(int from_fd, int to_fd, struct owners *owners, struct error *err);

#endif
