/* The target stage as an image: config and manifest made, and put into the store's layout. */
#ifndef BUILDER_COMMIT_H
#define BUILDER_COMMIT_H

#include "build_session.h"

/* Waits for the layers. The same state gives the same bytes. *out as registry/image.h's. */
int commit_image(struct build_session *session, const struct stage_state *state, struct image *out,
                 struct error *err);

/* An index over images of several platforms, in this order, put into the store's layout. *out is
 * the caller's to release. */
int commit_index(struct store *store, const struct image *const *images, size_t n,
                 const struct strv *annotations, struct manifest *out, struct error *err);

#endif
