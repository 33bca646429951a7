/* Push: from an OCI layout (a store's oci/ folder, or any) to a target; and copy between any two.
 *
 * Order: blobs in parallel (HEAD, mount, upload), manifests by digest, then tags one by one with
 * `latest` (and `latest-…`) last of all, each read back by digest from a registry. */
#ifndef REGISTRY_PUSH_H
#define REGISTRY_PUSH_H

#include "transport.h"

#include <base/str.h>

/* Names of a manifest inside the index that is copied. */
struct push_child {
    struct digest digest;
    const struct strv *tags;
};

struct push_options {
    const struct transport_options *transport;
    const struct reference *mount_from; /* a repository on the target's registry likely to hold the
                                           base's layers; or NULL */
    const struct platform *platform;    /* which of an index, unless all; NULL: the host's */
    const struct push_child *children;
    size_t child_count;
};

struct push_result {
    struct digest digest; /* of the manifest or index */
    int64_t uploaded_bytes;
    size_t blobs_uploaded, blobs_present;
};

/* Copy what source names (all platforms of an index where all_platforms) to target_ref's repository
 * or file under these tags (none: by digest alone, or target_ref's own tag). */
int image_copy(struct image_source *source, const struct reference *target_ref,
               const struct strv *tags, bool all_platforms, const struct push_options *options,
               struct push_result *out, struct error *err);

/* Place further tags on a manifest that the target already has. */
int image_tag(const struct reference *target_ref, const struct manifest *manifest,
              const struct strv *tags, const struct push_options *options, struct error *err);

#endif
