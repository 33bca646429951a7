/* What each transport implements; transport.c dispatches. Private to this folder.
 *
 * A transport's own struct embeds struct image_source or struct image_target as its first member.
 * Whatever transport.c checks (digests, sizes, media types) need not be checked again below it. */
#ifndef REGISTRY_TRANSPORT_OPS_H
#define REGISTRY_TRANSPORT_OPS_H

#include "transport.h"

struct image_source_ops {
    /* What the reference names, parsed with manifest_parse. transport.c then checks it against the
     * reference's digest. */
    int (*manifest)(struct image_source *self, struct manifest *out, struct error *err);
    /* The manifest that this digest is of; transport.c checks digest and size. */
    int (*manifest_at)(struct image_source *self, const struct descriptor *descriptor,
                       struct manifest *out, struct error *err);
    /* The digest of what the reference names, as cheaply as can be (HEAD); NULL: transport.c reads
     * the manifest instead. */
    int (*digest)(struct image_source *self, struct digest *out, struct error *err);
    /* The blob's raw bytes: transport.c wraps them in source_verified. Called from several threads.
     */
    int (*blob)(struct image_source *self, const struct descriptor *descriptor, struct source **out,
                struct error *err);
    /* Frees self; calls image_source_release. */
    void (*close)(struct image_source *self);
};

struct image_target_ops {
    /* Told of every blob, in order and by one thread, before any is put; NULL: does not care. */
    int (*expect_blob)(struct image_target *self, const struct descriptor *descriptor,
                       struct error *err);
    /* NULL: never there. Called from several threads, as are the next two. */
    int (*has_blob)(struct image_target *self, const struct descriptor *descriptor,
                    struct error *err);
    /* NULL: never possible. from is on the same host. */
    int (*mount_blob)(struct image_target *self, const struct descriptor *descriptor,
                      const struct reference *from, struct error *err);
    /* The sources that open_blob gives verify themselves. */
    int (*put_blob)(struct image_target *self, const struct descriptor *descriptor,
                    int (*open_blob)(void *context, struct source **out, struct error *err),
                    void *context, struct error *err);
    /* tag NULL: by digest alone. A registry reads the tag back and compares the digest. */
    int (*put_manifest)(struct image_target *self, const struct manifest *manifest, const char *tag,
                        struct error *err);
    int (*finish)(struct image_target *self, struct error *err); /* NULL: nothing to do */
    /* Frees self; calls image_target_release. Without finish before, nothing remains visible. */
    void (*close)(struct image_target *self);
};

struct image_source {
    const struct image_source_ops *ops;
    struct reference ref;                    /* a copy */
    const struct transport_options *options; /* never NULL; the opener's, or empty ones */
};

struct image_target {
    const struct image_target_ops *ops;
    struct reference ref;
    const struct transport_options *options;
};

/* Fill and empty the embedded member. options may be NULL. */
void image_source_init(struct image_source *s, const struct image_source_ops *ops,
                       const struct reference *ref, const struct transport_options *options);
void image_source_release(struct image_source *s);
void image_target_init(struct image_target *t, const struct image_target_ops *ops,
                       const struct reference *ref, const struct transport_options *options);
void image_target_release(struct image_target *t);

/* One opener per transport; options may be NULL. Each gives an error of its own wording: the caller
 * does not wrap it. */
int registry_source_open(const struct reference *ref, const struct transport_options *options,
                         struct image_source **out, struct error *err);
int registry_target_open(const struct reference *ref, const struct transport_options *options,
                         struct image_target **out, struct error *err);
int layout_source_open(const struct reference *ref, const struct transport_options *options,
                       struct image_source **out, struct error *err);
int layout_target_open(const struct reference *ref, const struct transport_options *options,
                       struct image_target **out, struct error *err);
int archive_source_open(const struct reference *ref, const struct transport_options *options,
                        struct image_source **out, struct error *err);
int archive_target_open(const struct reference *ref, const struct transport_options *options,
                        struct image_target **out, struct error *err);

#endif
