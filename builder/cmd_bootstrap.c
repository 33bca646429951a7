/* bootstrap: a base image from the distribution's archive, by mmdebstrap. */
#include "bootstrap.h"
#include "cmd_common.h"
#include "command.h"
#include "store_name.h"

#include <base/mem.h>
#include <registry/reference.h>

#include <stdlib.h>

struct bootstrap_values {
    struct common_values common;
    char *suite, *mirror, *tag, *arch;
    struct strv include;
    bool again;
};
#define AT(member) offsetof(struct bootstrap_values, member)

static int bootstrap(const struct bootstrap_values *values, struct common *common,
                     struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    struct bootstrap_options options = {.suite = values->suite ? values->suite : "bookworm",
                                        .mirror = values->mirror,
                                        .include = &values->include,
                                        .again = values->again};
    autofree char *fallback = mem_printf("debian:%s", options.suite);
    if (reference_parse(values->tag ? values->tag : fallback, false, &ref, err) ||
        common_open_store(common, &values->common, err))
        return -1;
    platform_host(&options.platform);
    if (values->arch && platform_parse(values->arch, &options.platform, err)) {
        err->kind = ERROR_USAGE;
        return error_wrap(err, "--arch");
    }
    autofree char *full = reference_text(&ref);
    autofree char *name = store_name(&ref, &options.platform);
    options.name = name;
    options.store = common->store;
    options.progress = common->progress;
    options.pool = pool_new((size_t)values->common.jobs);
    struct digest digest;
    int code = bootstrap_image(&options, &digest, err);
    pool_free(options.pool);
    if (!code)
        printf("%s\n%s\n", full, digest.text);
    return code;
}

static int run(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct bootstrap_values values = {.suite = NULL};
    struct common common = {.store = NULL};
    autostrv operands = STRV_INIT;
    int code = cli_parse(self, argc, argv, &values, &operands, err);
    if (!code)
        code = common_init(&common, &values.common, err);
    if (!code)
        code = bootstrap(&values, &common, err);
    common_release(&common);
    cli_release(self, &values);
    return code;
}

static const struct cli_option options[] = {
    {"suite", 0, CLI_STRING, AT(suite), "SUITE", NULL,
     "Release of Debian or Ubuntu (default: bookworm)"},
    {"arch", 0, CLI_STRING, AT(arch), "ARCH", NULL,
     "Architecture, by Docker's or Debian's name, as arm64 or armhf (default: the host's)"},
    {"mirror", 0, CLI_STRING, AT(mirror), "URL", NULL,
     "Archive to take packages from (default: the distribution's)"},
    {"include", 0, CLI_STRINGS, AT(include), "PACKAGES", NULL,
     "Install these too, separated by commas (repeatable)"},
    {"tag", 't', CLI_STRING, AT(tag), "REF", NULL, "Name of the image (default: debian:SUITE)"},
    {"again", 0, CLI_SWITCH, AT(again), NULL, NULL, "Make it anew though the store has it"},
    ISOLATION_OPTION,
    COMMON_OPTIONS};

const struct cli_command command_bootstrap = {
    .program = "imgbuild",
    .name = "bootstrap",
    .operands = "",
    .summary = "Make a Debian or Ubuntu base image from the distribution's archive",
    .description =
        "For hosts that reach no registry: makes a minimal system with mmdebstrap, as one layer, "
        "and keeps it in the store under a name that FROM can use. Needs mmdebstrap "
        "and root; for another architecture also qemu-user-static.",
    .examples =
        "imgbuild bootstrap --include python3,python3-venv -t python-base\ta base with Python\n"
        "imgbuild bootstrap --arch arm64\tDebian for 64-bit ARM, beside the host's under one name",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run};
