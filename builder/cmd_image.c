/* push, pull, copy and inspect: images as they are, without building. */
#include "cmd_common.h"
#include "command.h"
#include "format_template.h"
#include "output.h"
#include "store_name.h"

#include <base/mem.h>
#include <registry/artifact.h>
#include <registry/layout.h>
#include <registry/pull.h>
#include <registry/push.h>

#include <stdlib.h>
#include <string.h>

struct image_values {
    struct common_values common;
    char *platform;
    struct strv tags;
    char *format;
    bool raw, config, all, attached;
};
#define AT(member) offsetof(struct image_values, member)

/* What one of these commands works with. */
struct image_job {
    struct image_values values;
    struct strv operands;
    struct common common;
    struct platform platform;
};

static int init(struct image_job *job, const struct cli_command *self, int argc, char **argv,
                struct error *err)
{
    platform_host(&job->platform);
    if (cli_parse(self, argc, argv, &job->values, &job->operands, err) ||
        (job->values.platform && platform_parse(job->values.platform, &job->platform, err)))
        return -1;
    return common_init(&job->common, &job->values.common, err);
}

static void release(struct image_job *job, const struct cli_command *self)
{
    common_release(&job->common);
    strv_release(&job->operands);
    cli_release(self, &job->values);
}

/* push NAME [TARGET]: an image of the store. */
static int push(struct image_job *job, struct error *err)
{
    const char *name = job->operands.items[0];
    const char *to = job->operands.items[job->operands.count - 1];
    autoreference from = {.transport = REFERENCE_REGISTRY};
    autoreference target = {.transport = REFERENCE_REGISTRY};
    struct descriptor found = {.media_type = NULL};
    if (reference_parse(name, false, &from, err) || reference_parse(to, false, &target, err) ||
        common_open_store(&job->common, &job->values.common, err))
        return -1;
    autofree char *full =
        job->values.platform ? store_name(&from, &job->platform) : reference_text(&from);
    if (layout_find(store_oci_fd(job->common.store), full, &found, err))
        return error_wrap(err, "store %s", store_path(job->common.store));
    struct digest digest = found.digest;
    descriptor_release(&found);
    autostrv tags = STRV_INIT;
    strv_add(&tags, target.tag ? target.tag : "latest");
    autofree char *repository = reference_name(&target);
    struct push_result result;
    if (output_push(&job->common, &digest, repository, &tags, NULL, &result, err))
        return -1;
    printf("%s@%s\n", repository, result.digest.text);
    return 0;
}

/* pull REF: into the store, unpacked and named. */
static int pull(struct image_job *job, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    autoimage image = {.config = NULL};
    if (reference_parse(job->operands.items[0], false, &ref, err) ||
        common_open_store(&job->common, &job->values.common, err))
        return -1;
    autofree char *name = store_name(&ref, &job->platform);
    struct pull_options options = {.transport = &job->common.transport,
                                   .platform = &job->platform,
                                   .keep_layout_fd = store_oci_fd(job->common.store),
                                   .keep_name = name};
    if (image_pull(&ref, &options, store_layer_sink(job->common.store), &image, err) ||
        store_sync(job->common.store, err))
        return -1;
    printf("%s\n", image.manifest.digest.text);
    return 0;
}

/* copy FROM TO: between any two transports, blobs as they are. */
static int copy(struct image_job *job, struct error *err)
{
    autoreference from = {.transport = REFERENCE_REGISTRY};
    autoreference to = {.transport = REFERENCE_REGISTRY};
    struct image_source *source = NULL;
    if (reference_parse(job->operands.items[0], false, &from, err) ||
        reference_parse(job->operands.items[1], false, &to, err) ||
        image_source_open(&from, &job->common.transport, &source, err))
        return -1;
    autostrv tags = STRV_INIT;
    if (to.tag)
        strv_add(&tags, to.tag);
    strv_add_all(&tags, &job->values.tags);
    struct push_options options = {.transport = &job->common.transport};
    struct push_result result;
    int code = image_copy(source, &to, &tags, true, &options, &result, err);
    image_source_close(source);
    if (code)
        return error_wrap(err, "copy %s to %s", job->operands.items[0], job->operands.items[1]);
    printf("%s\n", result.digest.text);
    return 0;
}

/* As it is, or through --format. */
static int print_json(const struct image_job *job, const json_t *json, struct error *err)
{
    autostr formatted = STR_INIT;
    if (job->values.format) {
        if (format_print(job->values.format, json, &formatted, err))
            return -1;
        printf("%s\n", str_text(&formatted));
        return 0;
    }
    autofree char *text = json_pretty(json);
    fputs(text, stdout);
    return 0;
}

static json_t *describe(const struct image *image)
{
    char platform[48];
    json_t *layers = json_array();
    for (size_t i = 0; i < image->layer_count; i++)
        json_array_append_new(layers, json_pack("{s:s, s:s, s:I, s:s}", "digest",
                                                image->layers[i].digest.text, "diffId",
                                                image->layers[i].diff_id.text, "size",
                                                (json_int_t)image->layers[i].size, "mediaType",
                                                image->layers[i].media_type));
    return json_pack("{s:s, s:s, s:s, s:o, s:O}", "digest", image->manifest.digest.text,
                     "mediaType", image->manifest.media_type, "platform",
                     platform_text(&image->platform, '/', platform), "layers", layers, "config",
                     image->config);
}

/* --attached: the artifacts of the image, an array. */
static int print_attached(const struct image_job *job, const struct reference *ref,
                          struct error *err)
{
    autoartifacts list = {.items = NULL};
    autojson *json = json_array();
    if (artifact_list(ref, NULL, &job->common.transport, &list, err))
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        json_t *entry = descriptor_json(&list.items[i].manifest);
        json_object_set_new(entry, "artifactType", json_from_text(list.items[i].type));
        json_array_append_new(json, entry);
    }
    return print_json(job, json, err);
}

/* inspect REF: the manifest (--raw), the config (--config), or both in short. */
static int inspect(struct image_job *job, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    struct image_source *source = NULL;
    const struct image_values *v = &job->values;
    if (v->raw + v->config + v->attached > 1 || (v->format && (v->raw || v->config)))
        return error_set(err, ERROR_USAGE,
                         "--raw, --config, --attached and --format contradict each other");
    if (reference_parse(job->operands.items[0], true, &ref, err))
        return -1;
    if (v->attached)
        return print_attached(job, &ref, err);
    if (image_source_open(&ref, &job->common.transport, &source, err))
        return -1;
    automanifest manifest = {.bytes = NULL};
    autoimage image = {.config = NULL};
    int code = job->values.raw
                   ? image_source_manifest(source, &manifest, err)
                   : image_source_image(source, &job->platform, !job->values.platform, &image, err);
    image_source_close(source);
    if (code)
        return -1;
    if (job->values.raw) {
        fwrite(manifest.bytes, 1, manifest.size, stdout);
        return 0;
    }
    if (job->values.config) {
        fwrite(image.config_bytes, 1, image.config_size, stdout);
        return 0;
    }
    autojson *json = describe(&image);
    return print_json(job, json, err);
}

static int with_job(int (*what)(struct image_job *job, struct error *err),
                    const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct image_job job = {.operands = STRV_INIT};
    int code = init(&job, self, argc, argv, err);
    if (!code)
        code = what(&job, err);
    release(&job, self);
    return code;
}

static int run_push(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    return with_job(push, self, argc, argv, err);
}

static int run_pull(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    return with_job(pull, self, argc, argv, err);
}

static int run_copy(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    return with_job(copy, self, argc, argv, err);
}

static int run_inspect(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    return with_job(inspect, self, argc, argv, err);
}

#define PLATFORM_OPTION                                                                            \
    {                                                                                              \
        "platform", 0, CLI_STRING, AT(platform), "OS/ARCH", NULL,                                  \
            "The platform to take of an image that has several"                                    \
    }

static const struct cli_option push_options[] = {
    {"platform", 0, CLI_STRING, AT(platform), "PLATFORM", NULL,
     "Push the image that was pulled or bootstrapped for this platform"},
    ISOLATION_OPTION,
    COMMON_OPTIONS};
static const struct cli_option pull_options_table[] = {PLATFORM_OPTION, ISOLATION_OPTION,
                                                       COMMON_OPTIONS};
static const struct cli_option copy_options[] = {
    {"tag", 't', CLI_STRINGS, AT(tags), "TAG", NULL, "Place this tag too (repeatable)"},
    COMMON_OPTIONS};
static const struct cli_option inspect_options[] = {
    PLATFORM_OPTION,
    {"raw", 0, CLI_SWITCH, AT(raw), NULL, NULL, "Print the manifest or index as it is"},
    {"config", 0, CLI_SWITCH, AT(config), NULL, NULL, "Print the image config as it is"},
    {"attached", 0, CLI_SWITCH, AT(attached), NULL, NULL,
     "List the artifacts attached to the image instead, as JSON"},
    {"format", 'f', CLI_STRING, AT(format), "TEMPLATE", NULL,
     "Print parts alone: {{.digest}}, {{index .config.config.Labels \"KEY\"}}, {{json .layers}}"},
    COMMON_OPTIONS};

const struct cli_command command_push = {.program = "imgbuild",
                                         .name = "push",
                                         .operands = "NAME [REF]",
                                         .summary = "Push an image of the store to a registry",
                                         .description = "Pushes the image that the store has under "
                                                        "NAME, to REF where given.",
                                         .options = push_options,
                                         .option_count = COUNT_OF(push_options),
                                         .operands_min = 1,
                                         .operands_max = 2,
                                         .run = run_push};

const struct cli_command command_pull = {
    .program = "imgbuild",
    .name = "pull",
    .operands = "REF",
    .summary = "Pull an image into the store",
    .description = "Fetches the image, verifies and unpacks its layers, and prints its digest. REF "
                   "may name a transport: docker://, oci:, oci-archive:, docker-archive:.",
    .options = pull_options_table,
    .option_count = COUNT_OF(pull_options_table),
    .operands_min = 1,
    .operands_max = 1,
    .run = run_pull};

const struct cli_command command_copy = {
    .program = "imgbuild",
    .name = "copy",
    .operands = "FROM TO",
    .summary = "Copy an image between registries and files",
    .description =
        "Copies all platforms, without compressing anything anew, and prints the digest. "
        "Both names may have a transport: docker://, oci:, oci-archive:, docker-archive:.",
    .options = copy_options,
    .option_count = COUNT_OF(copy_options),
    .operands_min = 2,
    .operands_max = 2,
    .run = run_copy};

const struct cli_command command_inspect = {
    .program = "imgbuild",
    .name = "inspect",
    .operands = "REF",
    .summary = "Show an image's manifest and config",
    .description = "Prints digest, platform, layers and config as JSON. Nothing but manifest and "
                   "config is fetched.",
    .examples = "imgbuild inspect --format '{{.digest}}' debian:12\tthe digest alone\n"
                "imgbuild inspect --raw ghcr.io/o/n:1\tthe manifest or index as it is",
    .options = inspect_options,
    .option_count = COUNT_OF(inspect_options),
    .operands_min = 1,
    .operands_max = 1,
    .run = run_inspect};
