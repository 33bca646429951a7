/* Images in a registry, to be written: OCI distribution-spec 1.1, "Push". */
#include "blob_upload.h"
#include "manifest_put.h"
#include "session.h"
#include "transport_ops.h"

#include <base/log.h>
#include <base/mem.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* An upload that a registry opened where it would not mount. */
struct open_upload {
    struct digest digest;
    struct url place;
};

struct registry_target {
    struct image_target target;
    struct session *session;
    pthread_mutex_t lock;
    struct open_upload *uploads; /* under lock */
    size_t upload_count, upload_cap;
};

static int target_has_blob(struct image_target *self, const struct descriptor *descriptor,
                           struct error *err)
{
    struct registry_target *t = (struct registry_target *)self;
    return blob_exists(t->session, &descriptor->digest, err);
}

static int target_mount_blob(struct image_target *self, const struct descriptor *descriptor,
                             const struct reference *from, struct error *err)
{
    struct registry_target *t = (struct registry_target *)self;
    struct open_upload upload = {.digest = descriptor->digest};
    int mounted = blob_mount(t->session, &descriptor->digest, from->repository, &upload.place, err);
    if (upload.place.text) {
        pthread_mutex_lock(&t->lock);
        MEM_PUSH(t->uploads, t->upload_count, t->upload_cap) = upload;
        pthread_mutex_unlock(&t->lock);
    }
    return mounted;
}

/* The upload that is open for this blob, if one is. */
static void take_upload(struct registry_target *t, const struct digest *digest, struct url *out)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->upload_count; i++)
        if (digest_equal(&t->uploads[i].digest, digest)) {
            *out = t->uploads[i].place;
            t->uploads[i] = t->uploads[--t->upload_count];
            break;
        }
    pthread_mutex_unlock(&t->lock);
}

static int target_put_blob(struct image_target *self, const struct descriptor *descriptor,
                           int (*open_blob)(void *context, struct source **out, struct error *err),
                           void *context, struct error *err)
{
    struct registry_target *t = (struct registry_target *)self;
    autourl upload = {0};
    take_upload(t, &descriptor->digest, &upload);
    return blob_upload(t->session, descriptor, &upload, open_blob, context, err);
}

static int target_put_manifest(struct image_target *self, const struct manifest *manifest,
                               const char *tag, struct error *err)
{
    struct registry_target *t = (struct registry_target *)self;
    return manifest_put(t->session, manifest, tag ? tag : manifest->digest.text, NULL, err);
}

static void target_close(struct image_target *self)
{
    struct registry_target *t = (struct registry_target *)self;
    session_free(t->session);
    for (size_t i = 0; i < t->upload_count; i++)
        url_release(&t->uploads[i].place);
    free(t->uploads);
    pthread_mutex_destroy(&t->lock);
    image_target_release(self);
    free(t);
}

static const struct image_target_ops target_ops = {
    .has_blob = target_has_blob,
    .mount_blob = target_mount_blob,
    .put_blob = target_put_blob,
    .put_manifest = target_put_manifest,
    .close = target_close,
};

int registry_target_open(const struct reference *ref, const struct transport_options *options,
                         struct image_target **out, struct error *err)
{
    struct registry_target *t = mem_zalloc(1, sizeof *t);
    image_target_init(&t->target, &target_ops, ref, options);
    pthread_mutex_init(&t->lock, NULL);
    if (session_new_push(ref, t->target.options, SESSION_PUSH, &t->session, err)) {
        target_close(&t->target);
        return -1;
    }
    *out = &t->target;
    return 0;
}
