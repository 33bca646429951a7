/* One image, verified: one pull, one unpack, then every check by itself, side by side. */
#ifndef VERIFY_VERIFICATION_H
#define VERIFY_VERIFICATION_H

#include "result.h"

#include <base/error.h>
#include <base/pool.h>
#include <base/progress.h>
#include <registry/pull.h>
#include <rootfs/emulation.h>
#include <rootfs/sandbox.h>
#include <rootfs/store.h>

#include <stdbool.h>

/* What the command line says of all images; borrowed. */
struct verification_options {
    struct store *store;
    struct pool *pool;
    struct progress *progress; /* or NULL */
    const struct transport_options *transport;
    const struct platform *platform; /* NULL: the host's */
    const char *user;                /* --user; NULL: the image's */
    const struct strv *env;          /* --env, "NAME=VALUE" */
    enum sandbox_network network;
    unsigned timeout_ms;
    const struct sandbox_mount *mounts; /* --volume */
    size_t mount_count;
    int ca_bundle_fd; /* -1: none */
    int cancel_fd;
    bool static_only; /* nothing is run or unpacked */
    bool plan_only;   /* derive the checks, and run none */
    unsigned derive;  /* enum derive_wish: checks that the image itself asks for */
    const struct strv *venvs, *only, *skip; /* of derived checks; NULL: none */
    const struct gpu *gpu;                  /* the host's */
    bool all_gpus;                          /* for every check */
    const char *driver;                     /* the host's NVIDIA driver; NULL: none */
    bool inventory;                         /* fill in r->inventory too */
    struct emulators *emulators;
    struct limiter *limiter; /* or NULL */
    struct limits limits;
};

/* Pull the image and run r->checks (which the caller has filled in, with reference and variant);
 * digest, platform, layers, seconds and results are filled in here. A check that fails is no error.
 * ERROR_INTERRUPTED, and whatever pull and store report. */
int image_verify(const struct reference *ref, const struct verification_options *options,
                 struct image_result *r, struct error *err);

#endif
