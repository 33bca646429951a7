/* Images in a registry, to be written: OCI distribution-spec 1.1, "Push". */
#include "blob_upload.h"
#include "response_error.h"
#include "session.h"
#include "transport_ops.h"

#include <base/log.h>
#include <base/mem.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MANIFEST_TRIES = 3 };

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

/* Some registries know a blob a moment later than they took it. */
static bool passes(struct http_exchange *x)
{
    const char *body = http_error_body(x);
    return (http_status(x) == 400 || http_status(x) == 404) &&
           (response_has_code(body, "MANIFEST_BLOB_UNKNOWN") ||
            response_has_code(body, "BLOB_UNKNOWN"));
}

static int send_manifest(struct registry_target *t, const struct manifest *m, const char *reference,
                         const char *what, struct error *err)
{
    autofree char *path = mem_printf("%s/manifests/%s", session_repository(t->session), reference);
    struct session_request request = {.method = "PUT",
                                      .path = path,
                                      .content_type = m->media_type,
                                      .body = m->bytes,
                                      .body_size = (int64_t)m->size};
    for (unsigned tries = 1;; tries++) {
        autoexchange *x = NULL;
        if (session_send(t->session, &request, &x, err))
            return -1;
        if (http_status(x) == 201 || http_status(x) == 200)
            return 0;
        int again =
            passes(x) ? retry_wait(session_retry(t->session), tries, MANIFEST_TRIES, -1, err) : 0;
        if (again < 0)
            return -1;
        if (!again)
            return session_refused(t->session, x, what, err);
    }
}

/* What the registry now gives under this name: 1 the manifest that was put there, 0 something else
 * (problem says what), -1 error. Its bytes are hashed: a header would only repeat what we said. */
static int read_back(struct registry_target *t, const struct manifest *m, const char *reference,
                     const char *what, struct error *problem, struct error *err)
{
    autofree char *path = mem_printf("%s/manifests/%s", session_repository(t->session), reference);
    struct session_request request = {.method = "GET", .path = path, .accept = m->media_type};
    autoexchange *x = NULL;
    autostr body = STR_INIT;
    if (session_send(t->session, &request, &x, err))
        return -1;
    if (http_status(x) == 404) {
        session_refused(t->session, x, what, problem);
        return 0;
    }
    if (http_status(x) != 200)
        return session_refused(t->session, x, what, err);
    if (http_read_all(x, IMAGE_MANIFEST_CAP, what, &body, err))
        return -1;
    if (body.len == m->size && !memcmp(body.data, m->bytes, m->size))
        return 1;
    struct digest found;
    digest_bytes(str_text(&body), body.len, &found);
    error_set(problem, ERROR_INTEGRITY, "%s is %s in the registry after %s was put there", what,
              found.text, m->digest.text);
    error_hint(problem, "somebody else pushed there at the same time, or the registry changed it");
    return 0;
}

static int confirm(struct registry_target *t, const struct manifest *m, const char *reference,
                   const char *what, struct error *err)
{
    for (unsigned tries = 1;; tries++) {
        autoerror problem = ERROR_INIT;
        int same = read_back(t, m, reference, what, &problem, err);
        if (same)
            return same < 0 ? -1 : 0;
        int again = retry_wait(session_retry(t->session), tries, MANIFEST_TRIES, -1, err);
        if (again < 0)
            return -1;
        if (!again)
            return error_move(err, &problem);
    }
}

static int target_put_manifest(struct image_target *self, const struct manifest *manifest,
                               const char *tag, struct error *err)
{
    struct registry_target *t = (struct registry_target *)self;
    const char *reference = tag ? tag : manifest->digest.text;
    autofree char *what = mem_printf("manifest %s", reference);
    if (send_manifest(t, manifest, reference, what, err))
        return -1;
    return confirm(t, manifest, reference, what, err);
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
