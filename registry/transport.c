#include "transport_ops.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

enum { INDEX_DEPTH = 3 };

static const struct transport_options no_options;

void image_source_init(struct image_source *s, const struct image_source_ops *ops,
                       const struct reference *ref, const struct transport_options *options)
{
    s->ops = ops;
    s->options = options ? options : &no_options;
    reference_copy(ref, &s->ref);
}

void image_source_release(struct image_source *s)
{
    reference_release(&s->ref);
}

void image_target_init(struct image_target *t, const struct image_target_ops *ops,
                       const struct reference *ref, const struct transport_options *options)
{
    t->ops = ops;
    t->options = options ? options : &no_options;
    reference_copy(ref, &t->ref);
}

void image_target_release(struct image_target *t)
{
    reference_release(&t->ref);
}

static int no_directory(const struct reference *ref, struct error *err)
{
    error_set(err, ERROR_USAGE, "%s is a directory of files, not an image", ref->path);
    return error_hint(err, "an OCI image layout is named as oci:%s", ref->path);
}

int image_source_open(const struct reference *ref, const struct transport_options *options,
                      struct image_source **out, struct error *err)
{
    switch (ref->transport) {
    case REFERENCE_REGISTRY:
        return registry_source_open(ref, options, out, err);
    case REFERENCE_OCI_LAYOUT:
        return layout_source_open(ref, options, out, err);
    case REFERENCE_OCI_ARCHIVE:
    case REFERENCE_DOCKER_ARCHIVE:
        return archive_source_open(ref, options, out, err);
    case REFERENCE_DIRECTORY:
        break;
    }
    return no_directory(ref, err);
}

void image_source_close(struct image_source *source)
{
    if (source)
        source->ops->close(source);
}

static int check_named(struct image_source *source, const char *where, struct manifest *m,
                       struct error *err)
{
    const struct digest *asked = &source->ref.digest;
    return digest_is_set(asked) ? manifest_check(m, asked, -1, where, err) : 0;
}

int image_source_manifest(struct image_source *source, struct manifest *out, struct error *err)
{
    automanifest m = {0};
    autofree char *where = reference_text(&source->ref);
    if (source->ops->manifest(source, &m, err) || check_named(source, where, &m, err))
        return -1;
    *out = m;
    m = (struct manifest){0};
    return 0;
}

int image_source_manifest_at(struct image_source *source, const struct descriptor *descriptor,
                             struct manifest *out, struct error *err)
{
    automanifest m = {0};
    autofree char *name = reference_name(&source->ref);
    autofree char *where = mem_printf("%s@%s", name, descriptor->digest.text);
    if (descriptor->size > IMAGE_MANIFEST_CAP)
        return error_set(err, ERROR_INPUT, "%s is larger than the %d bytes allowed", where,
                         IMAGE_MANIFEST_CAP);
    if (source->ops->manifest_at(source, descriptor, &m, err) ||
        manifest_check(&m, &descriptor->digest, descriptor->size, where, err))
        return -1;
    const char *type = descriptor->media_type;
    if (type && *type && strcmp(type, m.media_type) != 0)
        return error_set(err, ERROR_INPUT, "%s is %s, but its index says %s", where, m.media_type,
                         type);
    *out = m;
    m = (struct manifest){0};
    return 0;
}

int image_source_digest(struct image_source *source, struct digest *out, struct error *err)
{
    if (digest_is_set(&source->ref.digest)) {
        *out = source->ref.digest;
        return 0;
    }
    if (source->ops->digest)
        return source->ops->digest(source, out, err);
    automanifest m = {0};
    if (image_source_manifest(source, &m, err))
        return -1;
    *out = m.digest;
    return 0;
}

int image_source_blob(struct image_source *source, const struct descriptor *descriptor,
                      struct source **out, struct error *err)
{
    struct source *raw;
    if (source->ops->blob(source, descriptor, &raw, err))
        return -1;
    autofree char *what = mem_printf("blob %s", descriptor->digest.text);
    *out = source_verified(raw, &descriptor->digest, descriptor->size, what);
    return 0;
}

/* A small blob whole. */
static int read_config(struct image_source *source, const struct descriptor *descriptor,
                       const char *where, struct str *out, struct error *err)
{
    if (descriptor->size > IMAGE_CONFIG_CAP)
        return error_set(err, ERROR_INPUT, "%s: the config is larger than the %d bytes allowed",
                         where, IMAGE_CONFIG_CAP);
    autosource *blob = NULL;
    if (image_source_blob(source, descriptor, &blob, err))
        return error_wrap(err, "%s: config", where);
    char chunk[16384];
    ssize_t got;
    while ((got = source_read(blob, chunk, sizeof chunk, err)) > 0)
        str_add_bytes(out, chunk, (size_t)got); /* no more than the size: verified */
    return got < 0 ? error_wrap(err, "%s: config", where) : 0;
}

/* Follow indexes down to the platform's manifest. */
static int choose(struct image_source *source, const struct platform *wanted, const char *where,
                  struct manifest *m, struct error *err)
{
    for (int depth = 0; m->is_index; depth++) {
        const struct descriptor *chosen;
        automanifest next = {0};
        if (depth == INDEX_DEPTH)
            return error_set(err, ERROR_INPUT, "%s: indexes in indexes, too deep", where);
        if (manifest_select(m, wanted, where, &chosen, err) ||
            image_source_manifest_at(source, chosen, &next, err))
            return -1;
        manifest_release(m);
        *m = next;
        next = (struct manifest){0};
    }
    return 0;
}

static int check_platform(const struct image *image, const struct platform *wanted,
                          const char *where, struct error *err)
{
    char has[48], wants[48];
    if (!image->platform.arch[0] || platform_runs_on(&image->platform, wanted))
        return 0;
    error_set(err, ERROR_INPUT, "%s is for another architecture: %s, where %s is wanted", where,
              platform_text(&image->platform, '/', has), platform_text(wanted, '/', wants));
    return error_hint(err, "name an image that has %s, or ask for --platform %s", wants, has);
}

int image_source_image_from(struct image_source *source, const struct manifest *root,
                            const struct platform *wanted, bool any_platform, struct image *out,
                            struct error *err)
{
    struct platform host;
    platform_host(&host);
    if (!wanted)
        wanted = &host;
    automanifest m = {0};
    autostr config = STR_INIT;
    autoimage image = {0};
    autofree char *where = reference_text(&source->ref);
    manifest_copy(root, &m);
    if (choose(source, wanted, where, &m, err) ||
        read_config(source, &m.config, where, &config, err) ||
        image_assemble(&m, str_text(&config), config.len, where, &image, err))
        return -1;
    if (!any_platform && check_platform(&image, wanted, where, err))
        return -1;
    *out = image;
    image = (struct image){0};
    return 0;
}

int image_source_image(struct image_source *source, const struct platform *wanted,
                       bool any_platform, struct image *out, struct error *err)
{
    automanifest root = {0};
    return image_source_manifest(source, &root, err) ||
                   image_source_image_from(source, &root, wanted, any_platform, out, err)
               ? -1
               : 0;
}

int image_target_open(const struct reference *ref, const struct transport_options *options,
                      struct image_target **out, struct error *err)
{
    switch (ref->transport) {
    case REFERENCE_REGISTRY:
        return registry_target_open(ref, options, out, err);
    case REFERENCE_OCI_LAYOUT:
        return layout_target_open(ref, options, out, err);
    case REFERENCE_OCI_ARCHIVE:
    case REFERENCE_DOCKER_ARCHIVE:
        return archive_target_open(ref, options, out, err);
    case REFERENCE_DIRECTORY:
        break;
    }
    return no_directory(ref, err);
}

void image_target_close(struct image_target *target)
{
    if (target)
        target->ops->close(target);
}

int image_target_has_blob(struct image_target *target, const struct descriptor *descriptor,
                          struct error *err)
{
    return target->ops->has_blob ? target->ops->has_blob(target, descriptor, err) : 0;
}

int image_target_mount_blob(struct image_target *target, const struct descriptor *descriptor,
                            const struct reference *from, struct error *err)
{
    bool same_host = from && from->host && str_eq(from->host, target->ref.host);
    if (!target->ops->mount_blob || !same_host || str_eq(from->repository, target->ref.repository))
        return 0;
    return target->ops->mount_blob(target, descriptor, from, err);
}

int image_target_put_blob(struct image_target *target, const struct descriptor *descriptor,
                          int (*open_blob)(void *context, struct source **out, struct error *err),
                          void *context, struct error *err)
{
    return target->ops->put_blob(target, descriptor, open_blob, context, err);
}

int image_target_put_manifest(struct image_target *target, const struct manifest *manifest,
                              const char *tag, struct error *err)
{
    return target->ops->put_manifest(target, manifest, tag, err);
}

int image_target_finish(struct image_target *target, struct error *err)
{
    return target->ops->finish ? target->ops->finish(target, err) : 0;
}
