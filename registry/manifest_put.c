#include "manifest_put.h"

#include "response_error.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

enum { MANIFEST_TRIES = 3 };

/* Some registries know a blob a moment later than they took it. */
static bool passes(struct http_exchange *x)
{
    const char *body = http_error_body(x);
    return (http_status(x) == 400 || http_status(x) == 404) &&
           (response_has_code(body, "MANIFEST_BLOB_UNKNOWN") ||
            response_has_code(body, "BLOB_UNKNOWN"));
}

static int send(struct session *s, const struct manifest *m, const char *reference,
                const char *what, bool *takes_subject, struct error *err)
{
    autofree char *path = mem_printf("%s/manifests/%s", session_repository(s), reference);
    struct session_request request = {.method = "PUT",
                                      .path = path,
                                      .content_type = m->media_type,
                                      .body = m->bytes,
                                      .body_size = (int64_t)m->size};
    for (unsigned tries = 1;; tries++) {
        autoexchange *x = NULL;
        if (session_send(s, &request, &x, err))
            return -1;
        if (http_status(x) == 201 || http_status(x) == 200) {
            if (takes_subject)
                *takes_subject = http_header(x, "OCI-Subject") != NULL;
            return 0;
        }
        int again = passes(x) ? retry_wait(session_retry(s), tries, MANIFEST_TRIES, -1, err) : 0;
        if (again < 0)
            return -1;
        if (!again)
            return session_refused(s, x, what, err);
    }
}

/* What the registry now gives under this name: 1 the manifest that was put there, 0 something else
 * (problem says what), -1 error. Its bytes are hashed: a header would only repeat what we said. */
static int read_back(struct session *s, const struct manifest *m, const char *reference,
                     const char *what, struct error *problem, struct error *err)
{
    autofree char *path = mem_printf("%s/manifests/%s", session_repository(s), reference);
    struct session_request request = {.method = "GET", .path = path, .accept = m->media_type};
    autoexchange *x = NULL;
    autostr body = STR_INIT;
    if (session_send(s, &request, &x, err))
        return -1;
    if (http_status(x) == 404) {
        session_refused(s, x, what, problem);
        return 0;
    }
    if (http_status(x) != 200)
        return session_refused(s, x, what, err);
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

static int confirm(struct session *s, const struct manifest *m, const char *reference,
                   const char *what, struct error *err)
{
    for (unsigned tries = 1;; tries++) {
        autoerror problem = ERROR_INIT;
        int same = read_back(s, m, reference, what, &problem, err);
        if (same)
            return same < 0 ? -1 : 0;
        int again = retry_wait(session_retry(s), tries, MANIFEST_TRIES, -1, err);
        if (again < 0)
            return -1;
        if (!again)
            return error_move(err, &problem);
    }
}

int manifest_put(struct session *s, const struct manifest *m, const char *reference,
                 bool *takes_subject, struct error *err)
{
    autofree char *what = mem_printf("manifest %s", reference);
    return send(s, m, reference, what, takes_subject, err) || confirm(s, m, reference, what, err)
               ? -1
               : 0;
}
