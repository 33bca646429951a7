/* What a job builds from: its context and its Dockerfile, wherever they are. */
#ifndef BUILDER_BUILD_INPUTS_H
#define BUILDER_BUILD_INPUTS_H

#include "build_job.h"
#include "named_contexts.h"

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>

struct build_inputs {
    struct str dockerfile;      /* its bytes */
    const char *name;           /* of it, for messages */
    const char *ignore_for;     /* whose DOCKERFILE.dockerignore counts; NULL: none's */
    const char *context;        /* a directory; NULL: an empty context */
    struct fetched_context own; /* the context, where it is not local */
    struct named_contexts named;
};

/* Is the store needed before the Dockerfile can be read? */
bool build_inputs_remote(const struct build_job *job);
/* Fetch the context where it isn't local, and read the Dockerfile: from the file that -f names, or
 * in a context from elsewhere the one of that name in it; from standard input with -f -; a stream
 * that is no archive is the Dockerfile itself. ERROR_USAGE, ERROR_MISSING, and others. */
int build_inputs_open(const struct build_job *job, struct build_inputs *out, struct error *err);
/* The named contexts too; the store must be open. */
int build_inputs_named(const struct build_job *job, struct build_inputs *inputs, struct error *err);
void build_inputs_release(struct build_inputs *inputs);

#endif
