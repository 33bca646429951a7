/* A Debian or Ubuntu base image of one layer, made by mmdebstrap from the distribution's archive.
 */
#ifndef BUILDER_BOOTSTRAP_H
#define BUILDER_BOOTSTRAP_H

#include <base/digest.h>
#include <base/error.h>
#include <base/pool.h>
#include <base/progress.h>
#include <base/str.h>
#include <rootfs/store.h>

#include <stdbool.h>

/* Borrowed. */
struct bootstrap_options {
    const char *suite;
    const char *mirror;         /* NULL: mmdebstrap's choice */
    const struct strv *include; /* package names, or lists of them with commas */
    const char *name;           /* full reference, in the store's index */
    bool again;                 /* also where the store has that name */
    struct store *store;
    struct pool *pool;
    struct progress *progress;
};

/* ERROR_HOST where mmdebstrap is missing, ERROR_STEP where it fails. */
int bootstrap_image(const struct bootstrap_options *options, struct digest *digest,
                    struct error *err);

#endif
