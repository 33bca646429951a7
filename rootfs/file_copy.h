/* One file of an unpacked image made again elsewhere, with all that a layer keeps of it. */
#ifndef ROOTFS_FILE_COPY_H
#define ROOTFS_FILE_COPY_H

#include "owner.h"

#include <sys/stat.h>

/* A file named by its directory: paths are relative, with no symlink on the way. */
struct file_place {
    int dir_fd;
    const char *path;
};

/* Make `to`, which is not there, like `from`, of which st is the kernel's lstat(2): content (holes
 * stay holes), owner, mode, attributes, times. Directories without their content, and of their
 * times see file_copy_times. owners: of the store that both are in. -1 with errno. */
int file_copy(const struct file_place *from, const struct stat *st, const struct file_place *to,
              struct owners *owners);
/* Owner, mode and attributes alone, of a directory that is there. -1 with errno. */
int file_copy_dress(const struct file_place *from, const struct stat *st,
                    const struct file_place *to, struct owners *owners);
/* A directory's times, last of all: whatever is made in it changes them. -1 with errno. */
int file_copy_times(const struct file_place *to, const struct stat *st);

#endif
