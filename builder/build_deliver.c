#include "build_deliver.h"

#include "build_push.h"
#include "output.h"

#include <base/mem.h>
#include <registry/layout.h>

#include <stdlib.h>
#include <time.h>

double build_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
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
void build_name_image(const struct build_plan *plan, bool repository, struct built_image *image)
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

static int put_names(struct build_job *job, const struct digest *digest,
                     const struct platform *platform, const struct strv *names, bool unnamed,
                     struct error *err)
{
    int oci = store_oci_fd(job->common->store);
    automanifest manifest = {.bytes = NULL};
    if (!names->count && !unnamed)
        return 0;
    if (common_store_manifest(job->common, digest, &manifest, err))
        return -1;
    if (!names->count)
        return layout_put_manifest(oci, &manifest, NULL, platform, err);
    for (size_t i = 0; i < names->count; i++)
        if (layout_put_manifest(oci, &manifest, names->items[i], platform, err))
            return -1;
    return 0;
}

static int name_in_store(struct build_job *job, struct error *err)
{
    const struct built_image *image = &job->summary.image;
    bool several = image->platform_count > 1;
    for (size_t i = 0; several && i < image->platform_count; i++)
        if (put_names(job, &image->platforms[i].digest, &image->platforms[i].platform,
                      &image->platforms[i].references, false, err))
            return -1;
    return put_names(job, &image->digest, several ? NULL : &image->platforms[0].platform,
                     &image->references, true, err);
}

/* The output whose form of the image is the one that is named and reported; -1: none. */
static int first_image_output(const struct build_job *job)
{
    for (size_t i = 0; i < job->parsed->output_count; i++)
        if (job->parsed->outputs[i].kind == OUTPUT_IMAGE)
            return (int)i;
    return -1;
}

static int make_variant(const struct build_job *job, const struct output *output,
                        const struct built_image *from, struct built_image *to, struct error *err)
{
    struct variant_options options = {
        .store = job->common->store, .pool = job->pool, .built = job->parsed->compression};
    return image_variant_make(&output->variant, from, &options, to, err);
}

static int write_outputs(struct build_job *job, const struct built_image *original,
                         const char *base, struct error *err)
{
    for (size_t i = 0; i < job->parsed->output_count; i++) {
        const struct output *output = &job->parsed->outputs[i];
        struct built_image image;
        if (make_variant(job, output, original, &image, err))
            return -1;
        struct delivery d = {.common = job->common,
                             .pool = job->pool,
                             .image = &image,
                             .base = base,
                             .clamp = job->epoch};
        int code = output_write(output, &d, &job->summary.push, err);
        job->summary.pushed |= output->push;
        built_image_release(&image);
        if (code)
            return -1;
    }
    return 0;
}

/* Outputs' own names are the image's too. */
static void add_output_names(struct build_job *job)
{
    for (size_t i = 0; i < job->parsed->output_count; i++) {
        const struct output *output = &job->parsed->outputs[i];
        if (output->kind == OUTPUT_IMAGE && !output->push_by_digest)
            add_references(&output->names, &job->summary.image.references);
    }
}

static int deliver(struct build_job *job, const struct built_image *original, const char *base,
                   struct error *err)
{
    const struct build_values *v = job->values;
    int first = first_image_output(job);
    if (first >= 0) {
        built_image_release(&job->summary.image);
        if (make_variant(job, &job->parsed->outputs[first], original, &job->summary.image, err))
            return -1;
    }
    double start = build_seconds();
    if (name_in_store(job, err) || write_outputs(job, original, base, err) ||
        (v->push && build_push(job, base, err)))
        return -1;
    job->summary.push_seconds = build_seconds() - start;
    add_output_names(job);
    if ((v->iidfile && summary_write_iid(&job->summary, v->iidfile, err)) ||
        (v->metadata_file && summary_write_metadata(&job->summary, v->metadata_file, err)))
        return -1;
    return summary_write_ci(&job->summary, err);
}

int build_deliver(struct build_job *job, const char *base, struct error *err)
{
    struct built_image original;
    built_image_copy(&job->summary.image, &original);
    int code = deliver(job, &original, base, err);
    built_image_release(&original);
    return code;
}
