#include "join.h"

#include "annotations.h"

#include <base/mem.h>
#include <registry/transport.h>
#include <rootfs/layer_programs.h>

#include <stdlib.h>
#include <string.h>

/* One --from. */
struct part {
    const char *name; /* as it was given */
    struct image_source *source;
    struct manifest root;
};

struct join {
    const struct join_options *options;
    struct part *parts;
    size_t part_count;
    struct descriptor *items; /* of the index to be */
    size_t item_count, item_cap;
    json_t *annotations; /* what all manifests say alike; NULL: no manifest was seen */
};

static void join_release(struct join *j)
{
    for (size_t i = 0; i < j->part_count; i++) {
        if (j->parts[i].source)
            image_source_close(j->parts[i].source);
        manifest_release(&j->parts[i].root);
    }
    free(j->parts);
    for (size_t i = 0; i < j->item_count; i++)
        descriptor_release(&j->items[i]);
    free(j->items);
    json_decref(j->annotations);
}

/* ---- what an image's programs are for ---- */

struct programs {
    const struct arch *claimed;
    char *first; /* the first that is for another */
    const struct arch *other;
};

static bool see(void *context, const char *path, const struct arch *arch)
{
    struct programs *p = context;
    if (arch == p->claimed)
        return false;
    if (!p->first) {
        p->first = mem_strdup(path);
        p->other = arch;
    }
    return true;
}

/* Layers are read from the lowest on, and no further than to the first program that fits. An image
 * without programs fits any platform. */
static int check_programs(const struct part *part, const struct image *image, struct error *err)
{
    struct programs p = {.claimed = arch_find(image->platform.arch)};
    bool fits = !p.claimed;
    int code = 0;
    for (size_t i = 0; i < image->manifest.item_count && !fits && !code; i++) {
        autosource *blob = NULL;
        code = image_source_blob(part->source, &image->manifest.items[i], &blob, err) ||
                       layer_programs(blob, see, &p, &fits, err)
                   ? error_wrap(err, "%s: layer %zu", part->name, i + 1)
                   : 0;
    }
    char text[48];
    autofree char *first = p.first;
    if (code || fits || !first)
        return code;
    error_set(err, ERROR_INPUT, "%s claims to be for %s, but its programs are for %s: /%s",
              part->name, platform_text(&image->platform, '/', text), p.other->name,
              first + strspn(first, "./"));
    return error_hint(err,
                      "it was built on a base for another platform, or its config was changed "
                      "by hand: build it with --platform %s",
                      text);
}

/* ---- the parts ---- */

/* Keep of ours what theirs says alike. */
static void keep_common(json_t *ours, const json_t *theirs)
{
    void *next;
    const char *key;
    json_t *value;
    json_object_foreach_safe (ours, next, key, value) {
        if (!json_equal(json_object_get(theirs, key), value))
            json_object_del(ours, key);
    }
}

static void take_annotations(struct join *j, const struct manifest *manifest)
{
    if (!j->annotations)
        j->annotations = manifest->annotations ? json_copy(manifest->annotations) : json_object();
    else
        keep_common(j->annotations, manifest->annotations);
}

static int refuse_twice(const struct join *j, const struct part *part, const struct image *image,
                        struct error *err)
{
    char text[48];
    for (size_t i = 0; i < j->item_count; i++)
        if (j->items[i].has_platform && platform_equal(&j->items[i].platform, &image->platform))
            return error_set(err, ERROR_INPUT, "%s is for %s, as one before it is", part->name,
                             platform_text(&image->platform, '/', text));
    return 0;
}

static int add_image(struct join *j, const struct part *part, const struct image *image,
                     json_t *annotations, struct error *err)
{
    if (refuse_twice(j, part, image, err) || check_programs(part, image, err))
        return -1;
    const struct manifest *m = &image->manifest;
    MEM_PUSH(j->items, j->item_count, j->item_cap) =
        (struct descriptor){.media_type = mem_strdup(m->media_type),
                            .digest = m->digest,
                            .size = (int64_t)m->size,
                            .has_platform = true,
                            .platform = image->platform,
                            .annotations = json_incref(annotations)};
    take_annotations(j, m);
    return 0;
}

/* An index's images one by one; what it says of them (attestations) comes along. */
static int add_index(struct join *j, const struct part *part, struct error *err)
{
    for (size_t i = 0; i < part->root.item_count; i++) {
        const struct descriptor *d = &part->root.items[i];
        bool attestation = d->has_platform && !strcmp(d->platform.os, "unknown");
        if (attestation) {
            descriptor_copy(d, &MEM_PUSH(j->items, j->item_count, j->item_cap));
            continue;
        }
        automanifest manifest = {.bytes = NULL};
        autoimage image = {.config = NULL};
        if (image_source_manifest_at(part->source, d, &manifest, err) ||
            image_source_image_from(part->source, &manifest, NULL, true, &image, err) ||
            add_image(j, part, &image, d->annotations, err))
            return error_wrap(err, "%s", part->name);
    }
    return 0;
}

static int open_part(struct join *j, const char *name, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    struct part *part = &j->parts[j->part_count];
    part->name = name;
    if (reference_parse(name, false, &ref, err) ||
        image_source_open(&ref, j->options->transport, &part->source, err))
        return -1;
    j->part_count++;
    if (image_source_manifest(part->source, &part->root, err))
        return error_wrap(err, "--from %s", name);
    if (part->root.is_index)
        return add_index(j, part, err);
    autoimage image = {.config = NULL};
    if (image_source_image_from(part->source, &part->root, NULL, true, &image, err))
        return error_wrap(err, "--from %s", name);
    return add_image(j, part, &image, NULL, err);
}

/* ---- what is wanted ---- */

static bool is_wanted(const struct strv *wanted, const struct platform *platform, struct error *err)
{
    for (size_t i = 0; i < wanted->count; i++) {
        struct platform p;
        if (!platform_parse(wanted->items[i], &p, err) && platform_equal(&p, platform))
            return true;
    }
    return false;
}

static bool is_there(const struct join *j, const struct platform *platform)
{
    for (size_t i = 0; i < j->item_count; i++)
        if (j->items[i].has_platform && platform_equal(&j->items[i].platform, platform))
            return true;
    return false;
}

static int check_platforms(const struct join *j, struct error *err)
{
    autostrv wanted = STRV_INIT;
    char text[48];
    for (size_t i = 0; i < j->options->platforms->count; i++)
        strv_split(&wanted, j->options->platforms->items[i], ',');
    for (size_t i = 0; i < wanted.count; i++) {
        struct platform p;
        if (platform_parse(wanted.items[i], &p, err))
            return error_wrap(err, "--platform");
        if (!is_there(j, &p))
            return error_set(err, ERROR_MISSING, "none of the images is for %s",
                             platform_text(&p, '/', text));
    }
    for (size_t i = 0; wanted.count && i < j->item_count; i++) {
        const struct descriptor *d = &j->items[i];
        autoerror ignored = ERROR_INIT;
        if (d->has_platform && strcmp(d->platform.os, "unknown") != 0 &&
            !is_wanted(&wanted, &d->platform, &ignored))
            return error_set(err, ERROR_INPUT, "an image for %s was not asked for",
                             platform_text(&d->platform, '/', text));
    }
    return 0;
}

/* ---- writing ---- */

static int copy_parts(const struct join *j, struct error *err)
{
    const struct strv none = STRV_INIT;
    const struct push_options options = {.transport = j->options->transport};
    autoreference place = {.transport = REFERENCE_REGISTRY};
    reference_copy(j->options->target, &place);
    free(take(&place.tag));
    for (size_t i = 0; i < j->part_count; i++)
        if (image_copy(j->parts[i].source, &place, &none, true, &options, NULL, err))
            return error_wrap(err, "copy %s", j->parts[i].name);
    return 0;
}

static int write_index(const struct join *j, struct digest *digest, struct error *err)
{
    const struct join_options *o = j->options;
    autojson *annotations = json_copy(j->annotations);
    autojson *given = annotations_for(o->annotations, ANNOTATION_INDEX, NULL);
    if (given)
        json_object_update(annotations, given);
    automanifest index = {.bytes = NULL};
    index_make(j->items, j->item_count, annotations, false, &index);
    autostrv tags = STRV_INIT;
    strv_add(&tags, o->target->tag ? o->target->tag : "latest");
    strv_add_all(&tags, o->tags);
    const struct push_options options = {.transport = o->transport};
    if (image_tag(o->target, &index, &tags, &options, err))
        return -1;
    *digest = index.digest;
    return 0;
}

int images_join(const struct join_options *options, struct digest *digest, struct error *err)
{
    __attribute__((cleanup(join_release))) struct join j = {.options = options};
    j.parts = mem_zalloc(options->from->count, sizeof *j.parts);
    for (size_t i = 0; i < options->from->count; i++)
        if (open_part(&j, options->from->items[i], err))
            return -1;
    if (check_platforms(&j, err) || copy_parts(&j, err))
        return -1;
    return write_index(&j, digest, err);
}
