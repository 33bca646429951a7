/* Build checks of a Dockerfile, as BuildKit's: same rules, same words, same lines. They look at the
 * file alone, so what a base image's own variables are is not known: of a stage that begins with an
 * image no variable is said to be undefined. */
#ifndef BUILDER_LINT_H
#define BUILDER_LINT_H

#include "dockerfile.h"
#include "ignore.h"
#include "lint_rules.h"

#include <base/error.h>
#include <base/str.h>

#include <stddef.h>

struct lint_warning {
    enum lint_rule rule;
    char *detail;
    unsigned line;
};

struct lint {
    const struct dockerfile *file;
    const struct strv *build_args;    /* "K=V", or NULL */
    const struct strv *platform_args; /* of scope_platform_args */
    const struct ignore *ignore;      /* the context's, or NULL */
    struct lint_config config;
    struct lint_warning *items; /* by line */
    size_t count, cap;
};

/* Fill lint->items; the first members are the caller's. ERROR_INPUT: a bad "# check=". */
int lint_run(struct lint *lint, struct error *err);
void lint_release(struct lint *lint);

/* For the parts of lint.c. line 0: of no use. */
void lint_add(struct lint *lint, const struct lint_config *config, enum lint_rule rule,
              unsigned line, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What holds for one instruction: the file's config and that of the comment above it. */
struct lint_config lint_config_of(const struct lint *lint, const struct instruction *in);
/* An instruction's name as written. The caller frees it. */
char *lint_name(const struct instruction *in);
/* What is looked at from FROM to FROM. */
void lint_stages(struct lint *lint);

#endif
