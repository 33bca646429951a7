/* Cache mounts: directories that live on between builds, in the store's cache.
 *
 *   cache/mounts/HEX[-N]/data   what steps see
 *   cache/mounts/HEX[-N]/lock   held shared by those who share it, alone by locked and private
 *                               ones; its time is that of the last use
 *   cache/mounts/HEX[-N]/id     the id it was made for, for people
 *
 * HEX is the hash of the id and of what the directory began as, so nothing that a Dockerfile says
 * becomes a path. */
#ifndef BUILDER_CACHE_MOUNT_H
#define BUILDER_CACHE_MOUNT_H

#include "mount_spec.h"

#include <base/digest.h>
#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct cache_mount {
    int data_fd; /* the directory */
    int lock_fd; /* held until released */
    bool fresh;  /* it was made now, and is empty */
};
#define CACHE_MOUNT_NONE ((struct cache_mount){.data_fd = -1, .lock_fd = -1})

/* The directory of a mount of type cache; id: the mount's, or its target. base: of what it begins
 * as, "" for nothing. Waits, where it is locked by somebody else; a private one that is in use
 * gives another. A fresh one has the mode that spec says; giving it its owner
 * is the caller's. ERROR_HOST, ERROR_INTERRUPTED.
 */
int cache_mount_open(int cache_fd, const char *id, const char *base, const struct mount_spec *spec,
                     struct cache_mount *out, struct error *err);
void cache_mount_release(struct cache_mount *mount);

/* Remove those that were last used before `oldest`. Only for who has the store for himself. *count
 * (may be NULL) gets how many went. */
int cache_mounts_prune(int cache_fd, time_t oldest, size_t *count, struct error *err);

#endif
