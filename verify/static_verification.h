/* One image, verified without running or unpacking anything: its layers are read as streams. And
 * what static checks beside others need. */
#ifndef VERIFY_STATIC_VERIFICATION_H
#define VERIFY_STATIC_VERIFICATION_H

#include "blame.h"
#include "image_view.h"
#include "static_check.h"
#include "verification.h"

/* As image_verify, for options->static_only. Checks that would run something are skipped. */
int image_verify_static(const struct reference *ref, const struct verification_options *options,
                        struct image_result *r, struct error *err);

/* Describe the image for static checks; what it is given is borrowed. */
void static_image_init(struct static_image *out, const struct verification_options *options,
                       const struct image_result *r, const struct reference *ref,
                       const struct image *image, const struct image_view *view,
                       const struct blame_layers *layers);
/* True where checks or options ask for a view. */
bool static_is_wanted(const struct verification_options *options, const struct image_result *r);
/* Add the derived checks that options ask for, as far as --only and --skip leave them. */
int static_derive(const struct verification_options *options, const struct image_view *view,
                  struct image_result *r, struct error *err);
/* What a result says of every image. */
void static_describe(const struct image *image, const struct blame_layers *layers,
                     struct image_result *r);

#endif
