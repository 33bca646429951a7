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

static int copy_from_store(const struct common *common, const struct digest *digest,
                           const struct reference *target, const struct strv *tags,
                           const char *base, struct push_result *result, struct error *err)
{
    autoreference from = {.transport = REFERENCE_OCI_LAYOUT};
    autoreference base_ref = {.transport = REFERENCE_REGISTRY};
    struct image_source *source = NULL;
    common_store_reference(common, digest, &from);
    autoerror ignored = ERROR_INIT;
    bool mount = base && !reference_parse(base, false, &base_ref, &ignored);
    if (image_source_open(&from, &common->transport, &source, err))
        return -1;
    struct push_options options = {.transport = &common->transport,
                                   .mount_from = mount ? &base_ref : NULL};
    int code = image_copy(source, target, tags, true, &options, result, err);
    image_source_close(source);
    return code;
}

int output_push(const struct common *common, const struct digest *digest, const char *repository,
                const struct strv *tags, const char *base, struct push_result *result,
                struct error *err)
{
    autoreference target = {.transport = REFERENCE_REGISTRY};
    if (reference_parse(repository, false, &target, err))
        return -1;
    if (copy_from_store(common, digest, &target, tags, base, result, err))
        return error_wrap(err, "push %s", repository);
    return 0;
}

static int write_file(const struct output *output, const struct common *common,
                      const struct digest *digest, const struct strv *references, struct error *err)
{
    autoreference target = {.transport = output->kind == OUTPUT_DOCKER ? REFERENCE_DOCKER_ARCHIVE
                                         : output->directory           ? REFERENCE_OCI_LAYOUT
                                                                       : REFERENCE_OCI_ARCHIVE,
                            .path = mem_strdup(output->dest)};
    autostrv names = STRV_INIT;
    struct push_result result;
    if (output->name)
        strv_add(&names, output->name);
    else
        strv_add_all(&names, references);
    if (copy_from_store(common, digest, &target, &names, NULL, &result, err))
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

/* The tags that names has for a repository; the names are emptied that did their part. */
static int take_tags(struct strv *names, size_t first, char **repository, struct strv *tags,
                     struct error *err)
{
    for (size_t i = first; i < names->count; i++) {
        autoreference ref = {.transport = REFERENCE_REGISTRY};
        if (!*names->items[i])
            continue;
        if (reference_parse(names->items[i], false, &ref, err))
            return -1;
        autofree char *own = reference_name(&ref);
        if (*repository && strcmp(own, *repository) != 0)
            continue;
        const char *tag = ref.tag ? ref.tag : "latest";
        if (!strv_contains(tags, tag))
            strv_add(tags, tag);
        if (!*repository)
            *repository = take(&own);
        *names->items[i] = '\0';
    }
    return 0;
}

/* Push full names, all tags of a repository at one upload. */
static int push_names(const struct common *common, const struct digest *digest, struct strv *names,
                      const char *base, struct push_result *total, struct error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        autofree char *repository = NULL;
        autostrv tags = STRV_INIT;
        struct push_result one;
        if (!*names->items[i])
            continue;
        if (take_tags(names, i, &repository, &tags, err) ||
            output_push(common, digest, repository, &tags, base, &one, err))
            return -1;
        add_result(total, &one);
    }
    return 0;
}

int output_push_names(const struct common *common, const struct digest *digest,
                      const struct strv *names, const char *base, struct push_result *total,
                      struct error *err)
{
    autostrv left = STRV_INIT;
    strv_add_all(&left, names);
    return push_names(common, digest, &left, base, total, err);
}

int output_write(const struct output *output, const struct common *common,
                 const struct digest *digest, const struct strv *references, struct error *err)
{
    if (output->kind != OUTPUT_REGISTRY)
        return write_file(output, common, digest, references, err);
    autostrv names = STRV_INIT;
    struct push_result total = {.blobs_uploaded = 0};
    if (output->name)
        strv_split(&names, output->name, ',');
    else
        strv_add_all(&names, references);
    if (!names.count)
        return error_set(err, ERROR_USAGE, "--output type=registry needs name=REF, or -t REF");
    return push_names(common, digest, &names, NULL, &total, err);
}
