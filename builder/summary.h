/* What came of a build: for people, for scripts, and for the CI. */
#ifndef BUILDER_SUMMARY_H
#define BUILDER_SUMMARY_H

#include "built_image.h"

#include <base/error.h>
#include <base/json.h>
#include <base/str.h>
#include <images/plan.h>
#include <registry/push.h>

#include <stdbool.h>
#include <stdio.h>

struct summary {
    const struct build_plan *plan;
    struct built_image image; /* owned by the caller */
    size_t steps, cached;
    bool pushed;
    struct push_result push;
    double seconds, push_seconds;
};

/* Lines for people on stderr; results (names and digest) on stdout; quiet: the digest alone. */
void summary_print(const struct summary *s, bool quiet, FILE *out, FILE *notes);
/* BuildKit's keys: containerimage.digest, containerimage.config.digest (where there is one
 * platform), containerimage.descriptor, image.name; and imgbuild.platforms, what each platform's
 * manifest is. */
json_t *summary_metadata(const struct summary *s); /* a new reference */
int summary_write_metadata(const struct summary *s, const char *path, struct error *err);
/* --iidfile: the digest alone, of the index where there is one. */
int summary_write_iid(const struct summary *s, const char *path, struct error *err);
/* Append digest=, image=, tags= (and with several platforms digest-linux-arm64=) to the file that
 * $GITHUB_OUTPUT names, and a table to $GITHUB_STEP_SUMMARY's. Where a variable is not set nothing
 * is done. */
int summary_write_ci(const struct summary *s, struct error *err);

#endif
