/* BuildKit's build checks: the one table of their names, words and pages, and what "# check=…" says
 * of them. */
#ifndef BUILDER_LINT_RULES_H
#define BUILDER_LINT_RULES_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stdint.h>

enum lint_rule {
    LINT_STAGE_NAME_CASING,
    LINT_FROM_AS_CASING,
    LINT_NO_EMPTY_CONTINUATION,
    LINT_CONSISTENT_INSTRUCTION_CASING,
    LINT_DUPLICATE_STAGE_NAME,
    LINT_RESERVED_STAGE_NAME,
    LINT_JSON_ARGS_RECOMMENDED,
    LINT_MAINTAINER_DEPRECATED,
    LINT_UNDEFINED_ARG_IN_FROM,
    LINT_WORKDIR_RELATIVE_PATH,
    LINT_UNDEFINED_VAR,
    LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED,
    LINT_LEGACY_KEY_VALUE_FORMAT,
    LINT_INVALID_BASE_IMAGE_PLATFORM,
    LINT_REDUNDANT_TARGET_PLATFORM,
    LINT_SECRETS_USED_IN_ARG_OR_ENV,
    LINT_INVALID_DEFAULT_ARG_IN_FROM,
    LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED,
    LINT_COPY_IGNORED_FILE,
    LINT_INVALID_DEFINITION_DESCRIPTION,
    LINT_EXPOSE_PROTO_CASING,
    LINT_EXPOSE_INVALID_FORMAT,
    LINT_RULES, /* how many there are */
};

struct lint_rule_text {
    const char *name, *description, *page; /* page: below docs.docker.com/go/dockerfile/rule/ */
    bool experimental;                     /* only where it is asked for */
};
extern const struct lint_rule_text lint_rules[LINT_RULES];

/* "skip=A,B|all;error=true;experimental=A|all". */
struct lint_config {
    uint32_t skipped, experiments; /* bits by rule */
    bool as_errors;
};
/* text may be NULL. *out is added to. ERROR_INPUT. Rules that nobody knows are passed over. */
int lint_config_parse(const char *text, struct lint_config *out, struct error *err);
/* The same for a whole build: of the directive (may be NULL), or, which replaces it as with
 * BuildKit, the build argument BUILDKIT_DOCKERFILE_CHECK. build_args ("K=V") may be NULL. */
int lint_config_of_build(const char *directive, const struct strv *build_args,
                         struct lint_config *out, struct error *err);
bool lint_config_wants(const struct lint_config *config, enum lint_rule rule);

#endif
