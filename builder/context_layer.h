/* A part of the build context as a layer of its own, for RUN --mount=type=bind: what .dockerignore
 * leaves, root's, as a COPY would take it; made once, then found by its content. */
#ifndef BUILDER_CONTEXT_LAYER_H
#define BUILDER_CONTEXT_LAYER_H

#include "build_session.h"
#include "copy_list.h"

struct context_layer {
    struct context *from;
    struct digest content; /* names, modes and bytes: for the cache key */
    struct copy_list list;
    char *path; /* of the source, in the context as in the layer */
};

/* Look at a path of the context (a directory, or a file). ERROR_INPUT, without a place. */
int context_layer_look(struct build_session *s, struct context *from, const char *source,
                       struct context_layer *out, struct error *err);
/* The layer, owned by the session's; NULL with *err. */
struct build_layer *context_layer_make(struct build_session *s, struct context_layer *layer,
                                       struct error *err);
void context_layer_release(struct context_layer *layer);

#endif
