/* delete and attach: what a registry's repository has, changed without building. */
#include "cmd_common.h"
#include "command.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <registry/artifact.h>
#include <registry/tag_list.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_CAP = 64, FILE_CAP = 64 * 1024 * 1024 };

struct repository_values {
    struct common_values common;
    char *type, *media_type;
};
#define AT(member) offsetof(struct repository_values, member)

/* delete REF…: the first that fails ends it. */
static int delete_all(const struct repository_values *values, const struct common *common,
                      const struct strv *operands, struct error *err)
{
    (void)values;
    for (size_t i = 0; i < operands->count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        const char *text = operands->items[i], *name = strrchr(text, '/');
        if (reference_parse(text, false, &ref, err))
            return -1;
        /* "latest" is never meant by leaving it out. */
        if (ref.transport == REFERENCE_REGISTRY && !strpbrk(name ? name : text, ":@")) {
            error_set(err, ERROR_USAGE, "delete %s: which tag or digest of it?", text);
            return error_hint(err, "imgbuild tags %s/%s lists the tags", ref.host, ref.repository);
        }
        if (image_delete(&ref, &common->transport, err))
            return -1;
    }
    return 0;
}

/* attach REF FILE…: all files are one artifact. */
static int attach_all(const struct repository_values *values, const struct common *common,
                      const struct strv *operands, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    struct str bytes[FILES_CAP] = {STR_INIT};
    struct artifact_file files[FILES_CAP];
    struct digest digest;
    size_t n = operands->count - 1;
    bool checks = !values->type || str_eq(values->type, ARTIFACT_CHECKS);
    if (n > FILES_CAP)
        return error_set(err, ERROR_USAGE, "more than %d files", FILES_CAP);
    if (values->type && (!strchr(values->type, '/') || strpbrk(values->type, " \t;,")))
        return error_set(err, ERROR_USAGE, "--type %s: a media type reads application/NAME",
                         values->type);
    int failed = reference_parse(operands->items[0], false, &ref, err);
    for (size_t i = 0; !failed && i < n; i++) {
        const char *path = operands->items[i + 1];
        failed = io_read_file(AT_FDCWD, path, FILE_CAP, &bytes[i], err);
        files[i] = (struct artifact_file){.name = path_base(path),
                                          .media_type = values->media_type ? values->media_type
                                                        : checks           ? ARTIFACT_CHECKS_FILE
                                                                           : NULL,
                                          .bytes = str_text(&bytes[i]),
                                          .size = bytes[i].len};
    }
    if (!failed)
        failed = artifact_attach(&ref, values->type ? values->type : ARTIFACT_CHECKS, files, n,
                                 &common->transport, &digest, err);
    for (size_t i = 0; i < n; i++)
        str_release(&bytes[i]);
    if (!failed)
        printf("%s\n", digest.text);
    return failed;
}

static int with_operands(int (*what)(const struct repository_values *values,
                                     const struct common *common, const struct strv *operands,
                                     struct error *err),
                         const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct repository_values values = {.type = NULL};
    autostrv operands = STRV_INIT;
    autocommon common = {.store = NULL};
    int code = cli_parse(self, argc, argv, &values, &operands, err);
    if (!code)
        code = common_init(&common, &values.common, err);
    if (!code)
        code = what(&values, &common, &operands, err);
    cli_release(self, &values);
    return code;
}

static int run_delete(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    return with_operands(delete_all, self, argc, argv, err);
}

static int run_attach(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    return with_operands(attach_all, self, argc, argv, err);
}

static const struct cli_option delete_options[] = {COMMON_OPTIONS};
static const struct cli_option attach_options[] = {
    {"type", 0, CLI_STRING, AT(type), "TYPE", NULL,
     "What the artifact is, a media type (default: an image's checks, " ARTIFACT_CHECKS ")"},
    {"media-type", 0, CLI_STRING, AT(media_type), "TYPE", NULL,
     "The media type of its files (default: YAML for checks, else application/octet-stream)"},
    COMMON_OPTIONS};

const struct cli_command command_delete = {
    .program = "imgbuild",
    .name = "delete",
    .operands = "REF…",
    .summary = "Delete a tag or an image in a registry or an OCI layout",
    .description =
        "HOST/NAME:TAG takes the tag away and leaves the image under its other tags and its "
        "digest; HOST/NAME@DIGEST takes the image away with all its tags; oci:DIR:NAME takes the "
        "name out of the layout's index. Blobs are the registry's to collect. Not all registries "
        "delete, and some only by digest: the error then says what to do.",
    .examples = "imgbuild delete ghcr.io/o/n:old\ttake a tag away",
    .options = delete_options,
    .option_count = COUNT_OF(delete_options),
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .run = run_delete};

const struct cli_command command_attach = {
    .program = "imgbuild",
    .name = "attach",
    .operands = "REF FILE…",
    .summary = "Attach files to an image in a registry",
    .description =
        "Pushes the files as one artifact whose subject is the image, and prints its digest. "
        "Registries with the referrers API list it themselves; for others it is noted under the "
        "fallback tag sha256-HEX of the image's digest. Without --type the file is the image's "
        "checks, which imgverify finds there. imgbuild inspect --attached lists what an image has.",
    .examples = "imgbuild attach ghcr.io/o/n:1 checks.yaml\tlet imgverify find the checks\n"
                "imgbuild attach --type application/spdx+json ghcr.io/o/n:1 sbom.json\tan SBOM",
    .options = attach_options,
    .option_count = COUNT_OF(attach_options),
    .operands_min = 2,
    .operands_max = SIZE_MAX,
    .run = run_attach};
