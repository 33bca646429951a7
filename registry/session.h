/* Speaking to one registry about one repository: which scheme, who we are, redirects, another try.
 * Used from several threads at once. Private. */
#ifndef REGISTRY_SESSION_H
#define REGISTRY_SESSION_H

#include "http.h"
#include "retry.h"

struct session;

/* What a session is for: the wording of errors, and the scope of its tokens. */
enum session_use { SESSION_PULL, SESSION_PUSH, SESSION_DELETE, SESSION_LOGIN };

/* ref names a registry; options outlive the session. insecure: its host is, whatever the options
 * say. Nothing is sent yet. ERROR_INPUT for certificates that can't be used. */
int session_new(const struct reference *ref, const struct transport_options *options,
                enum session_use use, bool insecure, struct session **out, struct error *err);
/* The same for one that changes something there, as registries.conf allows it. */
int session_new_push(const struct reference *ref, const struct transport_options *options,
                     enum session_use use, struct session **out, struct error *err);
void session_free(struct session *s);

struct session_request {
    const char *method;
    const char *path;      /* below the registry's /v2/, as "o/n/manifests/latest"; or NULL */
    const struct url *url; /* and one as a Location gave it */
    const char *scope;     /* NULL: the session's own */
    const char *accept, *content_type;
    const char *content_range; /* of a PATCH */
    int64_t range_from, range_to;
    const _Atomic bool *abort;
    const void *body;
    int64_t body_size;
    struct source *body_source; /* sent once: nothing is tried again but what never arrived there */
    bool no_redirect;           /* give the 3xx answer itself */
};

/* Send the request; the answer may have any status. GET and HEAD follow redirects (five, never from
 * https to http), other methods those that keep the method (307, 308) where the body can be sent
 * again; credentials stay with the registry's own scheme, host and port. A 401 is answered
 * with what credentials there are; trouble that passes is waited for. ERROR_AUTH, ERROR_NETWORK,
 * ERROR_INTERRUPTED. */
int session_send(struct session *s, const struct session_request *request,
                 struct http_exchange **out, struct error *err);
/* An answer that is not the one wanted, as response_error words it. */
int session_refused(struct session *s, struct http_exchange *x, const char *what,
                    struct error *err);
/* The address that a Location header of x names. ERROR_NETWORK where there is none or it steps down
 * from TLS. */
int session_location(const struct http_exchange *x, struct url *out, struct error *err);

/* The budget of tries, for callers that try again themselves. */
struct retry *session_retry(struct session *s);
/* Where the credentials that the registry was shown are from; NULL: it asked for none. Owned by s.
 */
const char *session_credentials(struct session *s);
/* "o/n", and the scope for it ("repository:o/n:pull" or "…:pull,push"). Owned by s. */
const char *session_repository(const struct session *s);
const char *session_scope(const struct session *s);

#endif
