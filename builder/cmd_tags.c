#include "cmd_common.h"
#include "command.h"

#include <base/log.h>
#include <base/mem.h>
#include <images/plan_load.h>
#include <registry/tag_list.h>

#include <stdio.h>
#include <string.h>

struct tags_options {
    struct common_values common;
    bool dev, prod, full;
    char *version, *registry;
    struct strv platforms;
};

static const struct cli_option options[] = {
    {"dev", 0, CLI_SWITCH, offsetof(struct tags_options, dev), NULL, NULL,
     "the image from local code"},
    {"prod", 0, CLI_SWITCH, offsetof(struct tags_options, prod), NULL, NULL,
     "the image from published packages"},
    {"version", 0, CLI_STRING, offsetof(struct tags_options, version), "VERSION", NULL,
     "the published version to install; means --prod"},
    {"registry", 0, CLI_STRING, offsetof(struct tags_options, registry), "HOST[/PATH]", NULL,
     "replace the definition's registry"},
    {"platform", 0, CLI_STRINGS, offsetof(struct tags_options, platforms), "PLATFORM", NULL,
     "replace the definition's platforms"},
    {"full", 0, CLI_SWITCH, offsetof(struct tags_options, full), NULL, NULL,
     "print REPOSITORY:TAG rather than the tag alone"},
    COMMON_OPTIONS,
};

static int print_tags(const struct build_plan *plan, bool full, struct error *err)
{
    autostrv tags = STRV_INIT;
    plan_all_tags(plan, &tags);
    if (!plan->build)
        log_info("%s is not built: %s", plan->name, plan->reason);
    for (size_t i = 0; i < tags.count; i++)
        printf("%s%s%s\n", full ? plan->repository : "", full ? ":" : "", tags.items[i]);
    if (fflush(stdout) != 0)
        return error_errno(err, ERROR_HOST, "print the tags");
    return 0;
}

static int tags_of(const struct tags_options *o, const char *name, struct error *err)
{
    autoplan plan = {0};
    struct plan_options wanted = {
        .variant = o->dev    ? PLAN_DEV
                   : o->prod ? PLAN_PROD
                             : PLAN_VARIANT_AUTO,
        .version = o->version,
        .registry = o->registry,
        .platforms = &o->platforms,
    };
    if (o->dev && o->prod)
        return error_set(err, ERROR_USAGE, "--dev and --prod contradict each other");
    if (plan_load(name, &wanted, &plan, err) < 0)
        return -1;
    return print_tags(&plan, o->full, err);
}

/* A definition's name is a folder's, so it has neither slash nor colon. */
static bool names_repository(const char *operand)
{
    return strpbrk(operand, "/:") != NULL;
}

/* The tags that a repository in a registry, or a layout, has. */
static int tags_there(const struct tags_options *o, const char *text, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    autocommon common = {.store = NULL};
    autostrv tags = STRV_INIT;
    if (o->dev || o->prod || o->version || o->registry || o->platforms.count)
        return error_set(err, ERROR_USAGE,
                         "%s is a repository: --dev, --prod, --version, --registry and --platform "
                         "are about a definition's tags",
                         text);
    if (reference_parse(text, false, &ref, err) || common_init(&common, &o->common, err) ||
        image_tags(&ref, &common.transport, &tags, err))
        return -1;
    autofree char *name = reference_name(&ref);
    const char *before = o->full ? name : "", *colon = o->full ? ":" : "";
    for (size_t i = 0; i < tags.count; i++)
        printf("%s%s%s\n", before, colon, tags.items[i]);
    return 0;
}

static int run(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct tags_options o = {0};
    autostrv operands = STRV_INIT;
    int result = cli_parse(self, argc, argv, &o, &operands, err);
    if (result == 0)
        result = names_repository(operands.items[0]) ? tags_there(&o, operands.items[0], err)
                                                     : tags_of(&o, operands.items[0], err);
    cli_release(self, &o);
    return result;
}

const struct cli_command command_tags = {
    .program = "imgbuild",
    .name = "tags",
    .operands = "NAME | HOST/REPOSITORY",
    .summary = "print an image's tags, one a line",
    .description = "NAME, without a slash, is an image definition: prints the tags under which "
                   "imgbuild NAME --push would push the image now, in "
                   "the order in which it would: what the CI's variables and the event's payload "
                   "say happened decides them, or the options where there is no CI. Nothing is "
                   "printed where the event is about another image's package.\n\n"
                   "HOST/REPOSITORY, with a slash (or docker://NAME), is what a registry has: "
                   "prints the tags that are there, in its order. oci:DIR is an OCI layout.",
    .examples = "imgbuild tags ghcr.io/o/n\twhat the registry has\n"
                "imgbuild tags allocator\tin a CI job\n"
                "imgbuild tags client --version 0.0.7a0\tas a published version would be tagged",
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
