#include "pull.h"

#include "layout.h"
#include "layout_index.h"
#include "parallel.h"
#include "transfer.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

struct pull {
    struct image_source *source;
    const struct image *image;
    struct layer_sink *layers; /* or NULL */
    int layout_fd;             /* or -1 */
    struct transfer transfer;
    size_t *wanted; /* layers to see to, each once */
    size_t wanted_count;
};

static int open_layer(struct pull *p, const struct layer *layer, struct progress_task *task,
                      bool from_layout, struct source **out, struct error *err)
{
    struct descriptor d = {
        .media_type = (char *)layer->media_type, .digest = layer->digest, .size = layer->size};
    struct source *blob;
    if (from_layout ? layout_open_blob(p->layout_fd, &layer->digest, &blob, err)
                    : image_source_blob(p->source, &d, &blob, err))
        return -1;
    *out = transfer_source(&p->transfer, task, blob);
    return 0;
}

/* Fetch what is missing: into the layout, into the sink, or into both in one pass. */
static int fetch_layer(struct pull *p, const struct layer *layer, struct progress_task *task,
                       bool unpack, bool keep, struct error *err)
{
    autosource *blob = NULL;
    bool from_layout = p->layout_fd >= 0 && !keep;
    if (open_layer(p, layer, task, from_layout, &blob, err))
        return -1;
    autosink *copy = NULL;
    if (keep && layout_new_blob(p->layout_fd, &layer->digest, &copy, err))
        return -1;
    if (!unpack)
        return stream_copy(blob, copy, NULL, err) || sink_finish(copy, err) ? -1 : 0;
    if (!keep)
        return p->layers->unpack(p->layers, layer, blob, err);
    autosource *both = source_tee(take(&blob), take(&copy));
    return p->layers->unpack(p->layers, layer, both, err);
}

/* The layout's own blob may have been damaged since: then it is fetched anew, over it. */
static int unpack_kept(struct pull *p, const struct layer *layer, struct progress_task *task,
                       struct error *err)
{
    autoerror damaged = ERROR_INIT;
    if (!fetch_layer(p, layer, task, true, false, &damaged))
        return 0;
    if (damaged.kind != ERROR_INTEGRITY && damaged.kind != ERROR_INPUT)
        return error_move(err, &damaged);
    error_ignore(&damaged, "the kept blob is damaged, and is fetched anew");
    return fetch_layer(p, layer, task, true, true, err);
}

static int see_to_layer(struct pull *p, const struct layer *layer, struct progress_task *task,
                        bool unpack, bool keep, struct error *err)
{
    if (!unpack && !keep)
        return 0;
    bool kept = p->layout_fd >= 0 && !keep;
    return kept ? unpack_kept(p, layer, task, err) : fetch_layer(p, layer, task, unpack, keep, err);
}

static int pull_layer(void *context, size_t i, struct error *err)
{
    struct pull *p = context;
    const struct layer *layer = &p->image->layers[p->wanted[i]];
    bool unpack = p->layers && !p->layers->has(p->layers, layer);
    bool keep = p->layout_fd >= 0 && !layout_has_blob(p->layout_fd, &layer->digest, layer->size);
    struct progress_task *task =
        transfer_task(&p->transfer, "pull layer", &layer->digest, layer->size);
    int failed = see_to_layer(p, layer, task, unpack, keep, err);
    enum progress_end how = failed           ? PROGRESS_FAILED
                            : unpack || keep ? PROGRESS_DONE
                                             : PROGRESS_CACHED;
    if (task)
        progress_end(task, how, failed || unpack || keep ? NULL : "already there");
    if (!failed)
        return 0;
    atomic_store(&p->transfer.failed, true);
    return error_wrap(err, "layer %zu of %zu", p->wanted[i] + 1, p->image->layer_count);
}

static bool same_layer(const struct layer *a, const struct layer *b)
{
    return digest_equal(&a->digest, &b->digest) && digest_equal(&a->diff_id, &b->diff_id);
}

/* Images repeat layers, empty ones above all. */
static void list_layers(struct pull *p)
{
    const struct image *image = p->image;
    p->wanted = mem_zalloc(image->layer_count + 1, sizeof *p->wanted);
    for (size_t i = 0; i < image->layer_count; i++) {
        size_t j = 0;
        while (j < i && !same_layer(&image->layers[i], &image->layers[j]))
            j++;
        if (j == i)
            p->wanted[p->wanted_count++] = i;
    }
}

/* Everything succeeded: make the image visible in the layout. */
static int keep_image(const struct pull_options *o, const struct manifest *root,
                      const struct image *image, struct error *err)
{
    const struct digest *chosen_from = NULL;
    if (root->is_index) {
        chosen_from = &root->digest;
        if (layout_put_blob(o->keep_layout_fd, &root->digest, root->bytes, root->size, err))
            return -1;
    }
    if (layout_put_blob(o->keep_layout_fd, &image->manifest.config.digest, image->config_bytes,
                        image->config_size, err))
        return -1;
    return layout_put_chosen(o->keep_layout_fd, &image->manifest, o->keep_name, &image->platform,
                             chosen_from, err);
}

static int pull(struct image_source *source, const struct pull_options *o,
                struct layer_sink *layers, struct image *out, struct error *err)
{
    automanifest root = {0};
    autoimage image = {0};
    if (image_source_manifest(source, &root, err) ||
        image_source_image_from(source, &root, o->platform, o->any_platform, &image, err))
        return -1;
    struct pull p = {
        .source = source,
        .image = &image,
        .layers = layers,
        .layout_fd = o->keep_layout_fd,
        .transfer.progress = o->transport ? o->transport->progress : NULL,
    };
    list_layers(&p);
    unsigned jobs = o->transport ? o->transport->jobs : 0;
    int failed = layers || o->keep_layout_fd >= 0
                     ? parallel_run(p.wanted_count, jobs, pull_layer, &p, err)
                     : 0;
    free(p.wanted);
    if (failed || (o->keep_layout_fd >= 0 && keep_image(o, &root, &image, err)))
        return -1;
    *out = image;
    image = (struct image){0};
    return 0;
}

int image_pull(const struct reference *ref, const struct pull_options *options,
               struct layer_sink *layers, struct image *out, struct error *err)
{
    struct image_source *source;
    autofree char *name = reference_text(ref);
    if (image_source_open(ref, options->transport, &source, err))
        return error_wrap(err, "pull %s", name);
    int failed = pull(source, options, layers, out, err);
    image_source_close(source);
    if (failed && err && err->kind == ERROR_INTEGRITY)
        error_hint(err, "try again; if it stays so, the image is damaged where it lies: push it "
                        "there anew");
    else if (failed && err && err->kind == ERROR_INPUT)
        error_hint(err, "the image itself is at fault: make it and push it anew");
    return failed ? error_wrap(err, "pull %s", name) : 0;
}

/* 1 where the layout has the image of this digest, or one chosen from the index of it, under the
 * name. */
static int kept_is(int layout_fd, const char *name, const struct digest *digest, struct error *err)
{
    struct descriptor d;
    autoerror absent = ERROR_INIT;
    if (layout_find(layout_fd, name, &d, &absent)) {
        if (absent.kind != ERROR_MISSING)
            return error_move(err, &absent);
        error_ignore(&absent, "not kept");
        return 0;
    }
    const char *from = json_string_value(json_object_get(d.annotations, ANNOTATION_CHOSEN_FROM));
    int same = digest_equal(&d.digest, digest) || str_eq(from, digest->text);
    descriptor_release(&d);
    return same;
}

int image_kept(const struct reference *ref, const struct transport_options *options, int layout_fd,
               const char *name, struct error *err)
{
    struct image_source *source;
    struct digest digest;
    if (image_source_open(ref, options, &source, err))
        return -1;
    int failed = image_source_digest(source, &digest, err);
    image_source_close(source);
    return failed ? -1 : kept_is(layout_fd, name, &digest, err);
}
