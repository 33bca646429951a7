#include "image_variant.h"

#include "annotations.h"
#include "variant_layer.h"

#include <base/mem.h>
#include <registry/layout.h>
#include <registry/transport.h>

#include <stdlib.h>
#include <string.h>

void image_variant_release(struct image_variant *variant)
{
    strv_release(&variant->annotations);
    *variant = (struct image_variant){.force = false};
}

bool image_variant_annotate(struct image_variant *variant, const char *key, const char *value)
{
    static const char prefix[] = "annotation";
    const char *rest = key + strlen(prefix);
    if (!str_starts(key, prefix) || (*rest != '-' && *rest != '.'))
        return false;
    /* The platform may hold dots, so the name begins behind its bracket. */
    const char *bracket = *rest == '-' ? strchr(rest, ']') : NULL;
    const char *dot = strchr(bracket ? bracket : rest, '.');
    if (!dot || !dot[1])
        return false;
    int place = *rest == '-' ? (int)(dot - rest) - 1 : 0;
    strv_addf(&variant->annotations, "%.*s:%s=%s", place ? place : (int)strlen("manifest"),
              place ? rest + 1 : "manifest", dot + 1, value);
    return true;
}

/* The annotations of one place, over those that are there already. A new reference, or NULL. */
static json_t *annotations(const struct image_variant *v, enum annotation_place place,
                           const struct platform *platform, const json_t *before)
{
    json_t *own = annotations_for(&v->annotations, place, platform);
    if (!before)
        return own;
    json_t *out = json_deep_copy(before);
    json_object_update(out, own);
    json_decref(own);
    return out;
}

static int make_layers(const struct image_variant *v, const struct manifest *from, size_t base,
                       const struct variant_options *o, struct descriptor *out, struct error *err)
{
    for (size_t i = 0; i < from->item_count; i++) {
        const struct variant_wish wish = {.recompress = v->recompress && (v->force || i >= base),
                                          .compression = v->compression,
                                          .own = i >= base,
                                          .built = o->built,
                                          .docker_types = v->docker_types};
        if (variant_layer_make(&from->items[i], &wish, o->store, o->pool, &out[i], err))
            return -1;
    }
    return 0;
}

static int put(const struct variant_options *o, const struct manifest *m, struct error *err)
{
    return layout_put_bytes(store_oci_fd(o->store), m->bytes, m->size, NULL, err);
}

static void make_manifest(const struct image_variant *v, const struct image *image,
                          const struct descriptor *layers, struct manifest *out)
{
    const struct manifest *from = &image->manifest;
    struct descriptor config = from->config;
    if (v->docker_types)
        config.media_type = (char *)(uintptr_t)MEDIA_DOCKER_CONFIG;
    autojson *notes = annotations(v, ANNOTATION_MANIFEST, &image->platform, from->annotations);
    manifest_make(&config, layers, from->item_count, notes, v->docker_types, out);
}

/* One platform's manifest: digest and size of *platform change. */
static int make_platform(const struct image_variant *v, const struct variant_options *o,
                         struct built_platform *platform, struct manifest *out, struct error *err)
{
    autoimage image = {.config = NULL};
    if (image_load(store_oci_fd(o->store), platform->digest.text, NULL, &image, err))
        return -1;
    size_t n = image.manifest.item_count;
    autofree struct descriptor *layers = mem_zalloc(n, sizeof *layers);
    automanifest made = {.bytes = NULL};
    int code = make_layers(v, &image.manifest, platform->base_layers, o, layers, err);
    if (!code) {
        make_manifest(v, &image, layers, &made);
        code = put(o, &made, err);
        platform->digest = made.digest;
        platform->size = image.manifest.config.size;
        for (size_t i = 0; i < n; i++)
            platform->size += layers[i].size;
    }
    for (size_t i = 0; i < n; i++)
        descriptor_release(&layers[i]);
    if (code)
        return -1;
    *out = made;
    made = (struct manifest){.bytes = NULL};
    return 0;
}

static void set_root(struct built_image *image, const struct manifest *root)
{
    free(image->media_type);
    image->media_type = mem_strdup(root->media_type);
    image->digest = root->digest;
    image->descriptor_size = (int64_t)root->size;
}

/* The old index with other manifests in it. */
static int make_index(const struct image_variant *v, const struct variant_options *o,
                      const struct manifest *before, struct built_image *image, struct error *err)
{
    autofree struct descriptor *items = mem_zalloc(before->item_count, sizeof *items);
    int code = 0;
    for (size_t i = 0; i < before->item_count && !code; i++) {
        automanifest made = {.bytes = NULL};
        descriptor_copy(&before->items[i], &items[i]);
        if (i >= image->platform_count)
            continue;
        code = make_platform(v, o, &image->platforms[i], &made, err);
        if (code)
            break;
        free(items[i].media_type);
        items[i].media_type = mem_strdup(made.media_type);
        items[i].digest = made.digest;
        items[i].size = (int64_t)made.size;
        json_t *notes = annotations(v, ANNOTATION_DESCRIPTOR, &image->platforms[i].platform,
                                    items[i].annotations);
        json_decref(items[i].annotations);
        items[i].annotations = notes;
    }
    if (!code) {
        automanifest made = {.bytes = NULL};
        autojson *notes = annotations(v, ANNOTATION_INDEX, NULL, before->annotations);
        index_make(items, before->item_count, notes, v->docker_types, &made);
        code = put(o, &made, err);
        set_root(image, &made);
    }
    for (size_t i = 0; i < before->item_count; i++)
        descriptor_release(&items[i]);
    return code;
}

static int load_root(const struct variant_options *o, const struct digest *digest,
                     struct manifest *out, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_OCI_LAYOUT,
                         .path = mem_printf("%s/oci", store_path(o->store)),
                         .digest = *digest};
    struct transport_options transport = {.jobs = 0};
    struct image_source *source = NULL;
    if (image_source_open(&ref, &transport, &source, err))
        return -1;
    int code = image_source_manifest(source, out, err);
    image_source_close(source);
    return code;
}

static int check(const struct image_variant *v, bool index, struct error *err)
{
    if (v->docker_types && v->annotations.count)
        return error_set(err, ERROR_USAGE,
                         "annotations need OCI's media types, and oci-mediatypes=false was asked "
                         "for");
    return annotations_check(&v->annotations, index, err);
}

static int make(const struct image_variant *v, const struct variant_options *o,
                struct built_image *image, struct error *err)
{
    automanifest root = {.bytes = NULL};
    automanifest made = {.bytes = NULL};
    if (check(v, image->platform_count > 1, err))
        return -1;
    if (image->platform_count > 1)
        return load_root(o, &image->digest, &root, err) || make_index(v, o, &root, image, err) ? -1
                                                                                               : 0;
    if (make_platform(v, o, &image->platforms[0], &made, err))
        return -1;
    set_root(image, &made);
    return 0;
}

int image_variant_make(const struct image_variant *variant, const struct built_image *image,
                       const struct variant_options *options, struct built_image *out,
                       struct error *err)
{
    struct built_image made;
    built_image_copy(image, &made);
    if ((variant->recompress || variant->docker_types || variant->annotations.count) &&
        make(variant, options, &made, err)) {
        built_image_release(&made);
        return -1;
    }
    *out = made;
    return 0;
}
