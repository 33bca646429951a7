/* The same image in another form, as an output may want it: layers compressed otherwise, Docker's
 * media types, further annotations. Files, history and config stay what they are. */
#ifndef BUILDER_IMAGE_VARIANT_H
#define BUILDER_IMAGE_VARIANT_H

#include "built_image.h"

#include <base/error.h>
#include <base/pool.h>
#include <base/str.h>
#include <rootfs/compress.h>
#include <rootfs/store.h>

#include <stdbool.h>
#include <stddef.h>

/* Zeroed: the image as it was built. */
struct image_variant {
    bool recompress; /* compression was given */
    struct compression compression;
    bool force; /* of the base's layers too */
    bool docker_types;
    struct strv annotations; /* see annotations.h; those without a place are the manifests' */
};

/* "annotation.K", "annotation-manifest[P].K", "annotation-index.K",
 * "annotation-manifest-descriptor[P].K" as --output has them: true where it is one, and taken. */
bool image_variant_annotate(struct image_variant *variant, const char *key, const char *value);
void image_variant_release(struct image_variant *variant);

struct variant_options {
    struct store *store;
    struct pool *pool;
    struct compression built; /* of the layers that the build made */
};

/* Make the variant of an image that the store has, in the store; *out is the caller's to release,
 * and where nothing differs a copy. ERROR_USAGE: annotations of an index where there is none, or
 * with Docker's types, which know none. */
int image_variant_make(const struct image_variant *variant, const struct built_image *image,
                       const struct variant_options *options, struct built_image *out,
                       struct error *err);

#endif
