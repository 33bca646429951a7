#include "output.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void output_release(struct output *out)
{
    free(out->dest);
    free(out->name);
    *out = (struct output){.dest = NULL};
}

static int set_type(struct output *out, const char *value, struct error *err)
{
    if (!strcmp(value, "oci"))
        out->kind = OUTPUT_OCI;
    else if (!strcmp(value, "docker"))
        out->kind = OUTPUT_DOCKER;
    else if (!strcmp(value, "registry") || !strcmp(value, "image"))
        out->kind = OUTPUT_REGISTRY;
    else if (!strcmp(value, "local") || !strcmp(value, "tar"))
        return error_set(err, ERROR_USAGE, "--output type=%s is not supported yet", value);
    else
        return error_set(err, ERROR_USAGE, "--output type=%s: it is one of oci, docker, registry",
                         value);
    return 0;
}

static int set_key(struct output *out, bool *typed, const char *key, const char *value,
                   struct error *err)
{
    if (!strcmp(key, "type")) {
        *typed = true;
        return set_type(out, value, err);
    }
    if (!strcmp(key, "dest")) {
        free(out->dest);
        out->dest = mem_strdup(value);
    } else if (!strcmp(key, "name")) {
        free(out->name);
        out->name = mem_strdup(value);
    } else if (!strcmp(key, "tar") && (!strcmp(value, "true") || !strcmp(value, "false"))) {
        out->directory = !strcmp(value, "false");
    } else if (!(out->kind == OUTPUT_REGISTRY && !strcmp(key, "push") && !strcmp(value, "true"))) {
        return error_set(err, ERROR_USAGE, "--output: “%s=%s” is not supported yet", key, value);
    }
    return 0;
}

/* Found now rather than after a long build. */
static int check_dest(const char *dest, struct error *err)
{
    struct stat st;
    autofree char *dir = path_dir(dest);
    if (!strcmp(dest, "-"))
        return error_set(err, ERROR_USAGE, "--output dest=-: standard output is not supported yet");
    if (!stat(dir, &st) && S_ISDIR(st.st_mode))
        return 0;
    error_set(err, ERROR_MISSING, "--output dest=%s: there is no directory %s", dest, dir);
    return error_hint(err, "make it first: mkdir -p %s", dir);
}

int output_parse(const char *text, struct output *out, struct error *err)
{
    struct output parsed = {.dest = NULL};
    bool typed = false;
    autostrv fields = STRV_INIT;
    strv_split(&fields, text, ',');
    int result = 0;
    for (size_t i = 0; i < fields.count && !result; i++) {
        char *equals = strchr(fields.items[i], '=');
        if (!equals) {
            result =
                error_set(err, ERROR_USAGE, "--output %s: a directory is not supported yet", text);
            error_hint(err, "use type=oci,dest=FILE or type=docker,dest=FILE");
            break;
        }
        *equals = '\0';
        result = set_key(&parsed, &typed, fields.items[i], equals + 1, err);
    }
    if (!result && !typed)
        result = error_set(err, ERROR_USAGE, "--output %s: type= is missing", text);
    if (!result && parsed.kind != OUTPUT_REGISTRY && !parsed.dest)
        result = error_set(err, ERROR_USAGE, "--output %s: dest= is missing", text);
    if (!result && parsed.dest && !parsed.directory)
        result = check_dest(parsed.dest, err);
    if (result) {
        output_release(&parsed);
        return -1;
    }
    *out = parsed;
    return 0;
}

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
    if (output->kind != OUTPUT_DOCKER || platforms < 2)
        return 0;
    error_set(err, ERROR_USAGE, "a docker archive holds one platform, and this image has more");
    return error_hint(err, "choose one with --platform, or write an OCI archive");
}

static int write_file(const struct output *output, const struct common *common,
                      const struct built_image *image, struct error *err)
{
    autoreference target = {.transport = output->kind == OUTPUT_DOCKER ? REFERENCE_DOCKER_ARCHIVE
                                         : output->directory           ? REFERENCE_OCI_LAYOUT
                                                                       : REFERENCE_OCI_ARCHIVE,
                            .path = mem_strdup(output->dest)};
    autostrv own = STRV_INIT;
    struct push_result result;
    autofree struct push_child *children = mem_zalloc(image->platform_count, sizeof *children);
    struct place to = {.target = &target, .tags = &image->references};
    if (output->name) {
        strv_add(&own, output->name);
        to.tags = &own;
    } else {
        for (size_t i = 0; i < image->platform_count; i++)
            children[i] =
                (struct push_child){image->platforms[i].digest, &image->platforms[i].references};
        to.children = children;
        to.child_count = image->platform_count;
    }
    if (copy_from_store(common, &image->digest, &to, &result, err))
        return error_wrap(err, "write %s", output->dest);
    return 0;
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

int output_write(const struct output *output, const struct common *common,
                 const struct built_image *image, struct error *err)
{
    struct push_result total = {.blobs_uploaded = 0};
    if (output->kind != OUTPUT_REGISTRY)
        return write_file(output, common, image, err);
    struct built_image named = *image;
    autostrv names = STRV_INIT;
    if (output->name) {
        strv_split(&names, output->name, ',');
        named.references = names;
        named.platform_count = 0;
    }
    if (!named.references.count)
        return error_set(err, ERROR_USAGE, "--output type=registry needs name=REF, or -t REF");
    return output_push_image(common, &named, NULL, &total, err);
}
