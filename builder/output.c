#include "output.h"

#include "docker_load.h"

#include <base/io.h>
#include <base/mem.h>
#include <registry/layout.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where an image goes, and as what. */
struct place {
    const struct reference *target;
    const struct strv *tags;
    const struct push_child *children;
    size_t child_count;
    const char *base; /* or NULL */
};

static int copy_from_store(const struct common *common, const struct digest *digest,
                           const struct place *to, struct push_result *result, struct error *err)
{
    autoreference from = {.transport = REFERENCE_OCI_LAYOUT};
    autoreference base_ref = {.transport = REFERENCE_REGISTRY};
    struct image_source *source = NULL;
    common_store_reference(common, digest, &from);
    autoerror ignored = ERROR_INIT;
    bool mount = to->base && !reference_parse(to->base, false, &base_ref, &ignored);
    if (image_source_open(&from, &common->transport, &source, err))
        return -1;
    struct push_options options = {.transport = &common->transport,
                                   .mount_from = mount ? &base_ref : NULL,
                                   .children = to->children,
                                   .child_count = to->child_count};
    int code = image_copy(source, to->target, to->tags, true, &options, result, err);
    image_source_close(source);
    return code;
}

static int push_to(const struct common *common, const struct digest *digest, const char *repository,
                   const struct place *how, struct push_result *result, struct error *err)
{
    autoreference target = {.transport = REFERENCE_REGISTRY};
    struct place to = *how;
    to.target = &target;
    if (reference_parse(repository, false, &target, err))
        return -1;
    if (!how->tags || !how->tags->count)
        free(take(&target.tag)); /* the parser's "latest", which nobody asked for */
    if (copy_from_store(common, digest, &to, result, err))
        return error_wrap(err, "push %s", repository);
    return 0;
}

int output_push(const struct common *common, const struct digest *digest, const char *repository,
                const struct strv *tags, const char *base, struct push_result *result,
                struct error *err)
{
    const struct place how = {.tags = tags, .base = base};
    return push_to(common, digest, repository, &how, result, err);
}

int output_check(const struct output *output, size_t platforms, struct error *err)
{
    if (platforms < 2)
        return 0;
    if (output->kind == OUTPUT_LOCAL || output->kind == OUTPUT_TAR)
        return output->split != EXPORT_SPLIT_NO
                   ? 0
                   : error_set(err, ERROR_USAGE,
                               "platform-split=false: the files of several platforms would "
                               "overwrite each other");
    if (output->kind != OUTPUT_DOCKER)
        return 0;
    error_set(err, ERROR_USAGE, "a docker archive holds one platform, and this image has more");
    return error_hint(err, "choose one with --platform, or write an OCI archive");
}

static int write_archive(const struct output *output, const struct delivery *d, const char *path,
                         struct error *err)
{
    const struct built_image *image = d->image;
    autoreference target = {.transport = output->kind == OUTPUT_DOCKER ? REFERENCE_DOCKER_ARCHIVE
                                         : output->directory           ? REFERENCE_OCI_LAYOUT
                                                                       : REFERENCE_OCI_ARCHIVE,
                            .path = mem_strdup(path)};
    struct push_result result;
    autofree struct push_child *children = mem_zalloc(image->platform_count, sizeof *children);
    struct place to = {.target = &target, .tags = &image->references};
    if (output->names.count) {
        to.tags = &output->names;
    } else {
        for (size_t i = 0; i < image->platform_count; i++)
            children[i] =
                (struct push_child){image->platforms[i].digest, &image->platforms[i].references};
        to.children = children;
        to.child_count = image->platform_count;
    }
    return copy_from_store(d->common, &image->digest, &to, &result, err);
}

static void add_result(struct push_result *total, const struct push_result *one)
{
    total->digest = one->digest;
    total->uploaded_bytes += one->uploaded_bytes;
    total->blobs_uploaded += one->blobs_uploaded;
    total->blobs_present += one->blobs_present;
}

/* The repository of a full name, and its tag; the caller frees both. */
static int split_name(const char *name, char **repository, char **tag, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    if (reference_parse(name, false, &ref, err))
        return -1;
    *repository = reference_name(&ref);
    *tag = mem_strdup(ref.tag ? ref.tag : "latest");
    return 0;
}

static int add_repositories(const struct strv *names, struct strv *out, struct error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        autofree char *repository = NULL, *tag = NULL;
        if (split_name(names->items[i], &repository, &tag, err))
            return -1;
        if (!strv_contains(out, repository))
            strv_add(out, repository);
    }
    return 0;
}

/* The tags that names has in this repository. */
static int tags_in(const struct strv *names, const char *wanted, struct strv *out,
                   struct error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        autofree char *repository = NULL, *tag = NULL;
        if (split_name(names->items[i], &repository, &tag, err))
            return -1;
        if (!strcmp(repository, wanted) && !strv_contains(out, tag))
            strv_add(out, tag);
    }
    return 0;
}

static int push_repository(const struct common *common, const struct built_image *image,
                           const char *repository, const char *base, struct push_result *total,
                           struct error *err)
{
    size_t n = image->platform_count;
    autostrv tags = STRV_INIT;
    autofree struct strv *own = mem_zalloc(n, sizeof *own);
    autofree struct push_child *children = mem_zalloc(n, sizeof *children);
    struct push_result result;
    int code = tags_in(&image->references, repository, &tags, err);
    for (size_t i = 0; i < n && !code; i++) {
        children[i] = (struct push_child){image->platforms[i].digest, &own[i]};
        code = tags_in(&image->platforms[i].references, repository, &own[i], err);
    }
    const struct place how = {.tags = &tags, .base = base, .children = children, .child_count = n};
    if (!code)
        code = push_to(common, &image->digest, repository, &how, &result, err);
    if (!code)
        add_result(total, &result);
    for (size_t i = 0; i < n; i++)
        strv_release(&own[i]);
    return code;
}

int output_push_image(const struct common *common, const struct built_image *image,
                      const char *base, struct push_result *total, struct error *err)
{
    autostrv repositories = STRV_INIT;
    if (add_repositories(&image->references, &repositories, err))
        return -1;
    for (size_t i = 0; i < image->platform_count; i++)
        if (add_repositories(&image->platforms[i].references, &repositories, err))
            return -1;
    for (size_t i = 0; i < repositories.count; i++)
        if (push_repository(common, image, repositories.items[i], base, total, err))
            return -1;
    return 0;
}

/* "name@digest" alone: a tag would be one more thing to agree on, and was not asked for. */
static int push_digests(const struct delivery *d, const struct strv *names,
                        struct push_result *total, struct error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        struct push_result one;
        if (reference_parse(names->items[i], false, &ref, err))
            return -1;
        autofree char *repository = reference_name(&ref);
        const char *last = strrchr(names->items[i], '/');
        if (strchr(last ? last : names->items[i], ':'))
            return error_set(err, ERROR_USAGE, "push-by-digest: %s has a tag", names->items[i]);
        if (output_push(d->common, &d->image->digest, repository, NULL, d->base, &one, err))
            return -1;
        add_result(total, &one);
    }
    return 0;
}

/* Under the names that the output itself gives. */
static int name_in_store(const struct delivery *d, const struct strv *names, struct error *err)
{
    automanifest manifest = {.bytes = NULL};
    if (common_store_manifest(d->common, &d->image->digest, &manifest, err))
        return -1;
    for (size_t i = 0; i < names->count; i++) {
        autoreference name = {.transport = REFERENCE_REGISTRY};
        if (reference_parse(names->items[i], false, &name, err))
            return -1;
        autofree char *full = reference_text(&name);
        if (layout_put_manifest(store_oci_fd(d->common->store), &manifest, full, NULL, err))
            return -1;
    }
    return 0;
}

static int write_image(const struct output *output, const struct delivery *d,
                       struct push_result *total, struct error *err)
{
    struct built_image named = *d->image;
    if (output->names.count) {
        named.references = output->names;
        named.platform_count = 0;
    }
    if (!output->push)
        return name_in_store(d, &output->names, err);
    if (!named.references.count)
        return error_set(err, ERROR_USAGE, "--output: a push needs name=REF, or -t REF");
    if (output->push_by_digest)
        return push_digests(d, &named.references, total, err);
    if (output->names.count && name_in_store(d, &output->names, err))
        return -1;
    return output_push_image(d->common, &named, d->base, total, err);
}

static int write_tar(const struct delivery *d, const struct export_options *options,
                     const char *path, struct error *err)
{
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "make %s", path);
    return export_root_tar(&d->image->digest, options, fd, err);
}

static int to_stdout(int fd, struct error *err)
{
    char buffer[65536];
    ssize_t n;
    while ((n = io_read(fd, buffer, sizeof buffer)) > 0)
        if (io_write(STDOUT_FILENO, buffer, (size_t)n))
            return error_errno(err, ERROR_HOST, "write to standard output");
    return n < 0 ? error_errno(err, ERROR_HOST, "read what was written") : 0;
}

/* By way of a file of the store: an archive is written at several places at once, and what fails
 * in the middle must not have begun to appear. */
static int write_beside(const struct output *output, const struct delivery *d,
                        const struct export_options *options, struct error *err)
{
    struct store *store = d->common->store;
    autofree char *name = store_tmp_name(store, "output");
    autofree char *path = mem_printf("/proc/self/fd/%d/%s", store_tmp_fd(store), name);
    int code = output->kind == OUTPUT_TAR ? write_tar(d, options, path, err)
                                          : write_archive(output, d, path, err);
    if (!code) {
        autoclose int fd = openat(store_tmp_fd(store), name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            code = error_errno(err, ERROR_HOST, "read what was written");
        else
            code = output->dest ? to_stdout(fd, err) : docker_load(fd, err);
    }
    unlinkat(store_tmp_fd(store), name, 0);
    return code;
}

/* A tar beside its place, renamed when it is whole. */
static int write_whole_tar(const struct output *output, const struct delivery *d,
                           const struct export_options *options, struct error *err)
{
    char random[17];
    io_random_name(random);
    autofree char *beside = mem_printf("%s.%s", output->dest, random);
    if (!write_tar(d, options, beside, err)) {
        if (!io_rename(AT_FDCWD, beside, AT_FDCWD, output->dest))
            return 0;
        error_errno(err, ERROR_HOST, "rename to its place");
    }
    unlink(beside);
    return -1;
}

int output_write(const struct output *output, const struct delivery *d, struct push_result *total,
                 struct error *err)
{
    struct export_options options = {.store = d->common->store,
                                     .pool = d->pool,
                                     .split = output->split,
                                     .delete_others = output->delete_others,
                                     .clamp = d->clamp};
    int code;
    if (output->kind == OUTPUT_IMAGE)
        code = write_image(output, d, total, err);
    else if (output_is_stdout(output) || !output->dest)
        code = write_beside(output, d, &options, err);
    else if (output->kind == OUTPUT_LOCAL)
        code = export_root_directory(&d->image->digest, &options, output->dest, err);
    else if (output->kind == OUTPUT_TAR)
        code = write_whole_tar(output, d, &options, err);
    else
        code = write_archive(output, d, output->dest, err);
    return code && output->dest ? error_wrap(err, "write %s", output->dest) : code;
}
