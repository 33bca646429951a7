#include "artifact.h"

#include "blob_upload.h"
#include "manifest_put.h"
#include "referrers.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

#define MEDIA_EMPTY "application/vnd.oci.empty.v1+json"
#define ANNOTATION_TITLE "org.opencontainers.image.title"
#define ANNOTATION_CREATED "org.opencontainers.image.created"

static const struct transport_options no_options;

void artifacts_release(struct artifacts *list)
{
    for (size_t i = 0; i < list->count; i++) {
        descriptor_release(&list->items[i].manifest);
        free(list->items[i].type);
    }
    free(list->items);
    *list = (struct artifacts){0};
}

/* Bytes as what blob_upload opens. */
struct bytes {
    const void *data;
    size_t size;
};

static int open_bytes(void *context, struct source **out, struct error *err)
{
    const struct bytes *b = context;
    (void)err;
    *out = source_from_bytes(b->data, b->size);
    return 0;
}

static int put_bytes(struct session *s, const void *data, size_t size, struct error *err)
{
    struct bytes bytes = {data, size};
    struct descriptor d = {.size = (int64_t)size};
    struct url none = {0};
    digest_bytes(data, size, &d.digest);
    int there = blob_exists(s, &d.digest, err);
    if (there)
        return there < 0 ? -1 : 0;
    return blob_upload(s, &d, &none, open_bytes, &bytes, err);
}

static json_t *file_json(const struct artifact_file *file)
{
    struct digest digest;
    digest_bytes(file->bytes, file->size, &digest);
    return json_pack("{s:s, s:s, s:I, s:{s:o}}", "mediaType",
                     file->media_type ? file->media_type : "application/octet-stream", "digest",
                     digest.text, "size", (json_int_t)file->size, "annotations", ANNOTATION_TITLE,
                     json_from_text(file->name));
}

/* The same files give the same manifest. */
static int make(const struct manifest *subject, const char *type, const struct artifact_file *files,
                size_t n, struct manifest *out, struct error *err)
{
    struct digest empty;
    digest_bytes("{}", 2, &empty);
    json_t *layers = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(layers, file_json(&files[i]));
    autojson *json = json_pack("{s:i, s:s, s:o, s:{s:s, s:s, s:i, s:s}, s:o, s:{s:s, s:s, s:I}}",
                               "schemaVersion", 2, "mediaType", MEDIA_OCI_MANIFEST, "artifactType",
                               json_from_text(type), "config", "mediaType", MEDIA_EMPTY, "digest",
                               empty.text, "size", 2, "data", "e30=", "layers", layers, "subject",
                               "mediaType", subject->media_type, "digest", subject->digest.text,
                               "size", (json_int_t)subject->size);
    autofree char *text = json_text(json);
    return manifest_parse(text, strlen(text), MEDIA_OCI_MANIFEST, "the artifact", out, err);
}

static int put(struct session *s, const struct manifest *subject, const char *type,
               const struct artifact_file *files, size_t n, const struct manifest *m,
               struct error *err)
{
    bool listed = false;
    if (put_bytes(s, "{}", 2, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (put_bytes(s, files[i].bytes, files[i].size, err))
            return error_wrap(err, "%s", files[i].name);
    if (manifest_put(s, m, m->digest.text, &listed, err))
        return -1;
    struct artifact artifact = {
        .manifest = {.media_type = m->media_type, .digest = m->digest, .size = (int64_t)m->size},
        .type = (char *)type};
    return listed ? 0 : referrers_note(s, &subject->digest, &artifact, err);
}

/* What subject names, from its registry. */
static int find_subject(const struct reference *subject, const struct transport_options *options,
                        struct manifest *out, struct error *err)
{
    struct image_source *source;
    if (image_source_open(subject, options, &source, err))
        return -1;
    int failed = image_source_manifest(source, out, err);
    image_source_close(source);
    return failed;
}

static bool is_listed(const struct artifacts *list, const struct digest *digest)
{
    for (size_t i = 0; i < list->count; i++)
        if (digest_equal(&list->items[i].manifest.digest, digest))
            return true;
    return false;
}

int artifact_attach(const struct reference *subject, const char *type,
                    const struct artifact_file *files, size_t n,
                    const struct transport_options *options, struct digest *digest,
                    struct error *err)
{
    automanifest to = {0}, m = {0};
    autoartifacts there = {0};
    struct session *s;
    if (!options)
        options = &no_options;
    if (subject->transport != REFERENCE_REGISTRY)
        return error_set(err, ERROR_USAGE,
                         "artifacts are attached to images in registries, not in files");
    if (find_subject(subject, options, &to, err) || make(&to, type, files, n, &m, err) ||
        session_new_push(subject, options, SESSION_PUSH, &s, err))
        return -1;
    int failed = referrers_get(s, &to.digest, type, &there, err);
    if (!failed && !is_listed(&there, &m.digest))
        failed = put(s, &to, type, files, n, &m, err);
    session_free(s);
    if (failed) {
        autofree char *name = reference_text(subject);
        return error_wrap(err, "attach to %s", name);
    }
    if (digest)
        *digest = m.digest;
    return 0;
}

/* The list, and the session it came by, where there are any. */
static int list(const struct reference *subject, const char *type,
                const struct transport_options *options, struct artifacts *out, struct error *err)
{
    struct digest digest = subject->digest;
    struct image_source *source;
    struct session *s;
    if (!digest_is_set(&digest)) {
        if (image_source_open(subject, options, &source, err))
            return -1;
        int failed = image_source_digest(source, &digest, err);
        image_source_close(source);
        if (failed)
            return -1;
    }
    if (session_new_push(subject, options, SESSION_PULL, &s, err))
        return -1;
    int failed = referrers_get(s, &digest, type, out, err);
    session_free(s);
    return failed;
}

int artifact_list(const struct reference *subject, const char *type,
                  const struct transport_options *options, struct artifacts *out, struct error *err)
{
    autoartifacts found = {0};
    if (subject->transport == REFERENCE_REGISTRY &&
        list(subject, type, options ? options : &no_options, &found, err)) {
        autofree char *name = reference_text(subject);
        return error_wrap(err, "what is attached to %s", name);
    }
    *out = found;
    found = (struct artifacts){0};
    return 0;
}

static const char *created(const struct artifact *a)
{
    const char *text =
        json_string_value(json_object_get(a->manifest.annotations, ANNOTATION_CREATED));
    return text ? text : "";
}

static int read_file(struct image_source *source, const struct manifest *m, size_t cap,
                     struct str *out, struct error *err)
{
    autosource *blob = NULL;
    char chunk[16384];
    ssize_t got;
    if (m->is_index || !m->item_count)
        return error_set(err, ERROR_INPUT, "it has no files");
    if (m->items[0].size > (int64_t)cap)
        return error_set(err, ERROR_INPUT, "it is larger than the %zu bytes allowed", cap);
    if (image_source_blob(source, &m->items[0], &blob, err))
        return -1;
    while ((got = source_read(blob, chunk, sizeof chunk, err)) > 0)
        str_add_bytes(out, chunk, (size_t)got); /* no more than the size: verified */
    return got < 0 ? -1 : 0;
}

int artifact_find(const struct reference *subject, const char *type, size_t cap,
                  const struct transport_options *options, struct str *out, struct error *err)
{
    autoartifacts found = {0};
    automanifest m = {0};
    struct image_source *source;
    if (artifact_list(subject, type, options, &found, err))
        return -1;
    if (!found.count)
        return 0;
    const struct artifact *newest = &found.items[0];
    for (size_t i = 1; i < found.count; i++)
        if (strcmp(created(&found.items[i]), created(newest)) >= 0)
            newest = &found.items[i];
    if (image_source_open(subject, options, &source, err))
        return -1;
    int failed = image_source_manifest_at(source, &newest->manifest, &m, err) ||
                 read_file(source, &m, cap, out, err);
    image_source_close(source);
    return failed ? error_wrap(err, "artifact %s", newest->manifest.digest.text) : 1;
}
