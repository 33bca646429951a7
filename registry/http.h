/* HTTP as such: one request, one answer, its body streamed through a bounded buffer. What to do
 * about an answer (credentials, redirects, another try) is session.h's. Private.
 *
 * An exchange is driven by the thread that reads from it; there is no other. Connections of ended
 * exchanges are kept and used again by whichever thread comes next. */
#ifndef REGISTRY_HTTP_H
#define REGISTRY_HTTP_H

#include "transport.h"
#include "url.h"

#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_ERROR_BODY_CAP = 64 * 1024, HTTP_HEADERS_CAP = 256 * 1024 };

/* Why there is no (whole) answer. */
enum http_fault {
    HTTP_FAULT_NONE,
    HTTP_FAULT_CONNECT,  /* nobody was reached */
    HTTP_FAULT_PROTOCOL, /* whoever was reached doesn't speak it, as TLS with a plain server */
    HTTP_FAULT_TLS,      /* the certificate is not one we trust */
    HTTP_FAULT_CUT,      /* it broke, or stood still, in the middle */
    HTTP_FAULT_FINAL, /* another try makes no sense: cancelled, over a cap, our own body failed */
};

struct http;
struct http_exchange;

/* options outlive it. ERROR_HOST where libcurl is missing; ERROR_INPUT, ERROR_MISSING for a tls_ca
 * that is not there. */
int http_new(const struct transport_options *options, struct http **out, struct error *err);
void http_free(struct http *h); /* after all its exchanges were closed */
/* Use the certificates kept for this registry (see host_certs.h), before the first exchange: its
 * authorities for all, the client's certificate for url_host ("ghcr.io", without a port) alone.
 * ERROR_INPUT. */
int http_trust_host(struct http *h, const char *host, const char *url_host, struct error *err);

struct http_request {
    const char *method; /* GET, HEAD, POST, PUT, PATCH, DELETE */
    const struct url *url;
    const char *authorization; /* the header's value, or NULL */
    const char *accept, *content_type;
    const char *content_range;  /* of a PATCH; or NULL */
    int64_t range_from;         /* above 0: ask for the bytes from here on */
    int64_t range_to;           /* above 0: up to and with this one */
    const void *body;           /* of POST, PUT and PATCH: bytes, or where body_source is set */
    struct source *body_source; /* (the caller's) exactly body_size of its bytes */
    int64_t body_size;
    const _Atomic bool *abort; /* true: give up, as the options' cancel; or NULL */
    bool public_only; /* refuse a connection that ends at loopback or a link-local address */
};

/* Send it, and wait for the answer's headers. *fault (may be NULL) is set in any case.
 * ERROR_NETWORK, ERROR_INTERRUPTED, ERROR_INPUT, or the body source's own error. */
int http_open(struct http *h, const struct http_request *request, struct http_exchange **out,
              enum http_fault *fault, struct error *err);
void http_close(struct http_exchange *x); /* NULL is fine; a body not read to its end is dropped */
void http_close_at(struct http_exchange **x);
#define autoexchange __attribute__((cleanup(http_close_at))) struct http_exchange

long http_status(const struct http_exchange *x);
/* The value of the first header of this name, or of the n-th; NULL where there are fewer. Owned by
 * the exchange. */
const char *http_header(const struct http_exchange *x, const char *name);
const char *http_header_nth(const struct http_exchange *x, const char *name, size_t n);
/* Where the answer came from, and to which method. */
const struct url *http_url(const struct http_exchange *x);
const char *http_method(const struct http_exchange *x);
/* The protocol's major version that the server chose: 1 or 2. */
int http_version(const struct http_exchange *x);
/* Up to n bytes of the body; 0 at its end, -1 where it broke (http_fault_of says how). */
ssize_t http_read(struct http_exchange *x, void *buffer, size_t n, struct error *err);
enum http_fault http_fault_of(const struct http_exchange *x);
/* The whole body, which may have cap bytes at most: ERROR_INPUT where it has more. what is for
 * messages. */
int http_read_all(struct http_exchange *x, size_t cap, const char *what, struct str *out,
                  struct error *err);
/* The start of an error's body, at most HTTP_ERROR_BODY_CAP bytes; read once. Owned by x. */
const char *http_error_body(struct http_exchange *x);

#endif
