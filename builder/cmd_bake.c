/* imgbuild bake: the targets of docker-bake.json, built in one run. */
#include "bake_file.h"
#include "bake_plan.h"
#include "bake_values.h"
#include "build_job.h"
#include "command.h"
#include "refused_flags.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <rootfs/ca_certs.h>

#include <stdlib.h>
#include <string.h>

struct bake_values {
    struct common_values common;
    struct strv files, sets, vars, allow;
    char *print, *list, *metadata_file, *provenance, *sbom;
    bool push, load, no_cache, pull, ca_certs;
};

#define AT(member) offsetof(struct bake_values, member)

static const struct cli_option option_table[] = {
    {"file", 'f', CLI_STRINGS, AT(files), "FILE", NULL,
     "Read this bake file, - standard input (repeatable; default: docker-bake.json and "
     "docker-bake.override.json)"},
    {"set", 0, CLI_STRINGS, AT(sets), "TARGET.KEY=VALUE", NULL,
     "Override a target's value; TARGET may be a pattern, KEY+= adds to a list"},
    {"var", 0, CLI_STRINGS, AT(vars), "NAME=VALUE", NULL, "Set a variable of the bake file"},
    {"print", 0, CLI_WORD, AT(print), "WHAT", "targets|matrix",
     "Print the targets as JSON and stop; matrix: targets and platforms as a CI job's matrix"},
    {"list", 0, CLI_STRING, AT(list), "WHAT", "targets|variables",
     "List the bake file's targets or variables and stop"},
    {"push", 0, CLI_SWITCH, AT(push), NULL, NULL, "Push the images, as --set=*.push=true"},
    {"load", 0, CLI_SWITCH, AT(load), NULL, NULL,
     "Hand the images to docker or podman on this host, as --set=*.load=true"},
    {"no-cache", 0, CLI_SWITCH, AT(no_cache), NULL, NULL, "Run every step anew"},
    {"pull", 0, CLI_SWITCH, AT(pull), NULL, NULL, "Ask the registry for newer base images"},
    {"allow", 0, CLI_STRINGS, AT(allow), "WHAT", NULL,
     "Grant what targets ask for: network.host or security.insecure"},
    {"metadata-file", 0, CLI_STRING, AT(metadata_file), "FILE", NULL,
     "Write each target's digests and names as JSON"},
    {"provenance", 0, CLI_STRING, AT(provenance), "WHAT", NULL,
     "Only false: no attestation is made"},
    {"sbom", 0, CLI_STRING, AT(sbom), "WHAT", NULL, "Only false: no attestation is made"},
    {"ca-certs", 0, CLI_SWITCH, AT(ca_certs), NULL, NULL,
     "Show steps the host's CA certificates, without recording them (default: on where "
     "$SSL_CERT_FILE is set)"},
    COMMON_OPTIONS,
};

/* One run of the command. */
struct bake {
    struct bake_values values;
    struct strv names;
    struct bake_file file;
    struct bake_plan plan;
    struct common common;
    struct pool *pool;
    int ca_bundle;
    struct strv contexts; /* what became of each target: "NAME=oci-layout://…" */
    json_t *metadata;
};

static int read_plan(struct bake *b, struct error *err)
{
    const struct bake_values *v = &b->values;
    autostrv files = STRV_INIT;
    autostrv sets = STRV_INIT;
    strv_add_all(&files, &v->files);
    strv_add_all(&sets, &v->sets);
    if (v->push)
        strv_add(&sets, "*.push=true");
    if (v->load)
        strv_add(&sets, "*.load=true");
    if (!files.count && bake_file_defaults(&files, err))
        return -1;
    if (bake_file_load(&files, &v->vars, &b->file, err))
        return -1;
    return v->list ? 0 : bake_plan_make(&b->file, &b->names, &sets, &b->plan, err);
}

static void print_json(json_t *json)
{
    autofree char *text = json_pretty(json);
    fputs(text, stdout);
    json_decref(json);
}

/* On one line, as a CI job's outputs want it. */
static void print_line(json_t *json)
{
    autofree char *text = json_text(json);
    printf("%s\n", text);
    json_decref(json);
}

static void list_targets(const struct bake_file *file)
{
    autostrv names = STRV_INIT;
    const char *name;
    json_t *value;
    json_object_foreach (file->targets, name, value)
        strv_add(&names, name);
    json_object_foreach (file->groups, name, value)
        if (!strv_contains(&names, name))
            strv_add(&names, name);
    strv_sort(&names);
    printf("TARGET\tDESCRIPTION\n");
    for (size_t i = 0; i < names.count; i++) {
        const json_t *group = json_object_get(file->groups, names.items[i]);
        const json_t *target = json_object_get(file->targets, names.items[i]);
        const char *text =
            json_string_value(json_object_get(target ? target : group, "description"));
        autostrv members = STRV_INIT;
        autoerror ignored = ERROR_INIT;
        if (*names.items[i] == '_') /* by custom not for the command line */
            continue;
        if (group && !target)
            json_get_strings(group, "targets", "group", &members, &ignored);
        autofree char *joined = strv_join(&members, ", ");
        printf("%s\t%s%s%s%s\n", names.items[i], text ? text : "", text && *joined ? " (" : "",
               joined, text && *joined ? ")" : "");
    }
}

static void list_variables(const struct bake_file *file)
{
    printf("VARIABLE\tTYPE\tVALUE\tDESCRIPTION\n");
    for (size_t i = 0; i < file->variable_count; i++) {
        const struct bake_variable *v = &file->variables[i];
        const char *text = json_string_value(v->value);
        autofree char *value = text ? mem_strdup(text) : json_text(v->value);
        printf("%s\t%s\t%s\t%s\n", v->name, v->type ? v->type : "", value,
               v->description ? v->description : "");
    }
}

static int run_target(struct bake *b, const char *name, struct build_job *job, struct error *err)
{
    if (build_job_plan(job, err) || build_job_run(job, err))
        return error_wrap(err, "target %s", name);
    strv_addf(&b->contexts, "%s=oci-layout://%s/oci@%s", name, store_path(b->common.store),
              job->summary.image.digest.text);
    json_object_set_new(b->metadata, name, summary_metadata(&job->summary));
    if (!b->values.common.quiet)
        log_info("target %s:", name);
    summary_print(&job->summary, b->values.common.quiet, stdout, stderr);
    return 0;
}

static int build_target(struct bake *b, const char *name, struct error *err)
{
    struct build_values values = {.no_cache = b->values.no_cache, .pull = b->values.pull};
    struct build_parsed parsed = {.outputs = NULL};
    struct build_job job = {.values = &values,
                            .parsed = &parsed,
                            .common = &b->common,
                            .pool = b->pool,
                            .ca_bundle = b->ca_bundle};
    autostrv operands = STRV_INIT;
    struct bake_given given = {&b->contexts, &b->values.allow};
    job.operands = &operands;
    int code = bake_values_from(json_object_get(b->plan.targets, name), &given, &values, &operands,
                                &job.dockerfile_text, err) ||
                       build_options_parse(&values, getenv("SOURCE_DATE_EPOCH"), &parsed, err)
                   ? error_wrap(err, "target %s", name)
                   : run_target(b, name, &job, err);
    build_job_release(&job);
    build_parsed_release(&parsed);
    cli_release(&command_build, &values);
    return code;
}

static int build_all(struct bake *b, struct error *err)
{
    for (size_t i = 0; i < b->plan.order.count; i++)
        if (build_target(b, b->plan.order.items[i], err))
            return -1;
    if (!b->values.metadata_file)
        return 0;
    autofree char *text = json_pretty(b->metadata);
    return io_write_output(b->values.metadata_file, text, strlen(text), err);
}

static int build(struct bake *b, struct error *err)
{
    if (common_init(&b->common, &b->values.common, err) ||
        common_open_store(&b->common, &b->values.common, err) ||
        (b->values.ca_certs && (b->ca_bundle = ca_certs_open(NULL, err)) < 0))
        return -1;
    b->pool = pool_new((size_t)b->values.common.jobs);
    b->metadata = json_object();
    return build_all(b, err);
}

static int run(struct bake *b, struct error *err)
{
    const struct bake_values *v = &b->values;
    if (v->print && v->list)
        return error_set(err, ERROR_USAGE, "--print and --list exclude each other");
    if (build_options_attest("--provenance", v->provenance, err) ||
        build_options_attest("--sbom", v->sbom, err) || read_plan(b, err))
        return -1;
    if (v->list && !strcmp(v->list, "targets"))
        list_targets(&b->file);
    else if (v->list)
        list_variables(&b->file);
    else if (v->print && !strcmp(v->print, "matrix"))
        print_line(bake_plan_matrix(&b->plan));
    else if (v->print)
        print_json(bake_plan_json(&b->plan));
    else
        return build(b, err);
    return 0;
}

static int bake_run(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct bake b = {.ca_bundle = -1};
    const char *bundle = getenv("SSL_CERT_FILE");
    b.values.ca_certs = bundle && *bundle;
    int code = refused_flags_check(argc, argv, err);
    if (!code)
        code = cli_parse(self, argc, argv, &b.values, &b.names, err);
    if (!code)
        code = run(&b, err);
    bake_plan_release(&b.plan);
    bake_file_release(&b.file);
    common_release(&b.common);
    pool_free(b.pool);
    mem_close_at(&b.ca_bundle);
    strv_release(&b.contexts);
    strv_release(&b.names);
    json_decref(b.metadata);
    cli_release(self, &b.values);
    return code;
}

const struct cli_command command_bake = {
    .program = "imgbuild",
    .name = "bake",
    .operands = "[TARGET…]",
    .summary = "Build the targets of a bake file",
    .description =
        "Reads docker-bake.json as docker buildx bake does (groups, targets, what they inherit, "
        "matrices, variables with the environment's values, functions, contexts from other "
        "targets) and builds the targets named, or the group or target “default”, in one run. "
        "Bake files in HCL are not read; docker buildx bake --print turns them into JSON.",
    .examples =
        "imgbuild bake --print app\tshow what would be built\n"
        "imgbuild bake --set '*.args.VERSION=2' --push\tbuild all with another argument, and push\n"
        "imgbuild bake --print=matrix\tthe targets and platforms as a matrix of a CI job\n",
    .options = option_table,
    .option_count = COUNT_OF(option_table),
    .operands_min = 0,
    .operands_max = SIZE_MAX,
    .run = bake_run,
};
