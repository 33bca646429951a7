#include "blob_upload.h"

#include "chunked_upload.h"
#include "response_error.h"

#include <base/log.h>
#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { REDIRECTS = 5, CHUNK_MIN_CAP = 1 << 30 };

/* A refusal without a body gives no reason; the same asked with GET does. */
static int explain(struct session *s, const char *path, const char *what, struct error *err)
{
    struct session_request request = {.method = "GET", .path = path};
    autoexchange *x = NULL;
    if (session_send(s, &request, &x, err))
        return -1;
    if (http_status(x) == 200)
        return 1;
    return session_refused(s, x, what, err);
}

int blob_exists(struct session *s, const struct digest *digest, struct error *err)
{
    autofree char *path = mem_printf("%s/blobs/%s", session_repository(s), digest->text);
    autofree char *what = mem_printf("blob %s", digest->text);
    /* A redirect to where the bytes are is a yes; that place need not answer a HEAD. */
    struct session_request request = {.method = "HEAD", .path = path, .no_redirect = true};
    autoexchange *x = NULL;
    if (session_send(s, &request, &x, err))
        return -1;
    long status = http_status(x);
    if (status == 404)
        return 0;
    if (status >= 200 && status < 400)
        return 1;
    return explain(s, path, what, err);
}

int blob_mount(struct session *s, const struct digest *digest, const char *from_repository,
               struct url *upload, struct error *err)
{
    autofree char *path = mem_printf("%s/blobs/uploads/?mount=%s&from=%s", session_repository(s),
                                     digest->text, from_repository);
    autofree char *scope = mem_printf("%s repository:%s:pull", session_scope(s), from_repository);
    struct session_request request = {.method = "POST", .path = path, .scope = scope};
    autoexchange *x = NULL;
    autoerror bad = ERROR_INIT;
    if (session_send(s, &request, &x, &bad)) {
        if (bad.kind == ERROR_INTERRUPTED)
            return error_move(err, &bad);
        error_ignore(&bad, "what cannot be mounted is uploaded");
        return 0;
    }
    if (http_status(x) == 201)
        return 1;
    if (http_status(x) == 202 && session_location(x, upload, &bad))
        error_ignore(&bad, "another upload is opened");
    return 0;
}

struct upload {
    struct session *session;
    const struct descriptor *descriptor;
    int (*open_blob)(void *context, struct source **out, struct error *err);
    void *context;
    char *what;
    struct url place;  /* of the open upload; empty: none */
    int64_t chunk_min; /* what the registry asked for when it opened one */
    bool in_chunks;    /* in one piece it did not arrive */
    bool asked;        /* whether the registry has the blob in another repository */
};

/* Open an upload; the first time the registry is asked to look for the blob in its other
 * repositories too (distribution-spec 1.1, "Mounting a blob from another repository", without
 * from). 1: it had it, 0: the upload is open, -1 error. */
static int begin(struct upload *u, struct error *err)
{
    bool ask = !u->asked;
    autofree char *path = mem_printf("%s/blobs/uploads/%s%s", session_repository(u->session),
                                     ask ? "?mount=" : "", ask ? u->descriptor->digest.text : "");
    struct session_request request = {.method = "POST", .path = path};
    autoexchange *x = NULL;
    u->asked = true;
    if (session_send(u->session, &request, &x, err))
        return -1;
    long status = http_status(x);
    if (status == 201 && ask)
        return 1;
    if (ask && status != 202) /* not a question that it likes */
        return begin(u, err);
    if (status != 202)
        return session_refused(u->session, x, u->what, err);
    const char *least = http_header(x, "OCI-Chunk-Min-Length");
    long long asked = least ? str_number(least, CHUNK_MIN_CAP) : 0;
    u->chunk_min = asked > 0 ? asked : 0;
    return session_location(x, &u->place, err);
}

/* A fault of the connection, or an answer after which the blob may be there all the same. 401: the
 * token ran out on the way. */
static bool is_ambiguous(long status)
{
    return retry_status(status) || status == 404 || status == 401 || status == 416;
}

/* What a proxy before the registry says to a request that took too long or was too large. */
static bool is_too_much(long status)
{
    return status == 408 || status == 413 || status == 502 || status == 504;
}

/* The registry took the bytes. What it says they are must be what they are. */
static int check_digest(const struct upload *u, const struct http_exchange *x, struct error *err)
{
    const char *header = http_header(x, "Docker-Content-Digest");
    if (!header || str_eq(header, u->descriptor->digest.text))
        return 0;
    return error_set(err, ERROR_INTEGRITY, "the registry took %s for %.80s", u->what, header);
}

static bool is_large(const struct upload *u)
{
    return u->descriptor->size > CHUNK_SIZE;
}

/* What came of a PUT. 0 done, 1 perhaps (problem says what happened), -1 error. */
static int judge(struct upload *u, struct http_exchange *x, struct error *problem, int64_t *after,
                 struct error *err)
{
    long status = http_status(x);
    if (status == 201 || status == 204)
        return check_digest(u, x, err);
    bool other_way = is_too_much(status) && is_large(u) && !u->in_chunks;
    if (!is_ambiguous(status) && !other_way)
        return session_refused(u->session, x, u->what, err);
    u->in_chunks |= other_way;
    *after = response_wait(x);
    session_refused(u->session, x, u->what, problem);
    return 1;
}

/* One PUT of all bytes; where it is sent on to another place, *to becomes that. */
static int put_once(struct upload *u, struct url *to, struct http_exchange **out,
                    struct error *problem, struct error *err)
{
    autosource *blob = NULL;
    if (u->open_blob(u->context, &blob, err))
        return -1;
    struct session_request request = {
        .method = "PUT",
        .url = to,
        .content_type = "application/octet-stream",
        .body_source = blob,
        .body_size = u->descriptor->size,
    };
    autoexchange *x = NULL;
    if (session_send(u->session, &request, &x, problem))
        return problem->kind == ERROR_NETWORK ? 1 : error_move(err, problem);
    long status = http_status(x);
    if (status == 307 || status == 308) {
        struct url next = {0};
        if (session_location(x, &next, err))
            return -1;
        url_release(to);
        *to = next;
    }
    *out = take(&x);
    return 0;
}

/* In one piece. 0 done, 1 perhaps (problem says what happened), -1 error. */
static int send_whole(struct upload *u, struct error *problem, int64_t *after, struct error *err)
{
    autourl to = {0};
    if (url_add_query(&u->place, "digest", u->descriptor->digest.text, &to, err))
        return -1;
    for (unsigned hops = 0; hops <= REDIRECTS; hops++) {
        autoexchange *x = NULL;
        int result = put_once(u, &to, &x, problem, err);
        if (result > 0)
            u->in_chunks = is_large(u);
        if (result)
            return result;
        if (http_status(x) != 307 && http_status(x) != 308)
            return judge(u, x, problem, after, err);
    }
    return error_set(err, ERROR_NETWORK, "%s: the registry sends us on more than %d times", u->what,
                     REDIRECTS);
}

/* In chunks, then the digest. As send_whole. */
static int send_chunks(struct upload *u, struct error *problem, int64_t *after, struct error *err)
{
    struct chunked_upload chunked = {.session = u->session,
                                     .descriptor = u->descriptor,
                                     .open_blob = u->open_blob,
                                     .context = u->context,
                                     .what = u->what,
                                     .chunk_min = u->chunk_min};
    autourl place = {0};
    autoexchange *x = NULL;
    int result = chunked_upload_send(&chunked, &u->place, problem, after, err);
    if (result)
        return result;
    if (url_add_query(&u->place, "digest", u->descriptor->digest.text, &place, err))
        return -1;
    struct session_request request = {.method = "PUT", .url = &place};
    if (session_send(u->session, &request, &x, problem))
        return problem->kind == ERROR_NETWORK ? 1 : error_move(err, problem);
    return judge(u, x, problem, after, err);
}

/* 0 done, 1 another try, -1 error. */
static int try_once(struct upload *u, unsigned tries, struct error *err)
{
    autoerror problem = ERROR_INIT;
    int64_t after = -1;
    int mounted = u->place.text ? 0 : begin(u, err);
    if (mounted)
        return mounted < 0 ? -1 : 0;
    int result = (u->in_chunks ? send_chunks : send_whole)(u, &problem, &after, err);
    url_release(&u->place); /* an upload is never begun again */
    if (result <= 0)
        return result;
    log_debug("%s: %s", u->what, problem.message);
    int again = retry_wait(session_retry(u->session), tries, RETRY_TRIES, after, err);
    if (again < 0)
        return -1;
    int there = blob_exists(u->session, &u->descriptor->digest, err);
    if (there)
        return there < 0 ? -1 : 0;
    return again ? 1 : error_move(err, &problem);
}

int blob_upload(struct session *s, const struct descriptor *descriptor, const struct url *upload,
                int (*open_blob)(void *context, struct source **out, struct error *err),
                void *context, struct error *err)
{
    struct upload u = {.session = s,
                       .descriptor = descriptor,
                       .open_blob = open_blob,
                       .context = context,
                       .what = mem_printf("blob %s", descriptor->digest.text)};
    if (upload->text)
        url_copy(upload, &u.place);
    int result;
    for (unsigned tries = 1; (result = try_once(&u, tries, err)) > 0; tries++)
        ;
    url_release(&u.place);
    free(u.what);
    return result;
}
