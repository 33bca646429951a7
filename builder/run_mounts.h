/* The mounts of one RUN: --mount's values as what the sandbox is to show. */
#ifndef BUILDER_RUN_MOUNTS_H
#define BUILDER_RUN_MOUNTS_H

#include "build_session.h"

#include <rootfs/sandbox.h>

struct run_mount;

struct run_mounts {
    struct run_mount *items;
    size_t count, cap;
    struct sandbox_mount *shown; /* for the sandbox, parents first; after run_mounts_open */
    size_t shown_count, shown_cap;
    char *document; /* path of the heredoc that is a program */
};

/* Parse and expand the step's --mount flags; look at what they take from stages, images and the
 * context. *out is released by run_mounts_release, whatever came. ERROR_INPUT with its place. */
int run_mounts_prepare(struct step *step, struct run_mounts *out, struct error *err);
/* What of them the result may depend on: content and places, of secrets never more than the names.
 */
void run_mounts_key(const struct run_mounts *mounts, struct cache_key *key);
/* Open what is to be shown, and add the variables that come with it to env: secrets and the agent's
 * socket. document (may be NULL) is shown as a program. */
int run_mounts_open(struct step *step, struct run_mounts *mounts, const struct heredoc *document,
                    struct strv *env, struct error *err);
void run_mounts_release(struct run_mounts *mounts);

#endif
