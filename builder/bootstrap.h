/* A Debian or Ubuntu base image of one layer, made by mmdebstrap from the distribution's archive.
 */
#ifndef BUILDER_BOOTSTRAP_H
#define BUILDER_BOOTSTRAP_H

#include <base/digest.h>
#include <base/error.h>
#include <base/pool.h>
#include <base/progress.h>
#include <base/str.h>
#include <registry/platform.h>
#include <rootfs/store.h>

#include <stdbool.h>

/* Borrowed. */
struct bootstrap_options {
    const char *suite;
    const char *mirror;         /* NULL: mmdebstrap's choice */
    const struct strv *include; /* package names, or lists of them with commas */
    struct platform platform;
    const char *name; /* in the store's index */
    bool again;       /* also where the store has that name */
    struct store *store;
    struct pool *pool;
    struct progress *progress;
};

/* ERROR_HOST where mmdebstrap is missing, or what runs the platform's programs; ERROR_USAGE for a
 * platform that Debian has not; ERROR_STEP where mmdebstrap fails. */
int bootstrap_image(const struct bootstrap_options *options, struct digest *digest,
                    struct error *err);

#endif
