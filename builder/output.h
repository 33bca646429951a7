/* Outputs written: what --output, --push and --load do with a built image. */
#ifndef BUILDER_OUTPUT_H
#define BUILDER_OUTPUT_H

#include "built_image.h"
#include "cmd_common.h"
#include "output_spec.h"

#include <base/error.h>
#include <base/pool.h>
#include <base/str.h>
#include <registry/push.h>

#include <stddef.h>
#include <stdint.h>

/* What goes out: an image in the store. All borrowed. */
struct delivery {
    const struct common *common;
    struct pool *pool;
    const struct built_image *image;
    const char *base; /* a reference whose repository may hold the base's layers; or NULL */
    int64_t clamp;    /* of the files' times, -1: none */
};

/* ERROR_USAGE where the output can't hold as many platforms. */
int output_check(const struct output *output, size_t platforms, struct error *err);
/* Write the image; what was pushed is added to *total. */
int output_write(const struct output *output, const struct delivery *delivery,
                 struct push_result *total, struct error *err);

/* Push to one repository under these tags (none: by digest alone). base (may be NULL): the
 * reference whose repository may hold the base's layers. */
int output_push(const struct common *common, const struct digest *digest, const char *repository,
                const struct strv *tags, const char *base, struct push_result *result,
                struct error *err);
/* Push under its full names ("HOST/NAME:TAG"), all tags of one repository at one upload, those of
 * single platforms before those of the index; what it did is added to *total. */
int output_push_image(const struct common *common, const struct built_image *image,
                      const char *base, struct push_result *total, struct error *err);

#endif
