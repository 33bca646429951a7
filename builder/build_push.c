#include "build_push.h"

#include "build_deliver.h"
#include "build_verify.h"
#include "output.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>
#include <registry/artifact.h>

#include <fcntl.h>
#include <stdlib.h>

enum { CHECKS_CAP = 1024 * 1024 };

void build_add_repository(const char *name, struct strv *out)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    autoerror ignored = ERROR_INIT;
    if (reference_parse(name, false, &ref, &ignored)) {
        error_ignore(&ignored, "the plan was checked before");
        return;
    }
    autofree char *repository = reference_name(&ref);
    if (!strv_contains(out, repository))
        strv_add(out, repository);
}

void build_push_repositories(const struct build_job *job, struct strv *out)
{
    const struct build_plan *plan = &job->plan;
    if (plan->repository && plan->pushable)
        build_add_repository(plan->repository, out);
    for (size_t i = 0; i < plan->references.count; i++)
        build_add_repository(plan->references.items[i], out);
}

static int push_tags(struct build_job *job, const char *base, struct error *err)
{
    const struct build_plan *plan = &job->plan;
    bool repository = plan->repository && plan->pushable;
    struct built_image image;
    built_image_copy(&job->summary.image, &image);
    strv_release(&image.references);
    for (size_t i = 0; i < image.platform_count; i++)
        strv_release(&image.platforms[i].references);
    build_name_image(plan, repository, &image);
    int code = output_push_image(job->common, &image, base, &job->summary.push, err);
    built_image_release(&image);
    return code;
}

static int push_digest(struct build_job *job, const char *repository, const char *base,
                       struct error *err)
{
    static const struct strv no_tags = STRV_INIT;
    struct push_result result;
    if (output_push(job->common, &job->summary.image.digest, repository, &no_tags, base, &result,
                    err))
        return -1;
    job->summary.push.uploaded_bytes += result.uploaded_bytes;
    job->summary.push.blobs_uploaded += result.blobs_uploaded;
    return 0;
}

static int push_and_verify(struct build_job *job, const char *base, struct error *err)
{
    autostrv repositories = STRV_INIT;
    build_push_repositories(job, &repositories);
    for (size_t i = 0; i < repositories.count; i++)
        if (push_digest(job, repositories.items[i], base, err))
            return -1;
    return build_verify(job, &repositories, err);
}

/* What somebody whose token may write can push as it is. */
static int write_archive(struct build_job *job, const char *base, struct error *err)
{
    const struct strv *names = &job->summary.image.references;
    const char *name = job->plan.name;
    autofree char *file = mem_printf("%s.oci.tar", name ? name : "image");
    struct output output = {.kind = OUTPUT_OCI, .dest = file};
    struct delivery d = {.common = job->common,
                         .pool = job->pool,
                         .image = &job->summary.image,
                         .base = base,
                         .clamp = job->epoch};
    if (output_write(&output, &d, &job->summary.push, err))
        return error_wrap(err, "a pull request from a fork, which can't push");
    log_warning("a pull request from a fork can't push: the image is in %s", file);
    for (size_t i = 0; i < names->count; i++)
        log_warning("to push it: imgbuild copy oci-archive:%s %s", file, names->items[i]);
    return 0;
}

/* Beside the image, so that whoever has its name finds its checks. */
static int attach_checks(struct build_job *job, struct error *err)
{
    autostrv repositories = STRV_INIT;
    autostr text = STR_INIT;
    const char *path = job->plan.checks;
    if (io_read_file(AT_FDCWD, path, CHECKS_CAP, &text, err))
        return -1;
    const struct artifact_file file = {.name = path_base(path),
                                       .media_type = ARTIFACT_CHECKS_FILE,
                                       .bytes = str_text(&text),
                                       .size = text.len};
    build_push_repositories(job, &repositories);
    for (size_t i = 0; i < repositories.count; i++) {
        autoreference subject = {.transport = REFERENCE_REGISTRY};
        autofree char *name =
            mem_printf("%s@%s", repositories.items[i], job->summary.image.digest.text);
        if (reference_parse(name, false, &subject, err) ||
            artifact_attach(&subject, ARTIFACT_CHECKS, &file, 1, &job->common->transport, NULL,
                            err))
            return error_wrap(err, "attach %s", path);
    }
    return 0;
}

int build_push(struct build_job *job, const char *base, struct error *err)
{
    if (job->plan.fork)
        return write_archive(job, base, err);
    if ((job->values->verify && push_and_verify(job, base, err)) || push_tags(job, base, err) ||
        (job->values->attach_checks && attach_checks(job, err)))
        return -1;
    job->summary.pushed = true;
    return 0;
}
