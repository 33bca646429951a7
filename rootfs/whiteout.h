/* Deleted paths, in their dresses: entries of a tar (".wh.NAME", ".wh..wh..opq"; OCI image-spec,
 * layer.md, "Whiteouts") and an overlay's own (char device 0:0 and the attribute overlay.opaque;
 * kernel documentation, filesystems/overlayfs.rst). */
#ifndef ROOTFS_WHITEOUT_H
#define ROOTFS_WHITEOUT_H

#include <base/str.h>

#include <stdbool.h>
#include <sys/stat.h>

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

enum whiteout_kind {
    WHITEOUT_NOT,       /* an ordinary name */
    WHITEOUT_PATH,      /* the rest of the name is deleted */
    WHITEOUT_DIRECTORY, /* everything the lower layers have in this directory is deleted */
    WHITEOUT_IGNORED,   /* ".wh..wh.…", a union file system's private matter */
    WHITEOUT_BAD,       /* a whiteout of nothing, "." or ".." */
};

/* What an entry's last component says. *deleted gets the name that WHITEOUT_PATH deletes, pointing
 * into name. */
enum whiteout_kind whiteout_parse(const char *name, const char **deleted);

/* How an unpacked layer says what is deleted: as those will read it who lay it over others. */
enum whiteout_form {
    WHITEOUT_TRUSTED, /* an overlay: char 0:0, trusted.overlay.opaque */
    WHITEOUT_USER,    /* an overlay with userxattr: char 0:0, user.overlay.opaque */
    WHITEOUT_PLAIN,   /* as in a tar, where no overlay can be */
};

/* An overlay's whiteout. */
bool whiteout_is(const struct stat *st);
/* True where name is deleted in this directory, in either of an overlay's forms or in PLAIN. */
bool whiteout_at(enum whiteout_form form, int dir_fd, const char *name);
/* Make one, where nothing has the name; EEXIST where something has. -1 with errno. */
int whiteout_make(enum whiteout_form form, int dir_fd, const char *name);
/* Remove a PLAIN one, which (unlike an overlay's) does not stand where something is to be made:
 * true where there was one. */
bool whiteout_take(enum whiteout_form form, int dir_fd, const char *name);
/* True where what lower layers have in this directory is hidden. dir_fd must not be O_PATH. */
bool whiteout_is_opaque(enum whiteout_form form, int dir_fd);
/* Add the names in a layer's directory, as path_list. A PLAIN whiteout counts under the name that
 * it deletes, so that whatever the form, a layer's entries come in the same order. -1 with errno.
 */
int whiteout_names(enum whiteout_form form, int dir_fd, struct strv *names);
/* -1 with errno. */
int whiteout_set_opaque(enum whiteout_form form, int dir_fd);
int whiteout_clear_opaque(enum whiteout_form form, int dir_fd);
/* Extended attributes that are an overlay's own: never in a tar, and never taken from one, where
 * they could redirect a directory to anywhere. */
bool whiteout_owns_xattr(const char *name);

#endif
