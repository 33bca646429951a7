/* --build-context: what names of stages and images mean instead. */
#ifndef BUILDER_NAMED_CONTEXTS_H
#define BUILDER_NAMED_CONTEXTS_H

#include "context_source.h"

#include <base/error.h>
#include <base/str.h>

#include <stddef.h>

struct named_context {
    char *name;
    char *image;     /* as reference_parse reads it; NULL: a directory */
    char *directory; /* for context_open */
    bool fetched;    /* from elsewhere: it has no .dockerignore */
    struct fetched_context own;
};

struct named_contexts {
    struct named_context *items;
    size_t count;
};

/* values: "NAME=SOURCE", checked to have both, each NAME once. SOURCE is docker-image://REF,
 * oci-layout://DIR[:TAG|@DIGEST], or what context_source_kind knows but standard input; what is
 * elsewhere is fetched. ERROR_USAGE, ERROR_MISSING and what context_source_fetch gives. */
int named_contexts_open(const struct strv *values, const struct context_source_options *options,
                        struct named_contexts *out, struct error *err);
void named_contexts_release(struct named_contexts *contexts);

/* The context that a name in a Dockerfile means; NULL: none. "docker.io/library/NAME" and
 * "NAME:latest" are NAME too, as with BuildKit. contexts may be NULL. */
const struct named_context *named_contexts_find(const struct named_contexts *contexts,
                                                const char *name);

#endif
