/* An answer that is not the one wanted, as an error for people: what the registry said, and what to
 * do about it. Private. */
#ifndef REGISTRY_RESPONSE_ERROR_H
#define REGISTRY_RESPONSE_ERROR_H

#include "http.h"

/* The registry's reason in an error's body: its JSON errors (distribution-spec, "Error codes"),
 * another JSON message, or a line of plain text; NULL where there is none. At most 400 bytes
 * without control characters. The caller frees it. */
char *response_reason(const char *body);
/* True where the body's errors have this code, as in "BLOB_UNKNOWN". */
bool response_has_code(const char *body, const char *code);

/* How long the answer asks us to wait before another try, in milliseconds: its Retry-After header,
 * or with 429 what its body says; -1 where neither does. */
int64_t response_wait(struct http_exchange *x);

/* Whom and what the request was about. */
struct response_context {
    const char *host, *repository;
    const char *sent_to; /* the host that answered, where the registry sent us on; or NULL */
    const char *purpose; /* "push to", "pull": what is not allowed */
    bool push;           /* it changes something there */
    const char *credentials_from; /* NULL: none were used */
};

/* what: "manifest latest", "blob sha256:…". 401 and 403 give ERROR_AUTH, 404 ERROR_MISSING, a name
 * that is refused ERROR_INPUT, anything else ERROR_NETWORK. Returns -1. */
int response_error(struct http_exchange *x, const struct response_context *context,
                   const char *what, struct error *err);

#endif
