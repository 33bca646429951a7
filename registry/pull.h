/* Pull: from an image source into a layer sink, layers in parallel, each verified while it streams.
 */
#ifndef REGISTRY_PULL_H
#define REGISTRY_PULL_H

#include "transport.h"

struct pull_options {
    const struct transport_options *transport;
    const struct platform *platform; /* NULL: the host's */
    bool any_platform;               /* take a single manifest that is for another one */
    int keep_layout_fd;    /* an OCI layout directory that gets blobs, manifest and config too; -1:
                              none */
    const char *keep_name; /* the name in that layout's index (org.opencontainers.image.ref.name);
                              NULL: none */
};

/* Fetch the image that ref names and hand each layer to the sink (layers may be NULL: manifest and
 * config only). On success *out is the caller's to release. */
int image_pull(const struct reference *ref, const struct pull_options *options,
               struct layer_sink *layers, struct image *out, struct error *err);

#endif
