#include "session_split.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

struct split {
    struct session_image *images;
    size_t count, cap;
};

/* One more of the reference, for this platform. */
static int add(struct split *out, const struct session *s, const struct reference *ref,
               const struct digest *digest, const struct platform *platform, struct error *err)
{
    autofree char *text = reference_text(ref);
    struct session_image image = {.chosen = true, .platform = *platform};
    int failed = session_plan_image(&image, s->values, text, err);
    if (digest)
        image.reference.digest = *digest; /* a tag may move between one platform and the next */
    MEM_PUSH(out->images, out->count, out->cap) = image;
    return failed;
}

static int add_index(struct split *out, const struct session *s, const struct reference *ref,
                     const struct manifest *index, struct error *err)
{
    size_t before = out->count;
    for (size_t i = 0; i < index->item_count; i++) {
        const struct descriptor *d = &index->items[i];
        bool attestation = !strcmp(d->platform.os, "unknown") || !d->platform.os[0];
        if (d->has_platform && !attestation && add(out, s, ref, &index->digest, &d->platform, err))
            return -1;
    }
    if (out->count > before)
        return 0;
    autofree char *text = reference_text(ref);
    return error_set(err, ERROR_INPUT, "%s names no platform", text);
}

static int split(struct split *out, const struct session *s, const struct reference *ref,
                 const struct transport_options *transport, struct error *err)
{
    struct image_source *source;
    automanifest manifest = {.bytes = NULL};
    autoimage image = {.config = NULL};
    if (image_source_open(ref, transport, &source, err))
        return -1;
    int failed = image_source_manifest(source, &manifest, err);
    if (!failed && !manifest.is_index)
        failed = image_source_image_from(source, &manifest, NULL, true, &image, err);
    image_source_close(source);
    if (failed)
        return -1;
    return manifest.is_index ? add_index(out, s, ref, &manifest, err)
                             : add(out, s, ref, NULL, &image.platform, err);
}

int session_split(struct session *s, const struct transport_options *transport, struct error *err)
{
    struct split out = {.images = NULL};
    struct session all = *s;
    int failed = 0;
    for (size_t i = 0; i < s->count && !failed; i++)
        failed = split(&out, s, &s->images[i].reference, transport, err);
    s->images = out.images;
    s->count = out.count;
    session_release(&all);
    return failed;
}
