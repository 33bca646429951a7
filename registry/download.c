#include "download.h"

#include "http.h"
#include "response_error.h"
#include "retry.h"

#include <base/mem.h>

#include <stdlib.h>
#include <time.h>

enum { REDIRECTS_MAX = 10, CHUNK = 256 * 1024 };

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* RFC 9110 section 5.6.7, in the form that servers are to send. */
static int64_t parse_date(const char *text)
{
    struct tm tm = {.tm_sec = 0};
    const char *end = text ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
    return end && !*end ? (int64_t)timegm(&tm) : -1;
}

/* One answer that is no trouble that passes. */
static int get(struct http *http, struct retry *retry, const struct url *url,
               const char *authorization, struct http_exchange **out, struct error *err)
{
    struct http_request request = {.method = "GET", .url = url, .authorization = authorization};
    for (unsigned tries = 1;; tries++) {
        enum http_fault fault = HTTP_FAULT_NONE;
        autoerror problem = ERROR_INIT;
        autoexchange *x = NULL;
        int64_t after = -1;
        if (retry_gate(retry, err))
            return -1;
        if (!http_open(http, &request, &x, &fault, &problem)) {
            if (!retry_status(http_status(x))) {
                *out = take(&x);
                return 0;
            }
            after = response_wait(x);
            error_set(&problem, ERROR_NETWORK, "the server answers %ld", http_status(x));
        } else if (fault == HTTP_FAULT_FINAL || fault == HTTP_FAULT_TLS) {
            return error_move(err, &problem);
        }
        unsigned limit = x || fault == HTTP_FAULT_CUT ? RETRY_TRIES : RETRY_CONNECT_TRIES;
        int again = retry_wait(retry, tries, limit, after, err);
        if (again < 0)
            return -1;
        if (!again)
            return error_move(err, &problem);
    }
}

static int follow(struct http *http, struct retry *retry, struct url *url,
                  const char *authorization, struct http_exchange **out, struct error *err)
{
    for (unsigned hops = 0; hops <= REDIRECTS_MAX; hops++) {
        autoexchange *x = NULL;
        if (get(http, retry, url, authorization, &x, err))
            return -1;
        if (!is_redirect(http_status(x))) {
            *out = take(&x);
            return 0;
        }
        struct url next = {.text = NULL};
        const char *location = http_header(x, "Location");
        if (!location)
            return error_set(err, ERROR_NETWORK, "a redirect without a Location");
        autoerror bad = ERROR_INIT;
        if (url_resolve(url, location, &next, &bad))
            return error_set(err, ERROR_NETWORK, "a redirect to a bad address: %s", bad.message);
        if (!url_same_origin(url, &next))
            authorization = NULL;
        url_release(url);
        *url = next;
    }
    return error_set(err, ERROR_NETWORK, "more than %d redirects", REDIRECTS_MAX);
}

static int copy_body(struct http_exchange *x, struct sink *to, struct error *err)
{
    autofree char *buffer = mem_alloc(CHUNK);
    ssize_t n;
    while ((n = http_read(x, buffer, CHUNK, err)) > 0)
        if (sink_write(to, buffer, (size_t)n, err))
            return -1;
    return n < 0 ? -1 : 0;
}

static int fetch(struct http *http, struct retry *retry, const char *text,
                 const char *authorization, struct sink *to, int64_t *last_modified,
                 struct error *err)
{
    autourl url = {.text = NULL};
    autoexchange *x = NULL;
    if (url_parse(text, &url, err) || follow(http, retry, &url, authorization, &x, err))
        return -1;
    long status = http_status(x);
    if (status != 200)
        return error_set(err, status == 404 || status == 410 ? ERROR_MISSING : ERROR_NETWORK,
                         "the server answers %ld", status);
    if (copy_body(x, to, err))
        return -1;
    *last_modified = parse_date(http_header(x, "Last-Modified"));
    return 0;
}

int download(const char *url, const struct transport_options *options, struct sink *to,
             int64_t *last_modified, struct error *err)
{
    return download_as(url, NULL, options, to, last_modified, err);
}

int download_as(const char *url, const char *authorization, const struct transport_options *options,
                struct sink *to, int64_t *last_modified, struct error *err)
{
    struct http *http = NULL;
    struct retry retry;
    if (http_new(options, &http, err))
        return -1;
    retry_init(&retry, options->cancel);
    int result = fetch(http, &retry, url, authorization, to, last_modified, err);
    retry_release(&retry);
    http_free(http);
    if (!result)
        return 0;
    autofree char *shown = url_shown_text(url);
    return error_wrap(err, "download %s", shown);
}
