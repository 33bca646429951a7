/* Paths: as text, and beneath a root that may be an image's.
 *
 * A path that comes from an image or a build context is only ever resolved beneath a directory
 * descriptor with openat2(2), never by text alone. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include "error.h"
#include "str.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* "a" + "b" -> "a/b"; an absolute b replaces a. The caller frees it. */
char *path_join(const char *a, const char *b) __attribute__((returns_nonnull));
/* Lexical clean-up as Go's path.Clean: no "//", "." or inner ".."; "" gives ".". Caller frees. */
char *path_clean(const char *path) __attribute__((returns_nonnull));
/* The last component of a path ("/" gives "/"), pointing into it; trailing slashes are kept. */
const char *path_base(const char *path);
/* All but the last component, "." or "/" where there is none. The caller frees it. */
char *path_dir(const char *path) __attribute__((returns_nonnull));

/* Open a path as the image's own processes would resolve it: absolute symlinks and ".." stay below
 * root_fd (RESOLVE_IN_ROOT), magic links are refused. Returns a close-on-exec descriptor, or -1
 * with errno set: the caller knows what the path meant and words the error. */
int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode);
/* The same, but no symlink is followed in any component and ".." is refused (RESOLVE_BENEATH). */
int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode);

/* Make a directory and its missing parents (host paths). 0755 modified by the umask. */
int path_make_dirs(const char *path, struct error *err);
/* Remove name below dir_fd and all it holds; does not cross symlinks; absent is no error. */
int path_remove_tree(int dir_fd, const char *name, struct error *err);
/* Add the names in a directory, but "." and "..", sorted bytewise. dir_fd may be O_PATH. -1 with
 * errno. */
int path_list(int dir_fd, struct strv *names);
/* Read a symlink whole. NULL with errno set; the caller frees it. */
char *path_read_link(int dir_fd, const char *name);

#endif
