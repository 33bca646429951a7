/* An upper directory, cut down to what its step changed, by BuildKit's measure: an overlay copies
 * up more than that (directories on the way, a file whose time was set back, the other names of a
 * file that got a new one), and a layer that holds it would undo links and times of the image. */
#ifndef ROOTFS_LAYER_PRUNE_H
#define ROOTFS_LAYER_PRUNE_H

#include "owner.h"
#include "whiteout.h"

#include <base/error.h>

/* Nobody may have the upper directory mounted. base_fd: the root as it was before the step. What
 * is the same there (type, permissions, owner, capabilities; of anything but a directory also size,
 * time and content; of a directory its time means nothing) goes from the upper directory; opaque
 * directories become whiteouts of what they hide; whiteouts of nothing go. ERROR_HOST. */
int layer_prune(int upper_fd, int base_fd, struct owners *owners, enum whiteout_form form,
                struct error *err);

#endif
