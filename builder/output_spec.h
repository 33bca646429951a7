/* One --output, as text and as data. */
#ifndef BUILDER_OUTPUT_SPEC_H
#define BUILDER_OUTPUT_SPEC_H

#include "export_root.h"
#include "image_variant.h"

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>

enum output_kind {
    OUTPUT_LOCAL,  /* the image's files in a directory */
    OUTPUT_TAR,    /* the same as a tar */
    OUTPUT_OCI,    /* an OCI archive or layout */
    OUTPUT_DOCKER, /* an archive for `docker load`, or handed to it */
    OUTPUT_IMAGE,  /* in the store, and pushed where that is asked for */
};

struct output {
    enum output_kind kind;
    char *dest;         /* "-": standard output; NULL of DOCKER: docker load; NULL of IMAGE */
    bool directory;     /* tar=false: an OCI layout instead of an archive */
    bool delete_others; /* mode=delete of LOCAL */
    enum export_split split;
    bool push, push_by_digest;
    bool keep_times;   /* rewrite-timestamp=false: not possible where times are clamped */
    struct strv names; /* name=; empty: the tags of the build */
    struct image_variant variant;
};

/* As `docker buildx build --output` reads it: TYPE and keys with commas between, values with commas
 * in quotes; a path alone is type=local, "-" alone a tar on standard output. ERROR_USAGE for what
 * is not known or not possible, ERROR_MISSING where dest's directory is not there. */
int output_parse(const char *text, struct output *out, struct error *err);
void output_release(struct output *out);

/* Does it write to standard output? */
bool output_is_stdout(const struct output *output);

#endif
