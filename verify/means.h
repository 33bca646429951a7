/* What a run works with: the store, the pool, progress, and how registries are spoken to. */
#ifndef VERIFY_MEANS_H
#define VERIFY_MEANS_H

#include "gpu.h"
#include "options.h"
#include "verification.h"

#include <base/error.h>

struct means {
    struct strv insecure;
    struct sandbox_mount *mounts;
    size_t mount_count;
    int ca_bundle;
    struct platform platform;
    struct gpu gpu;
    struct mode mode;
    struct transport_options transport;
    struct verification_options options; /* points into this struct, which must not move */
};

/* Takes the mode, so no thread may be there yet. Zero it first; release it whatever came.
 * ERROR_USAGE, ERROR_MISSING (a --volume), ERROR_HOST. */
int means_init(struct means *m, const struct option_values *values, struct error *err);
void means_release(struct means *m);

#endif
