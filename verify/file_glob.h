/* Shell globs in an image's root. */
#ifndef VERIFY_FILE_GLOB_H
#define VERIFY_FILE_GLOB_H

#include <base/error.h>
#include <base/str.h>

/* The paths below root_fd that match an absolute glob (* ? [] in any component, each within it; a
 * leading dot must be matched by a dot), sorted. Directories are found as the image's processes
 * would, symlinks kept inside the root. ERROR_INPUT for more than 10,000. */
int file_glob(int root_fd, const char *glob, struct strv *out, struct error *err);

#endif
