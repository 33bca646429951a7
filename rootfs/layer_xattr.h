/* Extended attributes on their way into and out of layers. Left out both ways: an overlay's own,
 * and what the host's security modules keep for themselves (SELinux labels, IMA and EVM). */
#ifndef ROOTFS_LAYER_XATTR_H
#define ROOTFS_LAYER_XATTR_H

#include "layer_tar.h"
#include "owner.h"

#include <base/error.h>
#include <base/str.h>

/* What a file has, sorted by name. Zero-initialise; the memory is reused by the next read. */
struct layer_xattrs {
    struct layer_xattr *items;
    size_t count, cap;
    struct str bytes; /* names and values */
};

/* fd: the file itself where it is open, else -1: the file is name (not followed) in dir_fd.
 * path is for messages. ERROR_HOST, or ERROR_INPUT where there is more than a layer may hold. */
int layer_xattrs_read(struct layer_xattrs *xattrs, int fd, int dir_fd, const char *name,
                      const char *path, struct error *err);
void layer_xattrs_release(struct layer_xattrs *xattrs);

/* Set an entry's attributes; fd, dir_fd and name as above. A file system without one is a warning,
 * but for security.capability, without which the program would not work: ERROR_HOST. */
int layer_xattrs_set(const struct layer_entry *entry, struct owners *owners, int fd, int dir_fd,
                     const char *name, struct error *err);

#endif
