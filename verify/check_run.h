/* Checks that run a program: in a sandbox of its own, on its own writable overlay over the image's
 * unpacked layers. */
#ifndef VERIFY_CHECK_RUN_H
#define VERIFY_CHECK_RUN_H

#include "gpu.h"
#include "result.h"

#include <base/error.h>
#include <base/json.h>
#include <rootfs/sandbox.h>
#include <rootfs/store.h>

#include <stddef.h>

/* What all checks of one image share; borrowed, and only read. */
struct check_ground {
    struct store *store;
    const int *layer_fds; /* lowest first */
    size_t layer_count;
    int look_fd;          /* a read-only view of the root, for checks that run nothing */
    const json_t *config; /* the image's */
    const char *user;     /* for checks that name none */
    const char *workdir;
    const struct strv *env;
    enum sandbox_network network; /* for checks that say nothing of it */
    unsigned timeout_ms;          /* the same */
    const struct sandbox_mount *mounts;
    size_t mount_count;
    struct limiter *limiter;           /* NULL: nothing is limited */
    struct limits limits;              /* for checks that say nothing of them */
    const struct emulation *emulation; /* NULL: programs run natively */
    int ca_bundle_fd;                  /* for checks with a network; -1: none */
    int cancel_fd;
    const struct gpu *gpu;   /* for checks that need one */
    bool all_gpus;           /* every check does */
    const char *no_programs; /* why this host can't run the image's programs, or NULL */
    const char *no_network;  /* why a check can't have the host's network, or NULL */
};

/* Run a COMMAND or START check and judge it. -1 where no verdict was possible for a reason that
 * concerns every check: interrupted, or the store or the host fails. */
int check_run(const struct check *check, const struct check_ground *ground,
              struct check_result *out, struct error *err);

#endif
