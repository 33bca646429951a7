/* Writing a layer's tar stream: PAX (POSIX.1-2001) with ustar headers wherever they suffice,
 * entries exactly as given, the same input giving the same bytes. OCI image-spec, layer.md.
 *
 * layer_diff writes an upper directory with it, COPY and ADD write straight from the build context.
 */
#ifndef ROOTFS_LAYER_TAR_H
#define ROOTFS_LAYER_TAR_H

#include <base/error.h>
#include <base/stream.h>

#include <stdint.h>
#include <sys/stat.h>

struct layer_tar;

struct layer_xattr {
    const char *name;
    const void *value;
    size_t size;
};

struct layer_entry {
    const char *path; /* without a leading slash; a directory's without a trailing one */
    mode_t mode;      /* type and permission bits */
    uint32_t uid, gid;
    int64_t size;          /* of a regular file */
    struct timespec mtime; /* written to the nanosecond where it has a fraction */
    dev_t rdev;            /* of a device node */
    const char *link;      /* a symlink's target, or the path of the entry this is a hard link to */
    bool hard_link;
    const struct layer_xattr *xattrs; /* sorted by name */
    size_t xattr_count;
};

/* clamp: no later modification time than this is written (SOURCE_DATE_EPOCH); -1: none. The sink
 * stays the caller's. */
struct layer_tar *layer_tar_new(struct sink *to, int64_t clamp);
void layer_tar_free(struct layer_tar *tar);
/* Write what Docker's builders write: times of whole seconds, and of extended attributes file
 * capabilities alone. */
void layer_tar_limit(struct layer_tar *tar);
/* An entry without content, or (with size > 0) the head of a file whose content follows. */
int layer_tar_entry(struct layer_tar *tar, const struct layer_entry *entry, struct error *err);
int layer_tar_content(struct layer_tar *tar, const void *bytes, size_t n, struct error *err);
/* The content of the entry just begun, from a file; ERROR_INPUT where it is shorter than announced
 * (longer: the rest is not read). */
int layer_tar_content_fd(struct layer_tar *tar, int fd, struct error *err);
/* ".wh.NAME" for a deleted path; ".wh..wh..opq" for an opaque directory. */
int layer_tar_whiteout(struct layer_tar *tar, const char *path, struct error *err);
int layer_tar_opaque(struct layer_tar *tar, const char *directory, struct error *err);
/* The end of the archive. Does not finish the sink. */
int layer_tar_finish(struct layer_tar *tar, struct error *err);

#endif
