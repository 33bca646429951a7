/* Access control lists as the kernel hands them out in attributes (linux/posix_acl_xattr.h), for
 * hosts where the ids that they name can't be had: they are then kept in attributes of ours. The
 * permissions that a list has in common with the file's mode are taken from the mode whenever the
 * list is read, so that they never part. */
#ifndef ROOTFS_OWNER_ACL_H
#define ROOTFS_OWNER_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ACL_XATTR_ACCESS "system.posix_acl_access"
#define ACL_XATTR_DEFAULT "system.posix_acl_default"

/* The attribute in which a list of this name is kept, and the other way round; NULL: no list's. */
const char *owner_acl_kept(const char *name);
const char *owner_acl_shown(const char *kept);

/* True where the list is well formed and names users or groups. */
bool owner_acl_names_ids(const void *value, size_t size);
/* The mode that goes with an access list. */
mode_t owner_acl_mode(const void *value, size_t size, mode_t mode);
/* Make an access list say what the mode says. */
void owner_acl_follow(void *value, size_t size, mode_t mode);

#endif
