#include "build_job.h"

#include "annotations.h"
#include "build.h"
#include "build_check.h"
#include "build_deliver.h"
#include "build_inputs.h"
#include "build_preflight.h"
#include "cache_export.h"
#include "cache_import.h"
#include "commit.h"
#include "output.h"

#include <base/interrupt.h>
#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <registry/layout.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The context's last commit, where --reproducible asks for it and nothing says otherwise. */
static int set_epoch(struct build_job *job, struct error *err)
{
    if (!job->values->reproducible || job->epoch >= 0)
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
    job->epoch = str_number(str_trim(line), INT64_MAX);
    if (job->epoch >= 0)
        return 0;
    error_set(err, ERROR_INPUT, "--reproducible: %s is in no git repository with a commit",
              job->plan.context_path);
    return error_hint(err, "set SOURCE_DATE_EPOCH to the seconds that times are to be clamped to");
}

static int prepare(struct build_job *job, struct error *err)
{
    if (job->prepared)
        return 0;
    job->prepared = true;
    job->epoch = job->parsed->source_date_epoch;
    if (set_epoch(job, err))
        return -1;
    if (job->common->store)
        return 0;
    if (common_open_store(job->common, &job->values->common, err))
        return -1;
    autofree char *mode = mode_describe(&job->common->mode);
    log_info("isolation: %s", mode);
    return 0;
}

/* What all platforms are built from. */
struct sources {
    const struct dockerfile *file;
    const struct build_inputs *inputs;
    struct cache_imports *imports;
    time_t begun;
};

static bool wants_cache(const struct build_job *job, bool all, bool in_image)
{
    for (size_t i = 0; i < job->parsed->cache_to_count; i++) {
        const struct cache_spec *spec = &job->parsed->cache_to[i];
        if ((spec->place == CACHE_INLINE) == in_image && (!all || spec->all))
            return true;
    }
    return false;
}

static int build_platform(struct build_job *job, const struct sources *from, size_t i,
                          struct build_result *out, struct error *err)
{
    const struct build_plan *plan = &job->plan;
    char label[48];
    platform_text(&plan->platforms[i].platform, '/', label);
    struct build_options options = {.dockerfile = from->file,
                                    .dockerfile_path = from->inputs->ignore_for,
                                    .context = from->inputs->context,
                                    .context_fetched =
                                        from->inputs->context && from->inputs->own.fd >= 0,
                                    .build_args = &plan->build_args,
                                    .contexts = &from->inputs->named,
                                    .labels = &plan->labels,
                                    .annotations = &plan->annotations,
                                    .target = plan->target,
                                    .platform = plan->platforms[i].platform,
                                    .label = plan->platform_count > 1 ? label : NULL,
                                    .compression = job->parsed->compression,
                                    .no_cache = job->values->no_cache,
                                    .no_cache_filter = &job->values->no_cache_filter,
                                    .imports = from->imports,
                                    .gather_cache = wants_cache(job, false, false),
                                    .gather_all = wants_cache(job, true, false),
                                    .inline_cache = wants_cache(job, false, true),
                                    .pull = job->values->pull,
                                    .debug_shell = job->values->debug_shell,
                                    .source_date_epoch = job->epoch,
                                    .network = job->parsed->network,
                                    .add_hosts = &job->values->add_hosts,
                                    .secrets = &job->parsed->secrets,
                                    .ssh = &job->parsed->ssh,
                                    .allow_insecure = job->parsed->allow_insecure,
                                    .allow_host_network = job->parsed->allow_host_network,
                                    .shm_size = job->parsed->shm_size,
                                    .limiter = job->limiter,
                                    .limits = job->parsed->limits,
                                    .rlimits = job->parsed->rlimits,
                                    .rlimit_count = job->parsed->rlimit_count,
                                    .ca_bundle_fd = job->ca_bundle,
                                    .cancel_fd = interrupt_fd(),
                                    .emulators = job->emulators,
                                    .store = job->common->store,
                                    .pool = job->pool,
                                    .progress = job->common->progress,
                                    .transport = &job->common->transport};
    return build_image(&options, out, err);
}

/* What was built for the platforms, in the plan's order, and the index over it where there are
 * several. */
struct results {
    struct build_result *items;
    size_t count;
    struct manifest index;
};

static void results_release(struct results *r)
{
    for (size_t i = 0; i < r->count; i++)
        build_result_release(&r->items[i]);
    free(r->items);
    manifest_release(&r->index);
}

/* The manifest that stands for all of it. */
static const struct manifest *whole(const struct results *r)
{
    return r->count > 1 ? &r->index : &r->items[0].image.manifest;
}

static void describe_platform(const struct build_result *result, struct built_platform *out)
{
    const struct image *image = &result->image;
    *out = (struct built_platform){.digest = image->manifest.digest,
                                   .config_digest = image->manifest.config.digest,
                                   .platform = image->platform,
                                   .layers = image->layer_count,
                                   .base_layers = result->base_layers,
                                   .size = image->manifest.config.size};
    for (size_t i = 0; i < image->layer_count; i++)
        out->size += image->layers[i].size;
}

static void summarize(struct build_job *job, const struct results *r, double start)
{
    struct summary *s = &job->summary;
    s->plan = &job->plan;
    s->image = (struct built_image){.digest = whole(r)->digest,
                                    .media_type = mem_strdup(whole(r)->media_type),
                                    .descriptor_size = (int64_t)whole(r)->size,
                                    .platforms = mem_zalloc(r->count, sizeof *s->image.platforms),
                                    .platform_count = r->count};
    for (size_t i = 0; i < r->count; i++) {
        describe_platform(&r->items[i], &s->image.platforms[i]);
        s->steps += r->items[i].steps;
        s->cached += r->items[i].cached;
    }
    s->seconds = build_seconds() - start;
    build_name_image(&job->plan, job->plan.repository, &s->image);
}

/* The digest of an earlier build must not be taken for this one's, whatever becomes of it. */
static void forget_iid(const char *path)
{
    struct stat st;
    if (path && !lstat(path, &st) && S_ISREG(st.st_mode))
        unlink(path);
}

/* What no number of platforms but one can have, found before the build. */
static int check(const struct build_job *job, struct error *err)
{
    size_t n = job->plan.platform_count;
    size_t streams = 0;
    for (size_t i = 0; i < job->parsed->output_count; i++) {
        if (output_check(&job->parsed->outputs[i], n, err))
            return -1;
        streams += output_is_stdout(&job->parsed->outputs[i]);
    }
    if (streams > 1)
        return error_set(err, ERROR_USAGE, "--output: only one of them can be standard output");
    if (streams && isatty(STDOUT_FILENO))
        return error_set(err, ERROR_USAGE,
                         "--output: standard output is a terminal; redirect it to a file");
    return annotations_check(&job->plan.annotations, n > 1, err);
}

static int build_platforms(struct build_job *job, const struct sources *from, struct results *out,
                           struct error *err)
{
    size_t n = job->plan.platform_count;
    out->items = mem_zalloc(n, sizeof *out->items);
    for (; out->count < n; out->count++) {
        char text[48];
        if (!build_platform(job, from, out->count, &out->items[out->count], err))
            continue;
        platform_text(&job->plan.platforms[out->count].platform, '/', text);
        return n > 1 ? error_wrap(err, "%s", text) : -1;
    }
    if (n == 1)
        return 0;
    autofree const struct image **images = mem_zalloc(n, sizeof *images);
    for (size_t i = 0; i < n; i++)
        images[i] = &out->items[i].image;
    return commit_index(job->common->store, images, n, &job->plan.annotations, &out->index, err);
}

static int export_caches(struct build_job *job, const struct results *r, time_t begun,
                         struct error *err)
{
    struct cache_entries entries = {.items = NULL};
    int code = 0;
    for (size_t i = 0; i < r->count; i++)
        cache_entries_add_all(&entries, &r->items[i].cache);
    for (size_t i = 0; i < job->parsed->cache_to_count && !code; i++) {
        const struct cache_spec *spec = &job->parsed->cache_to[i];
        autoerror failed = ERROR_INIT;
        if (!cache_export(spec, &entries, begun, job->common->store, job->pool,
                          &job->common->transport, &failed))
            continue;
        if (spec->ignore_error)
            log_warning("%s", failed.message);
        else
            code = error_move(err, &failed);
    }
    cache_entries_release(&entries);
    return code;
}

static int build_and_deliver(struct build_job *job, const struct sources *from, struct error *err)
{
    double start = build_seconds();
    struct results results = {.items = NULL};
    autofree char *note = NULL;
    job->emulators = emulators_new();
    job->limiter =
        limits_are_set(&job->parsed->limits) ? limiter_new(&job->parsed->limits, &note) : NULL;
    if (note)
        log_warning("%s", note);
    int code = build_platforms(job, from, &results, err);
    if (!code) {
        summarize(job, &results, start);
        code = build_deliver(job, results.items[0].base_reference, err) ||
                       export_caches(job, &results, from->begun, err)
                   ? -1
                   : 0;
    }
    results_release(&results);
    emulators_free(job->emulators);
    limiter_free(job->limiter);
    job->emulators = NULL;
    job->limiter = NULL;
    return code;
}

static void open_imports(struct build_job *job, struct sources *from)
{
    size_t n = job->plan.platform_count;
    autofree struct platform *platforms = mem_zalloc(n, sizeof *platforms);
    for (size_t i = 0; i < n; i++)
        platforms[i] = job->plan.platforms[i].platform;
    if (!job->values->no_cache)
        from->imports =
            cache_imports_open(job->parsed->cache_from, job->parsed->cache_from_count, platforms, n,
                               job->common->store, &job->common->transport);
}

static int build_from(struct build_job *job, struct build_inputs *inputs, struct error *err)
{
    autodockerfile *file = NULL;
    if (dockerfile_parse(str_text(&inputs->dockerfile), inputs->dockerfile.len, inputs->name, &file,
                         err) ||
        prepare(job, err))
        return -1;
    int checked = build_check(job, file, inputs, err);
    if (checked)
        return checked < 0 ? -1 : 0;
    if (build_inputs_named(job, inputs, err))
        return -1;
    struct sources from = {.file = file, .inputs = inputs, .begun = time(NULL)};
    open_imports(job, &from);
    int code = build_and_deliver(job, &from, err);
    cache_imports_free(from.imports);
    return code;
}

int build_job_run(struct build_job *job, struct error *err)
{
    struct build_inputs inputs;
    forget_iid(job->values->iidfile);
    if (check(job, err) || build_preflight(job, err) ||
        (build_inputs_remote(job) && prepare(job, err)) || build_inputs_open(job, &inputs, err))
        return -1;
    int code = build_from(job, &inputs, err);
    build_inputs_release(&inputs);
    return code;
}

void build_job_release(struct build_job *job)
{
    built_image_release(&job->summary.image);
    plan_release(&job->plan);
}
