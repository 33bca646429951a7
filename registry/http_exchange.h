/* What http.c and http_setup.c share. Private to these two. */
#ifndef REGISTRY_HTTP_EXCHANGE_H
#define REGISTRY_HTTP_EXCHANGE_H

#include "curl_api.h"
#include "http.h"

#include <pthread.h>

/* A curl handle with its own connections, used by one exchange at a time. */
struct http_lane {
    CURLM *multi;
    CURL *easy;
    struct http_lane *next;
};

struct http {
    const struct curl_api *curl;
    const struct transport_options *options;
    pthread_mutex_t lock;
    struct http_lane *idle; /* under lock */
    char *ca_file;          /* NULL: libcurl's own */
    struct str ca_bundle;   /* the system's and further ones together; empty: ca_file alone */
    char *client_cert, *client_key, *client_host; /* NULL: none */
    bool proxied;                                 /* the environment names a proxy */
};

struct http_exchange {
    struct http *http;
    struct http_lane *lane;
    struct url url;
    char *method;
    struct curl_slist *sent_headers;
    char curl_message[CURL_ERROR_SIZE];

    /* The answer. */
    struct strv headers; /* "name: value" */
    size_t header_bytes;
    long status;
    int version; /* of HTTP, its major number */
    bool headers_done, ended, public_only;
    const _Atomic bool *abort; /* or NULL */
    enum http_fault fault;
    struct str error_body;
    bool error_body_read;

    /* The body that is sent. */
    const char *bytes;
    struct source *source;
    int64_t left, body_size;
    struct error body_error;
    bool body_failed;

    /* The body that is received: into the reader's buffer, and what does not fit there into spare.
     */
    char *want;
    size_t want_size, got;
    char *spare;
    size_t spare_start, spare_end, spare_size;
    bool paused;
    struct error late; /* why it broke after bytes that were handed out first */

    int64_t moved_at; /* when bytes last moved, on the monotonic clock */
};

/* Set everything up for the request; the callbacks find x as their context. ERROR_INPUT. */
int http_setup(struct http_exchange *x, const struct http_request *request, struct error *err);
/* Find the certificates of authorities that are to be trusted. */
int http_find_authorities(struct http *h, struct error *err);

#endif
