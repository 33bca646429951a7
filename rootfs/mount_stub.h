/* Mount points that a run made in its root where there was nothing: they go again, so that neither
 * the layer nor a later run has them. */
#ifndef ROOTFS_MOUNT_STUB_H
#define ROOTFS_MOUNT_STUB_H

#include "whiteout.h"

#include <base/error.h>
#include <base/str.h>

struct mount_stub_roots {
    int merged_fd; /* the root in which it ran */
    int upper_fd;  /* its upper directory; -1: there is none, and before_fd is not needed */
    int before_fd; /* the root as it was */
    enum whiteout_form form; /* of the upper directory */
};

/* Remove what is still empty of these paths (sandbox_result.created, in the order they were made).
 * A directory that was there, and is in the upper directory for their sake alone, goes from it.
 * ERROR_HOST. */
int mount_stubs_remove(const struct mount_stub_roots *roots, const struct strv *paths,
                       struct error *err);

#endif
