/* Opens the files of a tree one after the other, as a list has them: the directory that two
 * neighbours share is resolved once. Private to COPY. */
#ifndef BUILDER_COPY_OPEN_H
#define BUILDER_COPY_OPEN_H

#include <stddef.h>

struct copy_opener {
    int root_fd; /* borrowed */
    int dir_fd;  /* of the file opened last, or -1 */
    char *dir;   /* its path below the root */
};
#define COPY_OPENER(root_fd) ((struct copy_opener){(root_fd), -1, NULL})

/* Open a path as path_open_in_root of base/path.h does. Returns a close-on-exec descriptor that
 * the caller closes, or -1 with errno. */
int copy_open(struct copy_opener *opener, const char *path, int flags);
void copy_opener_release(struct copy_opener *opener);

#endif
