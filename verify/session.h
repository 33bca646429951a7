/* One run of imgverify over its references: what to check is settled for all of them first, then
 * each image is verified, then everything is reported. */
#ifndef VERIFY_SESSION_H
#define VERIFY_SESSION_H

#include "options.h"
#include "result.h"

#include <base/error.h>
#include <base/str.h>
#include <registry/platform.h>
#include <registry/reference.h>

/* An image that is asked for. */
struct session_image {
    struct reference reference; /* zero with --list and no reference */
    bool chosen;                /* platform says which of an index it is; else --platform does */
    struct platform platform;
    /* Why no checks are known here: those attached to the image are looked for. */
    struct error unknown;
    struct image_result result;
};

struct session {
    const struct option_values *values;
    struct session_image *images;
    size_t count;
    struct error problem; /* of the first image that could not be verified; it is no longer there */
};

/* Parse the references and read, choose and select the checks. No reference is one image without a
 * name. ERROR_USAGE where --only and --skip leave none. */
int session_plan(struct session *s, const struct option_values *values,
                 const struct strv *references, struct error *err);
/* The same for one reference (NULL: none), into a zeroed image. */
int session_plan_image(struct session_image *image, const struct option_values *values,
                       const char *text, struct error *err);
/* True where the image itself says what is checked: derived or attached checks. */
bool session_asks_images(const struct session *s);
/* "NAME<TAB>KIND<TAB>FILE:LINE" for each check, to standard output. */
void session_list(const struct session *s);
/* Verify all. A failed check is no error, and what keeps one image from being verified (it can't be
 * pulled) is none while there is another: session_outcome then tells it. */
int session_verify(struct session *s, struct error *err);
/* The reports that were asked for. */
int session_report(const struct session *s, struct error *err);
/* What kept an image from being verified, ERROR_STEP where a check failed, ERROR_HOST where not one
 * could run. */
int session_outcome(struct session *s, struct error *err);
void session_release(struct session *s);

#endif
