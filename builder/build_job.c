#include "build_job.h"

#include "annotations.h"
#include "build.h"
#include "build_preflight.h"
#include "commit.h"

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

enum { DOCKERFILE_CAP = 1024 * 1024 };

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

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

static int build_platform(struct build_job *job, const struct dockerfile *file, size_t i,
                          struct build_result *out, struct error *err)
{
    const struct build_plan *plan = &job->plan;
    char label[48];
    platform_text(&plan->platforms[i].platform, '/', label);
    struct build_options options = {.dockerfile = file,
                                    .dockerfile_path = plan->dockerfile_path,
                                    .context = plan->context_path,
                                    .build_args = &plan->build_args,
                                    .build_contexts = &job->values->build_contexts,
                                    .labels = &plan->labels,
                                    .annotations = &plan->annotations,
                                    .target = plan->target,
                                    .platform = plan->platforms[i].platform,
                                    .label = plan->platform_count > 1 ? label : NULL,
                                    .compression = job->parsed->compression,
                                    .no_cache = job->values->no_cache,
                                    .pull = job->values->pull,
                                    .source_date_epoch = job->epoch,
                                    .network = job->parsed->network,
                                    .add_hosts = &job->values->add_hosts,
                                    .secrets = &job->parsed->secrets,
                                    .ssh = &job->parsed->ssh,
                                    .allow_insecure = job->parsed->allow_insecure,
                                    .allow_host_network = job->parsed->allow_host_network,
                                    .shm_size = job->parsed->shm_size,
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

/* Full names of a repository's tags. */
static void add_names(const char *repository, const struct strv *tags, struct strv *out)
{
    for (size_t i = 0; i < tags->count; i++)
        strv_addf(out, "%s:%s", repository, tags->items[i]);
}

/* -t's, in full. */
static void add_references(const struct strv *references, struct strv *out)
{
    for (size_t i = 0; i < references->count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        autoerror ignored = ERROR_INIT;
        if (reference_parse(references->items[i], false, &ref, &ignored))
            continue;
        autofree char *full = reference_text(&ref);
        if (!strv_contains(out, full))
            strv_add(out, full);
    }
}

/* Where there is one platform all names are of its manifest; else the platforms' own tags are of
 * theirs, and all others of the index. */
static void name_image(const struct build_plan *plan, bool repository, struct built_image *image)
{
    autostrv tags = STRV_INIT;
    if (repository && plan->platform_count > 1) {
        for (size_t i = 0; i < plan->platform_count; i++)
            add_names(plan->repository, &plan->platforms[i].tags, &image->platforms[i].references);
        add_names(plan->repository, &plan->tags, &image->references);
    } else if (repository) {
        plan_all_tags(plan, &tags);
        add_names(plan->repository, &tags, &image->references);
    }
    add_references(&plan->references, &image->references);
}

static int put_names(int oci, const struct manifest *manifest, const struct platform *platform,
                     const struct strv *names, struct error *err)
{
    for (size_t i = 0; i < names->count; i++)
        if (layout_put_manifest(oci, manifest, names->items[i], platform, err))
            return -1;
    return 0;
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

static int name_in_store(struct build_job *job, const struct results *r, struct error *err)
{
    int oci = store_oci_fd(job->common->store);
    const struct built_image *image = &job->summary.image;
    const struct platform *platform = r->count > 1 ? NULL : &image->platforms[0].platform;
    if (!image->references.count && layout_put_manifest(oci, whole(r), NULL, platform, err))
        return -1;
    for (size_t i = 0; i < r->count; i++)
        if (put_names(oci, &r->items[i].image.manifest, &image->platforms[i].platform,
                      &image->platforms[i].references, err))
            return -1;
    return put_names(oci, whole(r), platform, &image->references, err);
}

static int push_plan(struct build_job *job, const char *base, struct error *err)
{
    const struct build_plan *plan = &job->plan;
    double start = seconds_now();
    bool repository = plan->repository && plan->pushable;
    struct built_image image = job->summary.image; /* but for its names */
    image.references = STRV_INIT;
    image.platforms = mem_zalloc(image.platform_count, sizeof *image.platforms);
    image.media_type = NULL;
    for (size_t i = 0; i < image.platform_count; i++)
        image.platforms[i].digest = job->summary.image.platforms[i].digest;
    name_image(plan, repository, &image);
    int code = output_push_image(job->common, &image, base, &job->summary.push, err);
    built_image_release(&image);
    job->summary.pushed = !code;
    job->summary.push_seconds = seconds_now() - start;
    return code;
}

static void describe_platform(const struct build_result *result, struct built_platform *out)
{
    const struct image *image = &result->image;
    *out = (struct built_platform){.digest = image->manifest.digest,
                                   .config_digest = image->manifest.config.digest,
                                   .platform = image->platform,
                                   .layers = image->layer_count,
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
    s->seconds = seconds_now() - start;
    name_image(&job->plan, job->plan.repository, &s->image);
}

static int deliver(struct build_job *job, const struct results *r, struct error *err)
{
    const struct build_values *v = job->values;
    if (name_in_store(job, r, err))
        return -1;
    for (size_t i = 0; i < job->parsed->output_count; i++)
        if (output_write(&job->parsed->outputs[i], job->common, &job->summary.image, err))
            return -1;
    if (v->push && push_plan(job, r->items[0].base_reference, err))
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

/* What no number of platforms but one can have, found before the build. */
static int check(const struct build_job *job, struct error *err)
{
    size_t n = job->plan.platform_count;
    for (size_t i = 0; i < job->parsed->output_count; i++)
        if (output_check(&job->parsed->outputs[i], n, err))
            return -1;
    return annotations_check(&job->plan.annotations, n > 1, err);
}

static int build_platforms(struct build_job *job, const struct dockerfile *file,
                           struct results *out, struct error *err)
{
    size_t n = job->plan.platform_count;
    out->items = mem_zalloc(n, sizeof *out->items);
    for (; out->count < n; out->count++) {
        char text[48];
        if (!build_platform(job, file, out->count, &out->items[out->count], err))
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

static int build_and_deliver(struct build_job *job, const struct dockerfile *file,
                             struct error *err)
{
    double start = seconds_now();
    struct results results = {.items = NULL};
    job->emulators = emulators_new();
    int code = build_platforms(job, file, &results, err);
    if (!code) {
        summarize(job, &results, start);
        code = deliver(job, &results, err);
    }
    results_release(&results);
    emulators_free(job->emulators);
    job->emulators = NULL;
    return code;
}

int build_job_run(struct build_job *job, struct error *err)
{
    autostr bytes = STR_INIT;
    autodockerfile *file = NULL;
    const char *path = job->plan.dockerfile_path;
    forget_iid(job->values->iidfile);
    if (check(job, err) || build_preflight(job, err))
        return -1;
    if (io_read_file(AT_FDCWD, path, DOCKERFILE_CAP, &bytes, err))
        return error_hint(err, "-f names the Dockerfile");
    if (dockerfile_parse(str_text(&bytes), bytes.len, path, &file, err) || prepare(job, err))
        return -1;
    return build_and_deliver(job, file, err);
}

void build_job_release(struct build_job *job)
{
    built_image_release(&job->summary.image);
    plan_release(&job->plan);
}
