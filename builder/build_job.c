#include "build_job.h"

#include "build.h"

#include <base/interrupt.h>
#include <base/io.h>
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
    return set_epoch(job, err) || (!job->common->store &&
                                   common_open_store(job->common, &job->values->common, err))
               ? -1
               : 0;
}

static int build_platform(struct build_job *job, const struct dockerfile *file, size_t i,
                          struct build_result *out, struct error *err)
{
    const struct build_plan *plan = &job->plan;
    struct build_options options = {.dockerfile = file,
                                    .dockerfile_path = plan->dockerfile_path,
                                    .context = plan->context_path,
                                    .build_args = &plan->build_args,
                                    .build_contexts = &job->values->build_contexts,
                                    .labels = &plan->labels,
                                    .annotations = &plan->annotations,
                                    .target = plan->target,
                                    .platform = plan->platforms[i].platform,
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
                                    .store = job->common->store,
                                    .pool = job->pool,
                                    .progress = job->common->progress,
                                    .transport = &job->common->transport};
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

static int name_in_store(struct build_job *job, const struct image *image, struct error *err)
{
    int oci = store_oci_fd(job->common->store);
    const struct strv *names = &job->summary.references;
    if (!names->count)
        return layout_put_manifest(oci, &image->manifest, NULL, &image->platform, err);
    for (size_t i = 0; i < names->count; i++)
        if (layout_put_manifest(oci, &image->manifest, names->items[i], &image->platform, err))
            return -1;
    return 0;
}

static int push_plan(struct build_job *job, const char *base, struct error *err)
{
    const struct build_plan *plan = &job->plan;
    double start = seconds_now();
    if (plan->repository && plan->pushable) {
        autostrv tags = STRV_INIT;
        plan_all_tags(plan, &tags);
        if (output_push(job->common, &job->summary.digest, plan->repository, &tags, base,
                        &job->summary.push, err))
            return -1;
    }
    if (output_push_names(job->common, &job->summary.digest, &plan->references, base,
                          &job->summary.push, err))
        return -1;
    job->summary.pushed = true;
    job->summary.push_seconds = seconds_now() - start;
    return 0;
}

static void summarize(struct build_job *job, const struct build_result *result, double start)
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

static int deliver(struct build_job *job, const struct build_result *result, struct error *err)
{
    const struct build_values *v = job->values;
    if (name_in_store(job, &result->image, err))
        return -1;
    for (size_t i = 0; i < job->parsed->output_count; i++)
        if (output_write(&job->parsed->outputs[i], job->common, &job->summary.digest,
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

int build_job_run(struct build_job *job, struct error *err)
{
    autostr bytes = STR_INIT;
    autodockerfile *file = NULL;
    const char *path = job->plan.dockerfile_path;
    if (job->plan.platform_count > 1)
        return error_set(err, ERROR_USAGE,
                         "building for several platforms at once is not supported yet");
    forget_iid(job->values->iidfile);
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

void build_job_release(struct build_job *job)
{
    strv_release(&job->summary.references);
    plan_release(&job->plan);
}
