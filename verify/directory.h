/* dir:PATH: an unpacked root, as an image of one layer without a config of its own. */
#ifndef VERIFY_DIRECTORY_H
#define VERIFY_DIRECTORY_H

#include <base/error.h>
#include <registry/image.h>

/* Open the directory (the caller closes *fd) and make up an image of it, for platform (NULL: the
 * host's), which the caller releases. ERROR_MISSING. */
int directory_open(const char *path, const struct platform *platform, int *fd, struct image *out,
                   struct error *err);

#endif
