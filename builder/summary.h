/* What came of a build: for people, for scripts, and for the CI. */
#ifndef BUILDER_SUMMARY_H
#define BUILDER_SUMMARY_H

#include "build.h"

#include <base/error.h>
#include <base/str.h>
#include <images/plan.h>
#include <registry/push.h>

#include <stdbool.h>
#include <stdio.h>

struct summary {
    const struct build_plan *plan;
    struct digest digest;        /* of the manifest, or of the index */
    struct digest config_digest; /* of the first platform's */
    const char *media_type;
    int64_t descriptor_size; /* of the manifest's bytes */
    int64_t image_size;      /* layers and config, compressed */
    size_t layers, steps, cached;
    bool pushed;
    struct push_result push;
    struct strv references; /* every full name it has */
    double seconds, push_seconds;
};

/* Lines for people on stderr; results (names and digest) on stdout; quiet: the digest alone. */
void summary_print(const struct summary *s, bool quiet, FILE *out, FILE *notes);
/* BuildKit's keys: containerimage.digest, containerimage.config.digest, containerimage.descriptor,
 * image.name. */
int summary_write_metadata(const struct summary *s, const char *path, struct error *err);
/* --iidfile: the digest alone. */
int summary_write_iid(const struct summary *s, const char *path, struct error *err);
/* Append digest=, image=, tags= to the file that $GITHUB_OUTPUT names, and a table to
 * $GITHUB_STEP_SUMMARY's. Where a variable is not set nothing is done. */
int summary_write_ci(const struct summary *s, struct error *err);

#endif
