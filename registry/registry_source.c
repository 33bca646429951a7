/* Images in a registry, to be read: OCI distribution-spec 1.1, "Pull". */
#include "blob_download.h"
#include "registries.h"
#include "session.h"
#include "transport_ops.h"

#include <base/log.h>
#include <base/mem.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPT                                                                                     \
    MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_INDEX ", " MEDIA_DOCKER_MANIFEST

/* The image is asked for at one place after the other; all else comes from where it was found. */
struct registry_source {
    struct image_source source;
    struct registry_place *places; /* mirrors first, the registry itself last */
    size_t place_count;
    pthread_mutex_t lock;
    size_t at;               /* under lock: the place in use */
    struct session *session; /* under lock: with that place; NULL: none yet */
};

/* The session with the place in use. */
static int session_of(struct registry_source *s, struct session **out, struct error *err)
{
    pthread_mutex_lock(&s->lock);
    const struct registry_place *place = &s->places[s->at];
    int failed = s->session ? 0
                            : session_new(&place->ref, s->source.options, SESSION_PULL,
                                          place->insecure, &s->session, err);
    *out = s->session;
    pthread_mutex_unlock(&s->lock);
    return failed;
}

/* A mirror failed: go on to the next place. False where it was the last, or nobody wants more. */
static bool next_place(struct registry_source *s, struct error *problem)
{
    const struct registry_place *place = &s->places[s->at];
    if (s->at + 1 == s->place_count || problem->kind == ERROR_INTERRUPTED)
        return false;
    log_warning("the mirror %s is passed over: %s", place->ref.host, problem->message);
    error_ignore(problem, "the next place is tried");
    pthread_mutex_lock(&s->lock);
    session_free(s->session);
    s->session = NULL;
    s->at++;
    pthread_mutex_unlock(&s->lock);
    return true;
}

static int open_manifest(struct session *s, const char *method, const char *reference,
                         struct http_exchange **out, struct error *err)
{
    autofree char *path = mem_printf("%s/manifests/%s", session_repository(s), reference);
    autofree char *what = mem_printf("manifest %s", reference);
    struct session_request request = {.method = method, .path = path, .accept = ACCEPT};
    autoexchange *x = NULL;
    if (session_send(s, &request, &x, err))
        return -1;
    if (http_status(x) != 200)
        return session_refused(s, x, what, err);
    *out = take(&x);
    return 0;
}

/* "application/json; charset=utf-8" -> "application/json" */
static char *media_type(const struct http_exchange *x)
{
    const char *header = http_header(x, "Content-Type");
    if (!header)
        return NULL;
    char *type = mem_strdup(header);
    type[strcspn(type, "; \t")] = '\0';
    return type;
}

/* What the registry sends for a tag is compared with what it says it sends. */
static int check_header(const struct http_exchange *x, const struct str *body, const char *where,
                        struct error *err)
{
    const char *header = http_header(x, "Docker-Content-Digest");
    struct digest said;
    autoerror nonsense = ERROR_INIT;
    if (!header)
        return 0;
    if (!digest_parse(header, &said, &nonsense))
        return manifest_verify(str_text(body), body->len, &said, -1, where, err);
    error_ignore(&nonsense, "as if there was no header");
    return 0;
}

/* wanted: NULL for a tag. */
static int read_manifest(struct registry_source *s, const char *reference,
                         const struct digest *wanted, struct manifest *out, struct error *err)
{
    autoexchange *x = NULL;
    autostr body = STR_INIT;
    struct session *session;
    autofree char *name = reference_name(&s->source.ref);
    autofree char *where = mem_printf("%s%c%s", name, wanted ? '@' : ':', reference);
    if (session_of(s, &session, err) || open_manifest(session, "GET", reference, &x, err) ||
        http_read_all(x, IMAGE_MANIFEST_CAP, "the manifest", &body, err))
        return -1;
    if (wanted ? manifest_verify(str_text(&body), body.len, wanted, -1, where, err)
               : check_header(x, &body, where, err))
        return -1;
    autofree char *type = media_type(x);
    return manifest_parse(str_text(&body), body.len, type, where, out, err);
}

/* By digest where there is one, else by tag. */
static const char *reference_of(const struct image_source *s)
{
    if (digest_is_set(&s->ref.digest))
        return s->ref.digest.text;
    return s->ref.tag ? s->ref.tag : "latest";
}

static int source_manifest(struct image_source *self, struct manifest *out, struct error *err)
{
    struct registry_source *s = (struct registry_source *)self;
    const struct digest *wanted = digest_is_set(&self->ref.digest) ? &self->ref.digest : NULL;
    for (;;) {
        autoerror problem = ERROR_INIT;
        if (!read_manifest(s, reference_of(self), wanted, out, &problem))
            return 0;
        if (!next_place(s, &problem))
            return error_move(err, &problem);
    }
}

static int source_manifest_at(struct image_source *self, const struct descriptor *descriptor,
                              struct manifest *out, struct error *err)
{
    return read_manifest((struct registry_source *)self, descriptor->digest.text,
                         &descriptor->digest, out, err);
}

/* The header is only compared with what was verified when it was fetched; where it is missing or
 * nonsense the manifest itself tells. A HEAD that is refused has no reason in it, a GET has. */
static int source_digest(struct image_source *self, struct digest *out, struct error *err)
{
    struct registry_source *s = (struct registry_source *)self;
    autoexchange *x = NULL;
    autoerror bad = ERROR_INIT;
    struct session *session;
    if (!session_of(s, &session, &bad) &&
        !open_manifest(session, "HEAD", reference_of(self), &x, &bad)) {
        const char *header = http_header(x, "Docker-Content-Digest");
        if (header && !digest_parse(header, out, &bad))
            return 0;
    } else if (bad.kind == ERROR_INTERRUPTED) {
        return error_move(err, &bad);
    }
    error_ignore(&bad, "the manifest itself is asked for");
    automanifest m = {0};
    if (source_manifest(self, &m, err))
        return -1;
    *out = m.digest;
    return 0;
}

static int source_blob(struct image_source *self, const struct descriptor *descriptor,
                       struct source **out, struct error *err)
{
    struct session *session;
    return session_of((struct registry_source *)self, &session, err) ||
                   blob_download(session, descriptor, out, err)
               ? -1
               : 0;
}

static void source_close_registry(struct image_source *self)
{
    struct registry_source *s = (struct registry_source *)self;
    session_free(s->session);
    registry_places_free(s->places, s->place_count);
    pthread_mutex_destroy(&s->lock);
    image_source_release(self);
    free(s);
}

static const struct image_source_ops source_ops = {
    .manifest = source_manifest,
    .manifest_at = source_manifest_at,
    .digest = source_digest,
    .blob = source_blob,
    .close = source_close_registry,
};

int registry_source_open(const struct reference *ref, const struct transport_options *options,
                         struct image_source **out, struct error *err)
{
    struct registry_source *s = mem_zalloc(1, sizeof *s);
    autoregistries *registries = registries_new();
    image_source_init(&s->source, &source_ops, ref, options);
    pthread_mutex_init(&s->lock, NULL);
    if (registries_load(registries, err) ||
        registries_places(registries, ref, &s->places, &s->place_count, err)) {
        source_close_registry(&s->source);
        return -1;
    }
    *out = &s->source;
    return 0;
}
