#include "lint_rules.h"

#include <base/mem.h>
#include <base/str.h>

#include <string.h>
#include <strings.h>

const struct lint_rule_text lint_rules[LINT_RULES] = {
    [LINT_STAGE_NAME_CASING] = {"StageNameCasing", "Stage names should be lowercase",
                                "stage-name-casing", false},
    [LINT_FROM_AS_CASING] = {"FromAsCasing",
                             "The 'as' keyword should match the case of the 'from' keyword",
                             "from-as-casing", false},
    [LINT_NO_EMPTY_CONTINUATION] =
        {"NoEmptyContinuation", "Empty continuation lines will become errors in a future release",
         "no-empty-continuation", false},
    [LINT_CONSISTENT_INSTRUCTION_CASING] =
        {"ConsistentInstructionCasing",
         "All commands within the Dockerfile should use the same casing (either upper or lower)",
         "consistent-instruction-casing", false},
    [LINT_DUPLICATE_STAGE_NAME] = {"DuplicateStageName", "Stage names should be unique",
                                   "duplicate-stage-name", false},
    [LINT_RESERVED_STAGE_NAME] = {"ReservedStageName",
                                  "Reserved words should not be used as stage names",
                                  "reserved-stage-name", false},
    [LINT_JSON_ARGS_RECOMMENDED] =
        {"JSONArgsRecommended",
         "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to "
         "OS signals",
         "json-args-recommended", false},
    [LINT_MAINTAINER_DEPRECATED] =
        {"MaintainerDeprecated",
         "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
         "maintainer-deprecated", false},
    [LINT_UNDEFINED_ARG_IN_FROM] = {"UndefinedArgInFrom", "FROM command must use declared ARGs",
                                    "undefined-arg-in-from", false},
    [LINT_WORKDIR_RELATIVE_PATH] =
        {"WorkdirRelativePath",
         "Relative workdir without an absolute workdir declared within the build can have "
         "unexpected results if the base image changes",
         "workdir-relative-path", false},
    [LINT_UNDEFINED_VAR] = {"UndefinedVar", "Variables should be defined before their use",
                            "undefined-var", false},
    [LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED] =
        {"MultipleInstructionsDisallowed",
         "Multiple instructions of the same type should not be used in the same stage",
         "multiple-instructions-disallowed", false},
    [LINT_LEGACY_KEY_VALUE_FORMAT] =
        {"LegacyKeyValueFormat",
         "Legacy key/value format with whitespace separator should not be used",
         "legacy-key-value-format", false},
    [LINT_INVALID_BASE_IMAGE_PLATFORM] =
        {"InvalidBaseImagePlatform", "Base image platform does not match expected target platform",
         "invalid-base-image-platform", false},
    [LINT_REDUNDANT_TARGET_PLATFORM] =
        {"RedundantTargetPlatform",
         "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the "
         "default behavior",
         "redundant-target-platform", false},
    [LINT_SECRETS_USED_IN_ARG_OR_ENV] =
        {"SecretsUsedInArgOrEnv", "Sensitive data should not be used in the ARG or ENV commands",
         "secrets-used-in-arg-or-env", false},
    [LINT_INVALID_DEFAULT_ARG_IN_FROM] =
        {"InvalidDefaultArgInFrom",
         "Default value for global ARG results in an empty or invalid base image name",
         "invalid-default-arg-in-from", false},
    [LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED] =
        {"FromPlatformFlagConstDisallowed", "FROM --platform flag should not use a constant value",
         "from-platform-flag-const-disallowed", false},
    [LINT_COPY_IGNORED_FILE] = {"CopyIgnoredFile",
                                "Attempting to Copy file that is excluded by .dockerignore",
                                "copy-ignored-file", false},
    [LINT_INVALID_DEFINITION_DESCRIPTION] =
        {"InvalidDefinitionDescription",
         "Comment for build stage or argument should follow the format: `# <arg/stage name> "
         "<description>`. If this is not intended to be a description comment, add an empty line "
         "or comment between the instruction and the comment.",
         "invalid-definition-description", true},
    [LINT_EXPOSE_PROTO_CASING] = {"ExposeProtoCasing",
                                  "Protocol in EXPOSE instruction should be lowercase",
                                  "expose-proto-casing", false},
    [LINT_EXPOSE_INVALID_FORMAT] =
        {"ExposeInvalidFormat",
         "IP address and host-port mapping should not be used in EXPOSE instruction. This will "
         "become an error in a future release",
         "expose-invalid-format", false},
};

static uint32_t rule_bits(const char *names)
{
    autostrv list = STRV_INIT;
    uint32_t bits = 0;
    if (!strcmp(names, "all"))
        return UINT32_MAX;
    strv_split(&list, names, ',');
    for (size_t i = 0; i < list.count; i++)
        for (unsigned rule = 0; rule < LINT_RULES; rule++)
            if (!strcmp(str_trim(list.items[i]), lint_rules[rule].name))
                bits |= UINT32_C(1) << rule;
    return bits;
}

static int take_option(char *option, struct lint_config *out, struct error *err)
{
    char *value = strchr(option, '=');
    if (!value)
        return error_set(err, ERROR_INPUT, "invalid check option \"%s\"", option);
    *value++ = '\0';
    const char *key = str_trim(option), *text = str_trim(value);
    if (!strcmp(key, "skip"))
        out->skipped |= rule_bits(text);
    else if (!strcmp(key, "experimental"))
        out->experiments |= rule_bits(text);
    else if (!strcmp(key, "error") && (!strcasecmp(text, "true") || !strcmp(text, "1")))
        out->as_errors = true;
    else if (!strcmp(key, "error") && (!strcasecmp(text, "false") || !strcmp(text, "0")))
        out->as_errors = false;
    else
        return error_set(err, ERROR_INPUT, "invalid check option \"%s=%s\"", key, text);
    return 0;
}

int lint_config_parse(const char *text, struct lint_config *out, struct error *err)
{
    autofree char *copy = mem_strdup(text ? text : "");
    autostrv options = STRV_INIT;
    if (!*str_trim(copy))
        return 0;
    strv_split(&options, str_trim(copy), ';');
    for (size_t i = 0; i < options.count; i++)
        if (take_option(options.items[i], out, err))
            return error_hint(err, "write # check=skip=RULE,RULE|all;error=true");
    return 0;
}

int lint_config_of_build(const char *directive, const struct strv *build_args,
                         struct lint_config *out, struct error *err)
{
    static const char name[] = "BUILDKIT_DOCKERFILE_CHECK=";
    const char *given = NULL;
    for (size_t i = 0; build_args && i < build_args->count; i++)
        if (!strncmp(build_args->items[i], name, sizeof name - 1))
            given = build_args->items[i] + sizeof name - 1;
    return lint_config_parse(given ? given : directive, out, err);
}

bool lint_config_wants(const struct lint_config *config, enum lint_rule rule)
{
    uint32_t bit = UINT32_C(1) << rule;
    return lint_rules[rule].experimental ? (config->experiments & bit) != 0
                                         : !(config->skipped & bit);
}
