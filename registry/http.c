#include "http.h"

#include "http_exchange.h"
#include "retry.h"

#include <base/mem.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 50,
    STALL_MS = 120 * 1000,
    COMMIT_MS = 600 * 1000, /* a registry hashes and moves all of a blob before it answers */
    READ_CHUNK = 16 * 1024,
};

static bool has_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return true;
    }
    return false;
}

int http_new(const struct transport_options *options, struct http **out, struct error *err)
{
    const struct curl_api *curl;
    if (curl_api_get(&curl, err))
        return -1;
    struct http *h = mem_zalloc(1, sizeof *h);
    h->curl = curl;
    h->options = options;
    h->proxied = has_proxy();
    pthread_mutex_init(&h->lock, NULL);
    if (http_find_authorities(h, err)) {
        http_free(h);
        return -1;
    }
    *out = h;
    return 0;
}

static void lane_free(const struct curl_api *curl, struct http_lane *lane)
{
    curl->easy_cleanup(lane->easy);
    curl->multi_cleanup(lane->multi);
    free(lane);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    while (h->idle) {
        struct http_lane *lane = h->idle;
        h->idle = lane->next;
        lane_free(h->curl, lane);
    }
    pthread_mutex_destroy(&h->lock);
    free(h->ca_file);
    free(h->client_cert);
    free(h->client_key);
    free(h->client_host);
    str_release(&h->ca_bundle);
    free(h);
}

static struct http_lane *lane_take(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    struct http_lane *lane = h->idle;
    if (lane)
        h->idle = lane->next;
    pthread_mutex_unlock(&h->lock);
    if (lane)
        return lane;
    lane = mem_zalloc(1, sizeof *lane);
    lane->multi = h->curl->multi_init();
    lane->easy = h->curl->easy_init();
    return lane;
}

static void lane_give(struct http *h, struct http_lane *lane)
{
    h->curl->easy_reset(lane->easy);
    pthread_mutex_lock(&h->lock);
    lane->next = h->idle;
    h->idle = lane;
    pthread_mutex_unlock(&h->lock);
}

/* The server ended TLS with a reason, such as that it wants to see a certificate of ours: libcurl
 * has no code of its own for that. */
static bool is_tls_alert(const struct http_exchange *x)
{
    return url_is_tls(&x->url) && strstr(x->curl_message, " alert ");
}

static enum http_fault fault_of(const struct http_exchange *x, CURLcode code)
{
    switch ((int)code) {
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return is_tls_alert(x) ? HTTP_FAULT_TLS : HTTP_FAULT_CUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return HTTP_FAULT_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return x->status ? HTTP_FAULT_CUT : HTTP_FAULT_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return HTTP_FAULT_TLS;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, which is how anything else looks */
        return HTTP_FAULT_PROTOCOL;
    default:
        return HTTP_FAULT_CUT;
    }
}

/* The transfer ended with this code: say what it was, once. */
static int broke(struct http_exchange *x, CURLcode code, struct error *err)
{
    autofree char *shown = url_shown(&x->url);
    if (x->body_failed || x->body_error.message) { /* a callback of ours stopped it */
        x->fault = HTTP_FAULT_FINAL;
        error_move(err, &x->body_error);
        if (x->body_failed)
            return -1;
        return error_wrap(err, "%s %s", x->method, shown);
    }
    if (x->fault == HTTP_FAULT_NONE)
        x->fault = fault_of(x, code);
    const char *why = x->curl_message[0] ? x->curl_message : x->http->curl->easy_strerror(code);
    error_set(err, ERROR_NETWORK, "%s %s: %s", x->method, shown, why);
    if (x->fault == HTTP_FAULT_TLS)
        return error_hint(err,
                          "name the authority's certificate with --tls-ca FILE, or trust the "
                          "host unseen with --insecure %s; a certificate of ours that the host "
                          "wants to see belongs into certs.d, see containers-certs.d(5)",
                          x->url.host);
    if (x->fault == HTTP_FAULT_CONNECT)
        return error_hint(err,
                          "check that %s is up and reached from here (proxies come from "
                          "https_proxy and no_proxy)",
                          x->url.host);
    return -1;
}

static int stood_still(struct http_exchange *x, int64_t ms, struct error *err)
{
    autofree char *shown = url_shown(&x->url);
    x->fault = HTTP_FAULT_CUT;
    x->ended = true;
    return error_set(err, ERROR_NETWORK, "%s %s: nothing came or went for %d s", x->method, shown,
                     (int)(ms / 1000));
}

static int check_cancel(struct http_exchange *x, struct error *err)
{
    const _Atomic bool *cancel = x->http->options->cancel;
    if (!(cancel && *cancel) && !(x->abort && *x->abort))
        return 0;
    x->fault = HTTP_FAULT_FINAL;
    x->ended = true;
    x->http->curl->easy_setopt(x->lane->easy, CURLOPT_QUICK_EXIT, 1L); /* not for a slow resolver */
    return error_set(err, ERROR_INTERRUPTED, "interrupted");
}

/* Let the transfer go on. 1 when it moved or ended, 0 when it had to wait, -1 when it broke. */
static int pump(struct http_exchange *x, struct error *err)
{
    const struct curl_api *curl = x->http->curl;
    int64_t moved_at = x->moved_at;
    int running, left;
    if (check_cancel(x, err))
        return -1;
    CURLMcode code = curl->multi_perform(x->lane->multi, &running);
    if (code != CURLM_OK) {
        x->fault = HTTP_FAULT_FINAL;
        x->ended = true;
        return error_set(err, ERROR_INTERNAL, "libcurl: %s", curl->multi_strerror(code));
    }
    CURLMsg *message = curl->multi_info_read(x->lane->multi, &left);
    if (message && message->msg == CURLMSG_DONE) {
        x->ended = true;
        return message->data.result == CURLE_OK ? 1 : broke(x, message->data.result, err);
    }
    if (x->got || x->headers_done || x->moved_at != moved_at)
        return 1;
    return 0;
}

static int wait_for_more(struct http_exchange *x, struct error *err)
{
    const struct curl_api *curl = x->http->curl;
    curl->multi_poll(x->lane->multi, NULL, 0, POLL_MS, NULL);
    bool sent = x->body_size && !x->left && !x->headers_done;
    int64_t limit = sent ? COMMIT_MS : STALL_MS;
    return retry_clock() - x->moved_at > limit ? stood_still(x, limit, err) : 0;
}

/* Where it broke right behind the headers there is an answer all the same: reading its body tells.
 */
static int await_headers(struct http_exchange *x, struct error *err)
{
    while (!x->headers_done) {
        autoerror problem = ERROR_INIT;
        int moved = pump(x, &problem);
        if (moved < 0 && x->headers_done && x->fault == HTTP_FAULT_CUT) {
            error_move(&x->late, &problem);
            return 0;
        }
        if (moved < 0)
            return error_move(err, &problem);
        if (x->ended && !x->headers_done)
            return broke(x, CURLE_GOT_NOTHING, err);
        if (!moved && wait_for_more(x, err))
            return -1;
    }
    return 0;
}

int http_open(struct http *h, const struct http_request *request, struct http_exchange **out,
              enum http_fault *fault, struct error *err)
{
    struct http_exchange *x = mem_zalloc(1, sizeof *x);
    x->http = h;
    x->lane = lane_take(h);
    x->method = mem_strdup(request->method);
    x->public_only = request->public_only;
    x->abort = request->abort;
    url_copy(request->url, &x->url);
    x->moved_at = retry_clock();
    x->fault = HTTP_FAULT_NONE;
    int failed = http_setup(x, request, err);
    if (failed)
        x->fault = HTTP_FAULT_FINAL;
    else
        h->curl->multi_add_handle(x->lane->multi, x->lane->easy);
    failed = failed || await_headers(x, err);
    if (fault)
        *fault = failed ? x->fault : HTTP_FAULT_NONE;
    if (failed) {
        http_close(x);
        return -1;
    }
    *out = x;
    return 0;
}

void http_close(struct http_exchange *x)
{
    if (!x)
        return;
    const struct curl_api *curl = x->http->curl;
    curl->multi_remove_handle(x->lane->multi, x->lane->easy);
    lane_give(x->http, x->lane);
    curl->slist_free_all(x->sent_headers);
    url_release(&x->url);
    free(x->method);
    strv_release(&x->headers);
    str_release(&x->error_body);
    error_release(&x->body_error);
    error_release(&x->late);
    free(x->spare);
    free(x);
}

void http_close_at(struct http_exchange **x)
{
    http_close(*x);
    *x = NULL;
}

long http_status(const struct http_exchange *x)
{
    return x->status;
}

const struct url *http_url(const struct http_exchange *x)
{
    return &x->url;
}

const char *http_method(const struct http_exchange *x)
{
    return x->method;
}

int http_version(const struct http_exchange *x)
{
    return x->version;
}

enum http_fault http_fault_of(const struct http_exchange *x)
{
    return x->fault;
}

const char *http_header_nth(const struct http_exchange *x, const char *name, size_t n)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < x->headers.count; i++) {
        const char *line = x->headers.items[i];
        if (strncasecmp(line, name, length) != 0 || line[length] != ':' || n--)
            continue;
        line += length + 1;
        return line + strspn(line, " \t");
    }
    return NULL;
}

const char *http_header(const struct http_exchange *x, const char *name)
{
    return http_header_nth(x, name, 0);
}

/* What was kept, up to n bytes. */
static size_t from_spare(struct http_exchange *x, char *buffer, size_t n)
{
    size_t kept = x->spare_end - x->spare_start;
    if (n > kept)
        n = kept;
    if (n)
        memcpy(buffer, x->spare + x->spare_start, n);
    x->spare_start += n;
    return n;
}

/* Between two reads the reader was busy, however long: that is no standing still. */
static void resume(struct http_exchange *x)
{
    x->moved_at = retry_clock();
    if (!x->paused)
        return;
    x->paused = false;
    x->http->curl->easy_pause(x->lane->easy, CURLPAUSE_CONT); /* may call on_receive */
}

ssize_t http_read(struct http_exchange *x, void *buffer, size_t n, struct error *err)
{
    size_t kept = from_spare(x, buffer, n);
    if (kept || !n)
        return (ssize_t)kept;
    if (x->late.message)
        return error_move(err, &x->late);
    if (x->fault != HTTP_FAULT_NONE)
        return error_set(err, ERROR_NETWORK, "the transfer has broken before");
    x->want = buffer;
    x->want_size = n;
    x->got = 0;
    if (!x->ended)
        resume(x);
    int failed = 0;
    autoerror broken = ERROR_INIT;
    while (!failed && !x->got && !x->ended)
        failed = pump(x, &broken) < 0 || (!x->got && !x->ended && wait_for_more(x, &broken));
    size_t got = x->got;
    x->want = NULL;
    x->want_size = x->got = 0;
    if (!failed)
        return (ssize_t)got;
    if (!got)
        return error_move(err, &broken);
    error_move(&x->late, &broken);
    return (ssize_t)got;
}

int http_read_all(struct http_exchange *x, size_t cap, const char *what, struct str *out,
                  struct error *err)
{
    char chunk[READ_CHUNK];
    ssize_t got;
    str_clear(out);
    while ((got = http_read(x, chunk, sizeof chunk, err)) > 0) {
        if ((size_t)got > cap - out->len) {
            x->fault = HTTP_FAULT_FINAL;
            return error_set(err, ERROR_INPUT, "%s is larger than the %zu bytes allowed", what,
                             cap);
        }
        str_add_bytes(out, chunk, (size_t)got);
    }
    return got < 0 ? -1 : 0;
}

const char *http_error_body(struct http_exchange *x)
{
    char chunk[READ_CHUNK];
    autoerror broken = ERROR_INIT;
    while (!x->error_body_read) {
        ssize_t got = http_read(x, chunk, sizeof chunk, &broken);
        size_t room = HTTP_ERROR_BODY_CAP - x->error_body.len;
        if (got > 0)
            str_add_bytes(&x->error_body, chunk, (size_t)got < room ? (size_t)got : room);
        x->error_body_read = got <= 0 || x->error_body.len >= HTTP_ERROR_BODY_CAP;
        if (got < 0)
            error_ignore(&broken, "it only explains another error");
    }
    return str_text(&x->error_body);
}
