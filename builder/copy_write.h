/* The layer that a COPY or ADD makes: destination resolved in the image's root, parents kept as
 * they are there, files read once, straight from their tree into the tar stream. */
#ifndef BUILDER_COPY_WRITE_H
#define BUILDER_COPY_WRITE_H

#include "copy_list.h"

#include <base/error.h>
#include <rootfs/layer_tar.h>

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct copy_target {
    int root_fd;             /* the image so far, merged; -1: empty */
    struct owners *owners;   /* how its owners are kept; NULL: by the kernel */
    const char *destination; /* absolute; a trailing slash means a directory */
    uint32_t uid, gid;       /* of everything copied, and of directories that had to be made */
    bool keep_owner;         /* what is copied keeps its own: an image's files without --chown */
    bool has_mode;
    mode_t mode;         /* --chmod: permission bits of everything copied */
    struct timespec now; /* times of directories that had to be made */
};

/* Write the entries. Rules as BuildKit's: a directory gives its content; a file goes into the
 * destination where that is a directory or ends with a slash, else under its name; symlinks of the
 * destination are followed in the root; a directory over a file, or the reverse, is ERROR_INPUT.
 * Does not finish the tar. */
int copy_write(const struct copy_list *list, const struct copy_tree *tree,
               const struct copy_target *target, struct layer_tar *tar, struct error *err);

/* Only the directories of an absolute path that are missing, as WORKDIR makes them. */
int copy_write_directory(const struct copy_target *target, struct layer_tar *tar,
                         struct error *err);

#endif
