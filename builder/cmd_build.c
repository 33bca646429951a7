/* imgbuild's main job: definition or Dockerfile to image, outputs and registry. */
#include "build.h"
#include "cmd_build_options.h"
#include "command.h"
#include "summary.h"

#include <base/interrupt.h>
#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>
#include <images/definition.h>
#include <images/plan.h>
#include <images/plan_json.h>
#include <images/trigger.h>
#include <registry/layout.h>
#include <rootfs/ca_certs.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DOCKERFILE_CAP = 1024 * 1024 };

/* One run of the command. */
struct job {
    struct build_values values;
    struct build_parsed parsed;
    struct strv operands;
    struct build_plan plan;
    struct common common;
    struct pool *pool;
    int ca_bundle;
    struct summary summary;
};

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* NAME alone takes the environment's value, as docker's --build-arg does; unset: left out. The
 * last of a name holds. */
static void complete_args(struct strv *args)
{
    autostrv complete = STRV_INIT;
    for (size_t i = 0; i < args->count; i++) {
        size_t n = strcspn(args->items[i], "=");
        autofree char *name = mem_strndup(args->items[i], n);
        const char *value = args->items[i][n] ? args->items[i] + n + 1 : getenv(name);
        if (value)
            env_set(&complete, name, value);
    }
    struct strv old = *args;
    *args = complete;
    complete = old;
}

/* A definition's name, or the context of a plain build? */
static bool is_plain(const struct job *job)
{
    const struct build_values *v = &job->values;
    if (v->file)
        return true;
    if (v->dev || v->prod || v->version || v->registry || job->operands.count != 1)
        return false;
    const char *operand = job->operands.items[0];
    if (strchr(operand, '/') || !strcmp(operand, ".") || !strcmp(operand, ".."))
        return true;
    autofree char *inside = mem_printf("%s/Dockerfile", operand);
    autofree char *definition = mem_printf("images/%s/image.yaml", operand);
    return !access(inside, F_OK) && access(definition, F_OK) != 0;
}

/* What was found wrong in an option's value is a mistake of the command line. */
static int as_usage(struct error *err, const char *option)
{
    if (err && err->kind == ERROR_INPUT)
        err->kind = ERROR_USAGE;
    return error_wrap(err, "%s", option);
}

static int plan_plain(struct job *job, struct error *err)
{
    const struct build_values *v = &job->values;
    struct build_plan *plan = &job->plan;
    if (job->operands.count != 1)
        return error_set(err, ERROR_USAGE,
                         "the build context is missing: imgbuild -f FILE -t REF CONTEXT");
    const char *context = job->operands.items[0];
    if (!strcmp(context, "-") || strstr(context, "://"))
        return error_set(err, ERROR_USAGE, "a context from %s is not supported yet",
                         strcmp(context, "-") ? "a URL" : "standard input");
    if (v->file && !strcmp(v->file, "-"))
        return error_set(err, ERROR_USAGE, "a Dockerfile from standard input is not supported yet");
    plan->build = true;
    plan->context_path = mem_strdup(context);
    plan->dockerfile_path = v->file ? mem_strdup(v->file) : path_join(context, "Dockerfile");
    if (!v->file && access(plan->dockerfile_path, F_OK)) {
        free(plan->dockerfile_path);
        plan->dockerfile_path = path_join(context, "dockerfile");
        if (access(plan->dockerfile_path, F_OK)) {
            free(plan->dockerfile_path);
            plan->dockerfile_path = path_join(context, "Dockerfile");
        }
    }
    plan->target = mem_strdup_null(v->target);
    strv_add_all(&plan->build_args, &v->build_args);
    strv_add_all(&plan->labels, &v->labels);
    strv_add_all(&plan->annotations, &v->annotations);
    strv_add_all(&plan->references, &v->tags);
    plan->platform_count = v->platforms.count ? v->platforms.count : 1;
    plan->platforms = mem_zalloc(plan->platform_count, sizeof *plan->platforms);
    platform_host(&plan->platforms[0].platform);
    for (size_t i = 0; i < v->platforms.count; i++)
        if (platform_parse(v->platforms.items[i], &plan->platforms[i].platform, err))
            return as_usage(err, "--platform");
    return 0;
}

static int plan_definition(struct job *job, struct error *err)
{
    const struct build_values *v = &job->values;
    if (job->operands.count != 1) {
        error_set(err, ERROR_USAGE,
                  "which image? imgbuild NAME builds images/NAME, "
                  "imgbuild -f FILE CONTEXT a Dockerfile");
        return error_hint(err, "imgbuild --help says more");
    }
    autostrv folders = STRV_INIT;
    autodefinition definition = {.name = NULL};
    autotrigger trigger = {.kind = TRIGGER_LOCAL};
    definition_folders(getenv("IMGBUILD_IMAGES"), &folders);
    struct plan_options options = {.variant = v->dev    ? PLAN_DEV
                                              : v->prod ? PLAN_PROD
                                                        : PLAN_VARIANT_AUTO,
                                   .version = v->version,
                                   .registry = v->registry,
                                   .target = v->target,
                                   .platforms = &v->platforms,
                                   .build_args = &v->build_args,
                                   .labels = &v->labels,
                                   .annotations = &v->annotations,
                                   .tags = &v->tags};
    if (definition_load(&folders, job->operands.items[0], &definition, err) ||
        trigger_from_environment(&trigger, err) ||
        plan_make(&definition, &trigger, &options, &job->plan, err))
        return -1;
    return v->dry_run ? 0 : plan_locate(&job->plan, v->source ? v->source : ".", err);
}

static int check_references(const struct job *job, struct error *err)
{
    for (size_t i = 0; i < job->plan.references.count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        if (reference_parse(job->plan.references.items[i], false, &ref, err))
            return as_usage(err, "-t");
        if (ref.transport != REFERENCE_REGISTRY || digest_is_set(&ref.digest))
            return error_set(err, ERROR_USAGE, "-t %s: it names a file or a digest, not an image",
                             job->plan.references.items[i]);
    }
    if (job->values.push && !job->plan.pushable && !job->plan.references.count) {
        error_set(err, ERROR_USAGE, "--push: the image has no name in a registry");
        return error_hint(err, "give --registry HOST/PATH, or -t HOST/NAME:TAG");
    }
    return 0;
}

static int make_plan(struct job *job, struct error *err)
{
    complete_args(&job->values.build_args);
    complete_args(&job->values.build_contexts); /* NAME=SOURCE all of them */
    return (is_plain(job) ? plan_plain(job, err) : plan_definition(job, err)) ||
                   check_references(job, err)
               ? -1
               : 0;
}

/* The context's last commit, where --reproducible asks for it and nothing says otherwise. */
static int set_epoch(struct job *job, struct error *err)
{
    if (!job->values.reproducible || job->parsed.source_date_epoch >= 0)
        return 0;
    autofree char *command =
        mem_printf("git -C \"$IMGBUILD_CONTEXT\" log -1 --format=%%ct 2>/dev/null");
    setenv("IMGBUILD_CONTEXT", job->plan.context_path, 1);
    FILE *pipe = popen(command, "re");
    char line[32] = "";
    if (pipe && !fgets(line, sizeof line, pipe))
        line[0] = '\0';
    if (pipe)
        pclose(pipe);
    unsetenv("IMGBUILD_CONTEXT");
    job->parsed.source_date_epoch = str_number(str_trim(line), INT64_MAX);
    if (job->parsed.source_date_epoch >= 0)
        return 0;
    error_set(err, ERROR_INPUT, "--reproducible: %s is in no git repository with a commit",
              job->plan.context_path);
    return error_hint(err, "set SOURCE_DATE_EPOCH to the seconds that times are to be clamped to");
}

static int prepare(struct job *job, struct error *err)
{
    if (set_epoch(job, err))
        return -1;
    if (job->values.ca_certs && (job->ca_bundle = ca_certs_open(NULL, err)) < 0)
        return -1;
    job->pool = pool_new((size_t)job->values.common.jobs);
    return common_open_store(&job->common, &job->values.common, err);
}

static int build_platform(struct job *job, const struct dockerfile *file, size_t i,
                          struct build_result *out, struct error *err)
{
    const struct build_plan *plan = &job->plan;
    struct build_options options = {.dockerfile = file,
                                    .dockerfile_path = plan->dockerfile_path,
                                    .context = plan->context_path,
                                    .build_args = &plan->build_args,
                                    .build_contexts = &job->values.build_contexts,
                                    .labels = &plan->labels,
                                    .annotations = &plan->annotations,
                                    .target = plan->target,
                                    .platform = plan->platforms[i].platform,
                                    .compression = job->parsed.compression,
                                    .no_cache = job->values.no_cache,
                                    .pull = job->values.pull,
                                    .source_date_epoch = job->parsed.source_date_epoch,
                                    .network = job->parsed.network,
                                    .add_hosts = &job->values.add_hosts,
                                    .shm_size = job->parsed.shm_size,
                                    .rlimits = job->parsed.rlimits,
                                    .rlimit_count = job->parsed.rlimit_count,
                                    .ca_bundle_fd = job->ca_bundle,
                                    .cancel_fd = interrupt_fd(),
                                    .store = job->common.store,
                                    .pool = job->pool,
                                    .progress = job->common.progress,
                                    .transport = &job->common.transport};
    return build_image(&options, out, err);
}

/* Every full name that the plan gives: repository:tag, then -t's. */
static void all_references(const struct build_plan *plan, struct strv *out)
{
    autostrv tags = STRV_INIT;
    if (plan->repository)
        plan_all_tags(plan, &tags);
    for (size_t i = 0; i < tags.count; i++)
        strv_addf(out, "%s:%s", plan->repository, tags.items[i]);
    for (size_t i = 0; i < plan->references.count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        autoerror ignored = ERROR_INIT;
        if (reference_parse(plan->references.items[i], false, &ref, &ignored))
            continue;
        autofree char *full = reference_text(&ref);
        if (!strv_contains(out, full))
            strv_add(out, full);
    }
}

static int name_in_store(struct job *job, const struct image *image, struct error *err)
{
    int oci = store_oci_fd(job->common.store);
    const struct strv *names = &job->summary.references;
    if (!names->count)
        return layout_put_manifest(oci, &image->manifest, NULL, &image->platform, err);
    for (size_t i = 0; i < names->count; i++)
        if (layout_put_manifest(oci, &image->manifest, names->items[i], &image->platform, err))
            return -1;
    return 0;
}

static int push_plan(struct job *job, const char *base, struct error *err)
{
    const struct build_plan *plan = &job->plan;
    double start = seconds_now();
    if (plan->repository && plan->pushable) {
        autostrv tags = STRV_INIT;
        plan_all_tags(plan, &tags);
        if (output_push(&job->common, &job->summary.digest, plan->repository, &tags, base,
                        &job->summary.push, err))
            return -1;
    }
    if (output_push_names(&job->common, &job->summary.digest, &plan->references, base,
                          &job->summary.push, err))
        return -1;
    job->summary.pushed = true;
    job->summary.push_seconds = seconds_now() - start;
    return 0;
}

static void summarize(struct job *job, const struct build_result *result, double start)
{
    struct summary *s = &job->summary;
    s->plan = &job->plan;
    s->digest = result->image.manifest.digest;
    s->config_digest = result->image.manifest.config.digest;
    s->media_type = result->image.manifest.media_type;
    s->descriptor_size = (int64_t)result->image.manifest.size;
    s->layers = result->image.layer_count;
    s->image_size = result->image.manifest.config.size;
    for (size_t i = 0; i < result->image.layer_count; i++)
        s->image_size += result->image.layers[i].size;
    s->steps = result->steps;
    s->cached = result->cached;
    s->seconds = seconds_now() - start;
    all_references(&job->plan, &s->references);
}

static int deliver(struct job *job, const struct build_result *result, struct error *err)
{
    const struct build_values *v = &job->values;
    if (name_in_store(job, &result->image, err))
        return -1;
    for (size_t i = 0; i < job->parsed.output_count; i++)
        if (output_write(&job->parsed.outputs[i], &job->common, &job->summary.digest,
                         &job->summary.references, err))
            return -1;
    if (v->push && push_plan(job, result->base_reference, err))
        return -1;
    if ((v->iidfile && summary_write_iid(&job->summary, v->iidfile, err)) ||
        (v->metadata_file && summary_write_metadata(&job->summary, v->metadata_file, err)))
        return -1;
    return summary_write_ci(&job->summary, err);
}

/* The digest of an earlier build must not be taken for this one's, whatever becomes of it. */
static void forget_iid(const char *path)
{
    struct stat st;
    if (path && !lstat(path, &st) && S_ISREG(st.st_mode))
        unlink(path);
}

static int build(struct job *job, struct error *err)
{
    autostr bytes = STR_INIT;
    autodockerfile *file = NULL;
    const char *path = job->plan.dockerfile_path;
    if (job->plan.platform_count > 1)
        return error_set(err, ERROR_USAGE,
                         "building for several platforms at once is not supported yet");
    forget_iid(job->values.iidfile);
    if (io_read_file(AT_FDCWD, path, DOCKERFILE_CAP, &bytes, err))
        return error_hint(err, "-f names the Dockerfile");
    if (dockerfile_parse(str_text(&bytes), bytes.len, path, &file, err) || prepare(job, err))
        return -1;
    double start = seconds_now();
    struct build_result result = {.base_reference = NULL};
    if (build_platform(job, file, 0, &result, err))
        return -1;
    summarize(job, &result, start);
    int code = deliver(job, &result, err);
    build_result_release(&result);
    return code;
}

static int run_job(struct job *job, struct error *err)
{
    if (make_plan(job, err))
        return -1;
    if (job->values.dry_run)
        return plan_print_json(&job->plan, stdout, err);
    if (!job->plan.build) {
        log_info("nothing to build: %s", job->plan.reason);
        return 0;
    }
    if (common_init(&job->common, &job->values.common, err) || build(job, err))
        return -1;
    progress_free(job->common.progress);
    job->common.progress = NULL;
    summary_print(&job->summary, job->values.common.quiet, stdout, stderr);
    return 0;
}

int cmd_build_run(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct job job = {.ca_bundle = -1};
    const char *bundle = getenv("SSL_CERT_FILE");
    job.values.ca_certs = bundle && *bundle;
    int code = build_options_refuse(argc, argv, err);
    if (!code)
        code = cli_parse(self, argc, argv, &job.values, &job.operands, err);
    if (!code)
        code = build_options_parse(&job.values, getenv("SOURCE_DATE_EPOCH"), &job.parsed, err);
    if (!code)
        code = run_job(&job, err);
    strv_release(&job.summary.references);
    common_release(&job.common);
    if (job.pool)
        pool_free(job.pool);
    mem_close_at(&job.ca_bundle);
    plan_release(&job.plan);
    strv_release(&job.operands);
    build_parsed_release(&job.parsed);
    cli_release(self, &job.values);
    return code;
}
