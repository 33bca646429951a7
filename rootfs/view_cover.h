/* The places of a directory view that a step finds filled by its sandbox. Where it sees mounts,
 * what the image lacks of them is made meanwhile; where it sees the directory itself, what the
 * image has there is laid aside as well. The directories they are in keep their times. */
#ifndef ROOTFS_VIEW_COVER_H
#define ROOTFS_VIEW_COVER_H

enum { VIEW_COVERS = 5 };
/* Their paths. */
extern const char *const view_covers[VIEW_COVERS];

/* Make the covers, empty directories and files. aside_fd: an empty directory, where what is there
 * goes; -1: it stays. *covered gets a bit for each that was made. -1 with errno. */
int view_cover(int view_fd, int aside_fd, unsigned *covered);
/* Remove them, with whatever is in them, and put back what was there. -1 with errno. */
int view_uncover(int view_fd, int aside_fd, unsigned covered);

#endif
