/* Who owns a file of an image, and what kind of file it is.
 *
 * With real or mapped ids the kernel knows. With faked ids, where a process has one id only, the
 * wanted owner is kept beside the file: in the attribute OWNER_XATTR of a regular file or
 * directory, which follows it through renames, hard links and an overlay's copies; and in a table
 * of the store for what can't have one (symlinks, fifos, sockets, and everything on a file system
 * without user attributes), by inode number and birth time, so that an inode used again is another.
 * A device node is an empty regular file whose record says what it stands for. An ACL that names
 * ids is kept the same way. What has no record is root's.
 *
 * Wherever a struct owners * is taken, NULL means the kernel's own owners. One may be used by
 * several threads at a time. */
#ifndef ROOTFS_OWNER_H
#define ROOTFS_OWNER_H

#include <base/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define OWNER_XATTR "user.imgbuild.owner"
#define OWNER_XATTR_ACL "user.imgbuild.acl"
#define OWNER_XATTR_DEFAULT_ACL "user.imgbuild.acl-default"
#define OWNER_XATTR_CAPABILITY "user.imgbuild.capability"

struct owner {
    uint32_t uid, gid;
    uint32_t type; /* S_IFCHR or S_IFBLK where a file stands for a device; else 0 */
    uint32_t mode; /* OWNER_MODE and the permission bits that the image wants; 0: the file's own */
    uint64_t rdev; /* of the device */
};

#define OWNER_MODE 0x10000U

struct owners;

/* The record of a store; the table is the file `name` in dir_fd, made where absent. ERROR_HOST. */
int owners_open(int dir_fd, const char *name, struct owners **out, struct error *err);
void owners_close(struct owners *owners);
/* Take in what other processes have added to the table. -1 with errno. */
int owners_refresh(struct owners *owners);
/* The table's descriptor, for a process that closes others; -1 where owners is NULL. */
int owners_fd(const struct owners *owners);
/* True where the table holds anything: else a file that can't have the attribute is root's. */
bool owners_has_table(const struct owners *owners);

/* The file `name` in dir_fd, not followed ("": what dir_fd is itself, which may be O_PATH). */

/* Make uid:gid the owner, as lchown(2): set-id bits and file capabilities go. -1 with errno. */
int owners_give(struct owners *owners, int dir_fd, const char *name, uint32_t uid, uint32_t gid);
/* Of a process without any privilege, which needs to read and write what it owns: the mode that a
 * file has instead of this one (the same for any other process)… */
mode_t owners_mode(const struct owners *owners, mode_t mode);
/* … and remember this one, where that is another. -1 with errno. */
int owners_keep_mode(struct owners *owners, int dir_fd, const char *name, mode_t mode);
/* mknod(2) of a device or fifo. -1 with errno. */
int owners_make_node(struct owners *owners, int dir_fd, const char *name, mode_t mode, dev_t rdev);
/* fstatat(2) with the owner, type and device that the image wants. -1 with errno. */
int owners_stat(struct owners *owners, int dir_fd, const char *name, struct stat *st);

/* For a caller that has a path by which the very file can be reached (not followed where it is a
 * symlink) and, in fd, the file itself (O_PATH will do). */

/* 1: *out is the record; 0: there is none, *out is root's. */
int owners_read(struct owners *owners, const char *path, int fd, struct owner *out);
/* Remember; root's own without a type removes the record. -1 with errno. */
int owners_write(struct owners *owners, const char *path, int fd, const struct owner *owner);
/* Put the record into what stat(2) said. */
void owner_apply(const struct owner *owner, struct stat *st);
/* True where owner says nothing that isn't so without a record. */
bool owner_is_plain(const struct owner *owner);

#endif
