/* OCI archives and docker archives as target. Both are the tar of an OCI layout; the second has a
 * manifest.json beside, as Docker writes since version 25, so that older readers load it too. */
#include "layout_index.h"
#include "pending_tags.h"
#include "tar_writer.h"
#include "transport_ops.h"

#include <base/mem.h>
#include <base/str.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct placed {
    struct digest digest;
    int64_t offset;
    bool filled;
};

struct archive_target {
    struct image_target target;
    struct tar_writer *tar;
    pthread_mutex_t lock; /* of blobs */
    struct placed *blobs;
    size_t count, cap;
    struct pending_tags pending;
};

static struct placed *find(const struct archive_target *t, const struct digest *digest)
{
    for (size_t i = 0; i < t->count; i++)
        if (digest_equal(&t->blobs[i].digest, digest))
            return &t->blobs[i];
    return NULL;
}

/* The blob's place, given once, however often it is tried. */
static int place(struct archive_target *t, const struct descriptor *d, int64_t *offset,
                 struct error *err)
{
    autofree char *name = layout_blob_name(&d->digest);
    int failed = 0;
    pthread_mutex_lock(&t->lock);
    const struct placed *there = find(t, &d->digest);
    if (there) {
        *offset = there->offset;
    } else {
        failed = tar_writer_place(t->tar, name, d->size, offset, err);
        if (!failed)
            MEM_PUSH(t->blobs, t->count, t->cap) = (struct placed){d->digest, *offset, false};
    }
    pthread_mutex_unlock(&t->lock);
    return failed;
}

static int target_expect(struct image_target *self, const struct descriptor *descriptor,
                         struct error *err)
{
    int64_t offset;
    return place((struct archive_target *)self, descriptor, &offset, err);
}

static int target_has(struct image_target *self, const struct descriptor *descriptor,
                      struct error *err)
{
    (void)err;
    struct archive_target *t = (struct archive_target *)self;
    pthread_mutex_lock(&t->lock);
    const struct placed *there = find(t, &descriptor->digest);
    bool filled = there && there->filled;
    pthread_mutex_unlock(&t->lock);
    return filled;
}

static void mark_filled(struct archive_target *t, const struct digest *digest)
{
    pthread_mutex_lock(&t->lock);
    struct placed *blob = find(t, digest);
    if (blob)
        blob->filled = true;
    pthread_mutex_unlock(&t->lock);
}

static int target_put(struct image_target *self, const struct descriptor *descriptor,
                      int (*open_blob)(void *context, struct source **out, struct error *err),
                      void *context, struct error *err)
{
    struct archive_target *t = (struct archive_target *)self;
    autosource *blob = NULL;
    int64_t offset;
    if (open_blob(context, &blob, err) || place(t, descriptor, &offset, err) ||
        tar_writer_fill(t->tar, offset, descriptor->size, blob, err))
        return -1;
    mark_filled(t, &descriptor->digest);
    return 0;
}

static int target_put_manifest(struct image_target *self, const struct manifest *manifest,
                               const char *tag, struct error *err)
{
    struct archive_target *t = (struct archive_target *)self;
    const struct descriptor d = {.digest = manifest->digest, .size = (int64_t)manifest->size};
    pending_tags_add(&t->pending, manifest, tag);
    if (target_has(self, &d, err))
        return 0;
    int64_t offset;
    autosource *bytes = source_from_bytes(manifest->bytes, manifest->size);
    if (place(t, &d, &offset, err) || tar_writer_fill(t->tar, offset, d.size, bytes, err))
        return -1;
    mark_filled(t, &d.digest);
    return 0;
}

/* The one image that docker can load of what was put; an index may wrap it. */
static const struct manifest *docker_image(const struct archive_target *t, const struct manifest *m)
{
    const struct manifest *only = m->is_index ? NULL : m;
    for (size_t i = 0; m->is_index && i < t->pending.count; i++) {
        const struct manifest *child = &t->pending.items[i].manifest;
        if (child->is_index || !str_starts(child->config.media_type, MEDIA_OCI_CONFIG) ||
            (child->item_count && strstr(child->items[0].media_type, "in-toto")))
            continue;
        if (only)
            return NULL;
        only = child;
    }
    return only;
}

struct listing {
    struct archive_target *target;
    json_t *index;  /* of index.json */
    json_t *images; /* of manifest.json */
};

/* "name" and "host/name:tag" as docker load knows them; NULL for what is no such name. */
static char *docker_name(const char *tag)
{
    autoerror err = ERROR_INIT;
    autoreference ref = {0};
    if (reference_parse(tag, false, &ref, &err) || ref.transport != REFERENCE_REGISTRY ||
        !ref.tag) {
        error_ignore(&err, "a plain tag names nothing by itself");
        return NULL;
    }
    const char *last = strrchr(tag, '/');
    bool tagged = strchr(last ? last : tag, ':');
    return mem_printf("%s%s", tag, tagged ? "" : ":latest");
}

static json_t *docker_entry(const struct manifest *image)
{
    autofree char *config = layout_blob_name(&image->config.digest);
    json_t *entry = json_object();
    json_t *layers = json_array();
    for (size_t i = 0; i < image->item_count; i++) {
        autofree char *layer = layout_blob_name(&image->items[i].digest);
        json_array_append_new(layers, json_string(layer));
    }
    json_object_set_new(entry, "Config", json_string(config));
    json_object_set_new(entry, "RepoTags", json_array());
    json_object_set_new(entry, "Layers", layers);
    return entry;
}

static int list_docker(struct listing *l, const struct pending_tag *entry, struct error *err)
{
    const struct manifest *image = docker_image(l->target, &entry->manifest);
    if (!image) {
        error_set(err, ERROR_USAGE, "a docker archive holds one platform, and this image has more");
        return error_hint(err, "choose one with --platform, or write an OCI archive");
    }
    if (!json_array_size(l->images)) /* all tags are of one image */
        json_array_append_new(l->images, docker_entry(image));
    autofree char *name = entry->tag ? docker_name(entry->tag) : NULL;
    if (name)
        json_array_append_new(json_object_get(json_array_get(l->images, 0), "RepoTags"),
                              json_string(name));
    return 0;
}

static int list_entry(void *context, const struct pending_tag *entry, struct error *err)
{
    struct listing *l = context;
    struct descriptor d;
    bool docker = l->target->target.ref.transport == REFERENCE_DOCKER_ARCHIVE;
    if (docker && list_docker(l, entry, err))
        return -1;
    layout_index_entry(&entry->manifest, entry->tag, NULL, NULL, &d);
    layout_index_put(l->index, &d);
    descriptor_release(&d);
    return 0;
}

static int put_json(struct archive_target *t, const char *name, const json_t *json,
                    struct error *err)
{
    autofree char *text = json_text(json);
    return tar_writer_put(t->tar, name, text, strlen(text), err);
}

static int target_finish(struct image_target *self, struct error *err)
{
    static const char mark[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    struct archive_target *t = (struct archive_target *)self;
    for (size_t i = 0; i < t->count; i++)
        if (!t->blobs[i].filled)
            return error_set(err, ERROR_INTERNAL, "%s: %s was never written", self->ref.path,
                             t->blobs[i].digest.text);
    autojson *index = layout_index_new();
    autojson *images = json_array();
    struct listing listing = {t, index, images};
    if (pending_tags_each(&t->pending, list_entry, &listing, err) ||
        put_json(t, "index.json", index, err) ||
        (json_array_size(images) && put_json(t, "manifest.json", images, err)) ||
        tar_writer_put(t->tar, "oci-layout", mark, sizeof mark - 1, err))
        return -1;
    return tar_writer_finish(t->tar, err);
}

static void target_close(struct image_target *self)
{
    struct archive_target *t = (struct archive_target *)self;
    tar_writer_close(t->tar);
    pthread_mutex_destroy(&t->lock);
    free(t->blobs);
    pending_tags_release(&t->pending);
    image_target_release(self);
    free(t);
}

static const struct image_target_ops target_ops = {
    .expect_blob = target_expect,
    .has_blob = target_has,
    .put_blob = target_put,
    .put_manifest = target_put_manifest,
    .finish = target_finish,
    .close = target_close,
};

int archive_target_open(const struct reference *ref, const struct transport_options *options,
                        struct image_target **out, struct error *err)
{
    struct tar_writer *tar;
    if (tar_writer_new(ref->path, &tar, err))
        return -1;
    struct archive_target *t = mem_zalloc(1, sizeof *t);
    image_target_init(&t->target, &target_ops, ref, options);
    t->tar = tar;
    pthread_mutex_init(&t->lock, NULL);
    *out = &t->target;
    return 0;
}
