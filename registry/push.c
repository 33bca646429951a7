#include "push.h"

#include "parallel.h"
#include "transfer.h"
#include "transport_ops.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { MANIFESTS_CAP = 1024, INDEX_DEPTH = 3 };

/* Everything that is to be stored: manifests, children before the index that names them, and every
 * blob once. */
struct copy {
    struct image_source *source;
    struct image_target *target;
    const struct push_options *options;
    struct manifest *manifests;
    size_t manifest_count, manifest_cap;
    const struct descriptor **blobs; /* pointing into the manifests */
    size_t blob_count, blob_cap;
    struct transfer transfer;
    _Atomic int64_t uploaded_bytes;
    atomic_size_t uploaded, present;
};

static void copy_release(struct copy *c)
{
    for (size_t i = 0; i < c->manifest_count; i++)
        manifest_release(&c->manifests[i]);
    free(c->manifests);
    free(c->blobs);
}

/* Adds m (moved) after all that it names. */
static int add_tree(struct copy *c, struct manifest *m, int depth, struct error *err)
{
    automanifest mine = *m;
    *m = (struct manifest){0};
    if (depth > INDEX_DEPTH)
        return error_set(err, ERROR_INPUT, "indexes in indexes, too deep");
    for (size_t i = 0; mine.is_index && i < mine.item_count; i++) {
        automanifest child = {0};
        if (image_source_manifest_at(c->source, &mine.items[i], &child, err) ||
            add_tree(c, &child, depth + 1, err))
            return -1;
    }
    if (c->manifest_count >= MANIFESTS_CAP)
        return error_set(err, ERROR_INPUT, "more than %d manifests", MANIFESTS_CAP);
    MEM_PUSH(c->manifests, c->manifest_count, c->manifest_cap) = mine;
    mine = (struct manifest){0};
    return 0;
}

static void add_blob(struct copy *c, const struct descriptor *d)
{
    for (size_t i = 0; i < c->blob_count; i++)
        if (digest_equal(&c->blobs[i]->digest, &d->digest))
            return;
    MEM_PUSH(c->blobs, c->blob_count, c->blob_cap) = d;
}

static int collect(struct copy *c, bool all_platforms, struct error *err)
{
    automanifest root = {0};
    if (image_source_manifest(c->source, &root, err))
        return -1;
    if (root.is_index && !all_platforms) {
        autoimage image = {0};
        if (image_source_image_from(c->source, &root, c->options->platform, false, &image, err))
            return -1;
        manifest_release(&root);
        root = image.manifest;
        image.manifest = (struct manifest){0};
    }
    if (add_tree(c, &root, 0, err))
        return -1;
    for (size_t i = 0; i < c->manifest_count; i++) {
        const struct manifest *m = &c->manifests[i];
        for (size_t j = 0; !m->is_index && j < m->item_count; j++)
            add_blob(c, &m->items[j]);
        if (!m->is_index)
            add_blob(c, &m->config);
    }
    return 0;
}

struct blob_copy {
    struct copy *copy;
    const struct descriptor *descriptor;
    struct progress_task *task;
};

static int open_blob(void *context, struct source **out, struct error *err)
{
    struct blob_copy *b = context;
    struct source *blob;
    if (image_source_blob(b->copy->source, b->descriptor, &blob, err))
        return -1;
    *out = transfer_source(&b->copy->transfer, b->task, blob);
    return 0;
}

/* Where the blob may be had without sending it. 1 done, 0 not, -1 error. */
static int mount(struct copy *c, const struct descriptor *d, struct error *err)
{
    const struct reference *places[] = {c->options->mount_from, &c->source->ref};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        int mounted = image_target_mount_blob(c->target, d, places[i], err);
        if (mounted)
            return mounted;
    }
    return 0;
}

static int store_blob(struct blob_copy *b, const char **detail, struct error *err)
{
    struct copy *c = b->copy;
    int there = image_target_has_blob(c->target, b->descriptor, err);
    *detail = "already there";
    if (!there) {
        there = mount(c, b->descriptor, err);
        *detail = "mounted from another repository";
    }
    if (there < 0)
        return -1;
    if (there) {
        atomic_fetch_add(&c->present, 1);
        return 0;
    }
    *detail = NULL;
    if (image_target_put_blob(c->target, b->descriptor, open_blob, b, err))
        return -1;
    atomic_fetch_add(&c->uploaded, 1);
    atomic_fetch_add(&c->uploaded_bytes, b->descriptor->size);
    return 0;
}

static int copy_blob(void *context, size_t i, struct error *err)
{
    struct copy *c = context;
    struct blob_copy b = {.copy = c, .descriptor = c->blobs[i]};
    b.task = transfer_task(&c->transfer, "push", &b.descriptor->digest, b.descriptor->size);
    const char *detail = NULL;
    int failed = store_blob(&b, &detail, err);
    if (b.task)
        progress_end(b.task,
                     failed   ? PROGRESS_FAILED
                     : detail ? PROGRESS_CACHED
                              : PROGRESS_DONE,
                     failed ? NULL : detail);
    if (!failed)
        return 0;
    atomic_store(&c->transfer.failed, true);
    return error_wrap(err, "upload of %s", b.descriptor->digest.text);
}

/* 0 for most tags, 1 for latest-…, 2 for latest: what people follow moves last. */
static int tag_rank(const char *tag)
{
    return str_eq(tag, "latest") ? 2 : str_starts(tag, "latest-") ? 1 : 0;
}

static int put_tags(struct image_target *target, const struct manifest *m, const struct strv *tags,
                    struct error *err)
{
    for (int rank = 0; rank <= 2; rank++)
        for (size_t i = 0; i < tags->count; i++)
            if (tag_rank(tags->items[i]) == rank &&
                image_target_put_manifest(target, m, tags->items[i], err))
                return error_wrap(err, "tag %s", tags->items[i]);
    return 0;
}

static int put_named(struct copy *c, const struct manifest *m, const struct strv *tags,
                     struct error *err)
{
    if (tags && tags->count)
        return put_tags(c->target, m, tags, err);
    return image_target_put_manifest(c->target, m, NULL, err);
}

static const struct strv *tags_of_child(const struct copy *c, const struct manifest *m)
{
    for (size_t i = 0; i < c->options->child_count; i++)
        if (digest_equal(&c->options->children[i].digest, &m->digest))
            return c->options->children[i].tags;
    return NULL;
}

static int put_manifests(struct copy *c, const struct strv *tags, struct error *err)
{
    size_t last = c->manifest_count - 1;
    for (size_t i = 0; i < last; i++)
        if (put_named(c, &c->manifests[i], tags_of_child(c, &c->manifests[i]), err))
            return -1;
    return put_named(c, &c->manifests[last], tags, err);
}

static int check_tags(const struct reference *ref, const struct strv *tags, struct error *err)
{
    for (size_t i = 0; i < tags->count; i++)
        if (ref->transport == REFERENCE_REGISTRY && !reference_tag_valid(tags->items[i]))
            return error_set(err, ERROR_INPUT, "“%s” is not a tag", tags->items[i]);
    return 0;
}

/* All tags must be such before anything is sent. */
static int choose_tags(const struct reference *ref, const struct strv *given, struct strv *out,
                       struct error *err)
{
    if (given && given->count)
        strv_add_all(out, given);
    else if (ref->tag)
        strv_add(out, ref->tag);
    return check_tags(ref, out, err);
}

static int check_children(const struct copy *c, const struct reference *ref, struct error *err)
{
    for (size_t i = 0; i < c->options->child_count; i++)
        if (check_tags(ref, c->options->children[i].tags, err))
            return -1;
    return 0;
}

static int check_root(const struct reference *ref, const struct manifest *root, struct error *err)
{
    if (digest_is_set(&ref->digest) && !digest_equal(&ref->digest, &root->digest))
        return error_set(err, ERROR_INPUT, "the image has the digest %s, not the one asked for",
                         root->digest.text);
    return 0;
}

/* So that an archive has its members in the same order every time. */
static int announce(struct copy *c, struct error *err)
{
    const struct image_target_ops *ops = c->target->ops;
    for (size_t i = 0; ops->expect_blob && i < c->blob_count; i++)
        if (ops->expect_blob(c->target, c->blobs[i], err))
            return -1;
    return 0;
}

static int run_copy(struct copy *c, const struct reference *ref, const struct strv *tags,
                    bool all_platforms, struct error *err)
{
    autostrv chosen = STRV_INIT;
    if (choose_tags(ref, tags, &chosen, err) || check_children(c, ref, err) ||
        collect(c, all_platforms, err) ||
        check_root(ref, &c->manifests[c->manifest_count - 1], err))
        return -1;
    const struct transport_options *transport = c->options->transport;
    if (image_target_open(ref, transport, &c->target, err))
        return -1;
    int failed =
        announce(c, err) ||
                parallel_run(c->blob_count, transport ? transport->jobs : 0, copy_blob, c, err) ||
                put_manifests(c, &chosen, err) || image_target_finish(c->target, err)
            ? -1
            : 0;
    image_target_close(c->target);
    return failed;
}

int image_copy(struct image_source *source, const struct reference *target_ref,
               const struct strv *tags, bool all_platforms, const struct push_options *options,
               struct push_result *out, struct error *err)
{
    struct copy c = {
        .source = source,
        .options = options,
        .transfer.progress = options->transport ? options->transport->progress : NULL,
    };
    int failed = run_copy(&c, target_ref, tags, all_platforms, err);
    if (failed) {
        autofree char *name = reference_text(target_ref);
        error_wrap(err, "push %s", name);
    } else if (out) {
        *out = (struct push_result){
            .digest = c.manifests[c.manifest_count - 1].digest,
            .uploaded_bytes = c.uploaded_bytes,
            .blobs_uploaded = c.uploaded,
            .blobs_present = c.present,
        };
    }
    copy_release(&c);
    return failed;
}

int image_tag(const struct reference *target_ref, const struct manifest *manifest,
              const struct strv *tags, const struct push_options *options, struct error *err)
{
    struct image_target *target;
    autostrv chosen = STRV_INIT;
    if (choose_tags(target_ref, tags, &chosen, err) ||
        image_target_open(target_ref, options->transport, &target, err))
        return -1;
    int failed =
        put_tags(target, manifest, &chosen, err) || image_target_finish(target, err) ? -1 : 0;
    image_target_close(target);
    if (!failed)
        return 0;
    autofree char *name = reference_name(target_ref);
    return error_wrap(err, "tag %s", name);
}
