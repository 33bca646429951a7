/* An image that lies unpacked in the store: what checks, inventories and comparisons look at. */
#ifndef VERIFY_UNPACKED_H
#define VERIFY_UNPACKED_H

#include <base/error.h>
#include <registry/pull.h>
#include <rootfs/snapshot.h>
#include <rootfs/store.h>

struct unpacked {
    struct image image;
    int *layer_fds; /* as many as image.layer_count, lowest first */
    struct snapshot look;
};
#define UNPACKED_NONE ((struct unpacked){.look = SNAPSHOT_NONE})

/* Pull what the store lacks of it. platform may be NULL: the host's. The store must live as long as
 * *out, which the caller releases whatever came. Errors are those of image_pull and the store. */
int unpacked_open(struct unpacked *out, const struct reference *ref, struct store *store,
                  const struct transport_options *transport, const struct platform *platform,
                  struct error *err);
void unpacked_release(struct unpacked *u);
#define autounpacked __attribute__((cleanup(unpacked_release))) struct unpacked

#endif
