/* Paths of a build, resolved in the root of the image being built. */
#ifndef BUILDER_COPY_RESOLVE_H
#define BUILDER_COPY_RESOLVE_H

#include <base/error.h>

#include <stddef.h>

/* An absolute path as the root resolves it, symlinks followed also where they dangle: no leading
 * slash, "" for the root. The caller frees it. *existing gets how many of its bytes (whole
 * components) are there. ERROR_INPUT for a loop of links or a file in the middle. */
int copy_resolve(int root_fd, const char *path, char **out, size_t *existing, struct error *err);

#endif
