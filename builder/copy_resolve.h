/* Paths of a build, resolved in the root of the image being built. */
#ifndef BUILDER_COPY_RESOLVE_H
#define BUILDER_COPY_RESOLVE_H

#include "copy_plan.h"

#include <base/error.h>

#include <stddef.h>

/* An absolute path as the root resolves it, symlinks followed also where they dangle: no leading
 * slash, "" for the root. The caller frees it. *existing gets how many of its bytes (whole
 * components) are there. ERROR_INPUT for a loop of links or a file in the middle. */
int copy_resolve(int root_fd, const char *path, char **out, size_t *existing, struct error *err);

/* The same by what `look` says is there (see copy_plan_look); everything stays within base. */
int copy_resolve_by(int (*look)(void *context, const char *path, enum copy_kind *kind, char **link,
                                struct error *err),
                    void *context, const char *base, const char *path, char **out,
                    struct error *err);

#endif
