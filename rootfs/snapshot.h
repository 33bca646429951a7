/* A snapshot: the merged root of a stack of layers, to look at or to be written.
 *
 * Its view is an overlay, or, where none can be (store_form is WHITEOUT_PLAIN), one directory that
 * holds the merged root itself.
 *
 * An overlay is a detached mount (fsopen, lowerdir+, `volatile`): nobody sees it but through
 * root_fd, which serves openat2(2) lookups as it is and is attached in a step's own namespace by
 * the sandbox. Closing the last descriptor unmounts it. Kernel documentation:
 * filesystems/overlayfs.rst.
 *
 * A directory is kept for the next snapshot of the same layers, or of more. What a step changed in
 * it is found when it is settled, from inodes and change times. Where the step will see it by
 * chroot(2) (mode.view) and SNAPSHOT_MOUNT_POINTS is set, the directory has until then: empty /dev,
 * /proc and /sys, empty /etc/hosts and /etc/resolv.conf, all for the sandbox to fill; whatever is
 * put there goes when it is settled or released, and what the image has there comes back. */
#ifndef ROOTFS_SNAPSHOT_H
#define ROOTFS_SNAPSHOT_H

#include "store.h"

#include <base/error.h>
#include <base/str.h>

enum snapshot_flags {
    SNAPSHOT_WRITABLE = 1, /* with an upper directory of its own */
    /* A lowest layer of empty mount points (/proc, /sys, /dev, /etc/resolv.conf, /etc/hosts), so
     * that the sandbox can mount there without any trace in the upper directory. For running, not
     * for looking. */
    SNAPSHOT_MOUNT_POINTS = 2,
};

enum snapshot_view { SNAPSHOT_OVERLAY, SNAPSHOT_DIRECTORY };

struct snapshot {
    enum snapshot_view view;
    int root_fd;  /* the merged root: a detached mount where steps see mounts, else a directory */
    int upper_fd; /* what was changed, as a layer; -1 where read-only, and in a directory view
                     until it is settled */
    char *name;   /* of the snapshot's folder in the store's tmp/ ("" where read-only) */
    struct store *store;
    struct view *directory; /* of a directory view, until it is settled; else NULL */
};

/* lower_fds: layer directories, lowest first (they stay the caller's); n may be 0: an empty root.
 * ERROR_HOST where the kernel refuses. */
int snapshot_new(struct store *store, const int *lower_fds, size_t n, enum snapshot_flags flags,
                 struct snapshot *out, struct error *err);
/* Whoever wrote is dead: upper_fd gets what was changed, and root_fd is given up (-1). stubs:
 * directories above these paths (without leading slash) count as changed only if more than their
 * times did; NULL: none. */
int snapshot_settle(struct snapshot *snapshot, const struct strv *stubs, struct error *err);
/* Make the upper directory the layer of diff_id: store_adopt_layer. upper_fd stays good as a
 * lowerdir of later snapshots, also before this call. */
int snapshot_adopt(struct snapshot *snapshot, const struct digest *diff_id, struct error *err);
/* Unmount, and remove what was not adopted. */
void snapshot_release(struct snapshot *snapshot);
#define SNAPSHOT_NONE ((struct snapshot){.root_fd = -1, .upper_fd = -1})
#define autosnapshot __attribute__((cleanup(snapshot_release))) struct snapshot

#endif
