/* index: join what separate runners built, each for its platform. */
#include "annotations.h"
#include "cmd_common.h"
#include "command.h"
#include "join.h"

#include <base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct index_values {
    struct common_values common;
    struct strv from, tags, platforms, annotations;
};
#define AT(member) offsetof(struct index_values, member)

/* Every annotation is the index's: there is nothing else to write. */
static int index_annotations(const struct strv *given, struct strv *out, struct error *err)
{
    for (size_t i = 0; i < given->count; i++) {
        const char *text = given->items[i];
        if (!strchr(text, '=') || *text == '=')
            return error_set(err, ERROR_USAGE, "--annotation %s: it reads NAME=VALUE", text);
        strv_addf(out, "%s%s", str_starts(text, "index:") ? "" : "index:", text);
    }
    return annotations_check(out, true, err);
}

static int join(const struct index_values *values, const char *name, struct common *common,
                struct error *err)
{
    autoreference target = {.transport = REFERENCE_REGISTRY};
    autostrv annotations = STRV_INIT;
    struct digest digest;
    if (!values->from.count) {
        error_set(err, ERROR_USAGE, "which images? --from names them");
        return error_hint(err, "imgbuild index %s --from %s-amd64 --from %s-arm64", name, name,
                          name);
    }
    if (reference_parse(name, false, &target, err) ||
        index_annotations(&values->annotations, &annotations, err))
        return -1;
    if (target.transport != REFERENCE_REGISTRY) {
        error_set(err, ERROR_USAGE, "index %s: an index is put into a registry", name);
        return error_hint(err, "imgbuild copy brings it into a file from there");
    }
    const struct join_options options = {.transport = &common->transport,
                                         .target = &target,
                                         .from = &values->from,
                                         .tags = &values->tags,
                                         .platforms = &values->platforms,
                                         .annotations = &annotations};
    if (images_join(&options, &digest, err))
        return error_wrap(err, "index %s", name);
    autofree char *place = reference_name(&target);
    if (values->common.quiet)
        printf("%s\n", digest.text);
    else
        printf("%s@%s\n", place, digest.text);
    return 0;
}

static int run(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct index_values values = {.common = {.root = NULL}};
    struct common common = {.store = NULL};
    autostrv operands = STRV_INIT;
    int code = cli_parse(self, argc, argv, &values, &operands, err);
    if (!code)
        code = common_init(&common, &values.common, err);
    if (!code)
        code = join(&values, operands.items[0], &common, err);
    common_release(&common);
    cli_release(self, &values);
    return code;
}

static const struct cli_option options[] = {
    {"from", 0, CLI_STRINGS, AT(from), "REF", NULL,
     "An image for one platform, or an index over several (repeatable)"},
    {"tag", 't', CLI_STRINGS, AT(tags), "TAG", NULL, "Place this tag too (repeatable)"},
    {"platform", 0, CLI_STRINGS, AT(platforms), "OS/ARCH[,…]", NULL,
     "Fail unless the images are for these platforms, all of them and no others"},
    {"annotation", 0, CLI_STRINGS, AT(annotations), "NAME=VALUE", NULL,
     "Add an annotation to the index (repeatable); those that all images share are kept"},
    COMMON_OPTIONS};

const struct cli_command command_index = {
    .program = "imgbuild",
    .name = "index",
    .operands = "REF",
    .summary = "Join images for several platforms, pushed apart, under one name",
    .description =
        "Makes an OCI image index over the images that --from names, copies (or has the registry "
        "mount) what REF's repository lacks of them, unchanged, and puts it at REF. Nothing is "
        "written where an image is missing, where two are for one platform, or where the programs "
        "in an image are not for the architecture that it claims.",
    .examples =
        "imgbuild index ghcr.io/o/n:1 --from ghcr.io/o/n:1-amd64 --from ghcr.io/o/n:1-arm64\t"
        "what two runners pushed becomes one image\n"
        "imgbuild index --platform linux/amd64,linux/arm64 -t latest ghcr.io/o/n:1 --from …\t"
        "and fails where one of the two is not there",
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_min = 1,
    .operands_max = 1,
    .run = run};
