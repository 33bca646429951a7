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

/* keep_name is replaced where it is there: with several platforms put the platform into it.
 *
 * Fetch the image that ref names and hand each layer to the sink (layers may be NULL: manifest and
 * config only). On success *out is the caller's to release. */
int image_pull(const struct reference *ref, const struct pull_options *options,
               struct layer_sink *layers, struct image *out, struct error *err);

/* Whether what a layout keeps under this name (see keep_name, and image_load in layout.h) is still
 * what ref names, asked with a HEAD alone: 1 yes, 0 no or not kept, -1 error. An image chosen from
 * an index is compared by that index's digest. */
int image_kept(const struct reference *ref, const struct transport_options *options, int layout_fd,
               const char *name, struct error *err);

#endif
