/* Overlay mounts, detached: nobody sees them but through their descriptor. */
#ifndef ROOTFS_OVERLAY_H
#define ROOTFS_OVERLAY_H

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>

struct overlay_spec {
    const int *lower_fds; /* lowest first, at least one; two where there is no upper */
    size_t lower_count;
    int upper_fd, work_fd; /* -1: read-only; else on one file system, work empty */
    int attach_fd;         /* an empty directory, used by overlay_mount_old alone */
    bool user_xattr;       /* in a user namespace: its marks are user.overlay.* */
};

/* A descriptor of the detached mount, by whichever way this kernel knows; ERROR_HOST. */
int overlay_mount(const struct overlay_spec *spec, struct error *err);
/* The two ways, for tests: layers one by one (lowerdir+, Linux 6.8 and later), and as one text for
 * older kernels (5.10 and later: before there is no volatile), which takes 128 layers. */
int overlay_mount_new(const struct overlay_spec *spec, struct error *err);
int overlay_mount_old(const struct overlay_spec *spec, struct error *err);

#endif
