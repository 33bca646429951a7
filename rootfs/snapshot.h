/* A snapshot: the merged view of a stack of layers, read-only or with a fresh upper directory.
 *
 * The overlay is a detached mount (fsopen, lowerdir+, `volatile`): nobody sees it but through
 * root_fd, which serves openat2(2) lookups as it is and is attached in a step's own namespace by
 * the sandbox. Closing the last descriptor unmounts it. Kernel documentation:
 * filesystems/overlayfs.rst. */
#ifndef ROOTFS_SNAPSHOT_H
#define ROOTFS_SNAPSHOT_H

#include "store.h"

#include <base/error.h>

enum snapshot_flags {
    SNAPSHOT_WRITABLE = 1, /* with an upper directory of its own */
    /* A lowest layer of empty mount points (/proc, /sys, /dev, /etc/resolv.conf, /etc/hosts), so
     * that the sandbox can mount there without any trace in the upper directory. For running, not
     * for looking. */
    SNAPSHOT_MOUNT_POINTS = 2,
};

struct snapshot {
    int root_fd;  /* the merged root: a detached mount */
    int upper_fd; /* the upper directory, -1 where read-only */
    char *name;   /* of the snapshot's folder in the store's tmp/ ("" where read-only) */
    struct store *store;
};

/* lower_fds: layer directories, lowest first (they stay the caller's); n may be 0: an empty root.
 * ERROR_HOST where the kernel refuses. */
int snapshot_new(struct store *store, const int *lower_fds, size_t n, enum snapshot_flags flags,
                 struct snapshot *out, struct error *err);
/* Make the upper directory the layer of diff_id: store_adopt_layer. upper_fd stays good as a
 * lowerdir of later snapshots, also before this call. */
int snapshot_adopt(struct snapshot *snapshot, const struct digest *diff_id, struct error *err);
/* Unmount, and remove what was not adopted. */
void snapshot_release(struct snapshot *snapshot);
#define SNAPSHOT_NONE ((struct snapshot){.root_fd = -1, .upper_fd = -1})
#define autosnapshot __attribute__((cleanup(snapshot_release))) struct snapshot

#endif
