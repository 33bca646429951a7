/* Joining images that were built apart, one for each platform, into an index. */
#ifndef BUILDER_JOIN_H
#define BUILDER_JOIN_H

#include <base/error.h>
#include <base/str.h>
#include <registry/push.h>

/* Borrowed. */
struct join_options {
    const struct transport_options *transport;
    const struct reference *target; /* in a registry; its tag is the index's name */
    const struct strv *from;        /* references: images, or indexes whose images are taken */
    const struct strv *tags;        /* further ones */
    const struct strv *platforms;   /* that there must be, and no others; empty: whatever comes */
    const struct strv *annotations; /* of the index; see annotations.h */
};

/* Every image is looked at before anything is written: ERROR_MISSING where one is absent or has not
 * a platform that is wanted; ERROR_INPUT where two are for one platform, or where none of an
 * image's programs is for the architecture that it claims. Manifests and blobs are copied (or
 * mounted) as they are. *digest gets the index's. */
int images_join(const struct join_options *options, struct digest *digest, struct error *err);

#endif
