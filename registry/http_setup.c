#include "host_certs.h"
#include "http_exchange.h"
#include "retry.h"

#include <base/io.h>
#include <base/mem.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define USER_AGENT "imgbuild"

enum {
    CONNECT_TIMEOUT_MS = 15 * 1000,
    RECEIVE_BUFFER = 256 * 1024,
    SPARE_BUFFER = 512 * 1024,
    SEND_BUFFER = 512 * 1024,
    CA_BUNDLE_CAP = 16 * 1024 * 1024,
};

/* Trust a file's authorities too: the first time the system's are read as well. */
static int trust(struct http *h, const char *path, struct error *err)
{
    autostr more = STR_INIT;
    if (io_read_file(AT_FDCWD, path, CA_BUNDLE_CAP, &more, err))
        return error_wrap(err, "certificates of authorities");
    const char *system = h->ca_file;
    if (!system)
        system = h->curl->version_info(CURLVERSION_NOW)->cainfo;
    autoerror none = ERROR_INIT;
    if (!h->ca_bundle.len && system &&
        io_read_file(AT_FDCWD, system, CA_BUNDLE_CAP, &h->ca_bundle, &none))
        error_ignore(&none, "the given authorities may be the only ones");
    str_add_char(&h->ca_bundle, '\n');
    str_add_bytes(&h->ca_bundle, str_text(&more), more.len);
    return 0;
}

int http_find_authorities(struct http *h, struct error *err)
{
    const char *file = getenv("SSL_CERT_FILE");
    if (!file || !*file)
        file = getenv("CURL_CA_BUNDLE");
    if (file && *file)
        h->ca_file = mem_strdup(file);
    return h->options->tls_ca ? trust(h, h->options->tls_ca, err) : 0;
}

int http_trust_host(struct http *h, const char *host, const char *url_host, struct error *err)
{
    struct host_certs certs;
    if (host_certs_find(host, &certs, err))
        return -1;
    int failed = 0;
    for (size_t i = 0; !failed && i < certs.authorities.count; i++)
        failed = trust(h, certs.authorities.items[i], err);
    if (!failed && certs.cert) {
        h->client_cert = take(&certs.cert);
        h->client_key = take(&certs.key);
        size_t n = *url_host == '[' ? strcspn(url_host, "]") + 1 : strcspn(url_host, ":");
        h->client_host = str_lower(mem_strndup(url_host, n));
    }
    host_certs_release(&certs);
    return failed;
}

static bool is_line(const char *line, size_t n, const char *start)
{
    return n >= strlen(start) && !strncasecmp(line, start, strlen(start));
}

/* "HTTP/1.1 200 OK" starts an answer anew: there may be interim ones (1xx) before it. */
static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct http_exchange *x = context;
    size_t n = size * count, length = n;
    if (x->headers_done) /* a trailer */
        return n;
    while (length && (line[length - 1] == '\r' || line[length - 1] == '\n'))
        length--;
    x->header_bytes += n;
    if (x->header_bytes > HTTP_HEADERS_CAP) {
        x->fault = HTTP_FAULT_FINAL;
        error_set(&x->body_error, ERROR_NETWORK, "the answer's headers are larger than %d bytes",
                  HTTP_HEADERS_CAP);
        return 0;
    }
    if (is_line(line, length, "HTTP/")) {
        strv_release(&x->headers);
        const char *blank = memchr(line, ' ', length);
        x->version = line[strlen("HTTP/")] == '2' ? 2 : 1;
        x->status = blank ? strtol(blank, NULL, 10) : 0;
    } else if (!length) {
        x->headers_done = x->status >= 200;
    } else {
        strv_add_take(&x->headers, mem_strndup(line, length));
    }
    return n;
}

/* Straight to the reader where it waits for bytes; the rest is kept, and when there is no room for
 * that either libcurl has to stop reading the connection. */
static size_t on_receive(char *bytes, size_t size, size_t count, void *context)
{
    struct http_exchange *x = context;
    size_t n = size * count, direct = 0;
    if (x->spare_start == x->spare_end) {
        x->spare_start = x->spare_end = 0;
        direct = x->want_size - x->got < n ? x->want_size - x->got : n;
    }
    if (n - direct > SPARE_BUFFER - x->spare_end && x->spare_end) {
        x->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (direct)
        memcpy(x->want + x->got, bytes, direct);
    x->got += direct;
    size_t end = x->spare_end + n - direct;
    if (end > x->spare_size) {
        x->spare_size = end > SPARE_BUFFER ? end : SPARE_BUFFER;
        x->spare = mem_resize(x->spare, x->spare_size, 1);
    }
    if (n > direct)
        memcpy(x->spare + x->spare_end, bytes + direct, n - direct);
    x->spare_end = end;
    x->moved_at = retry_clock();
    return n;
}

/* The source checks its bytes when its end is read, so that is done before the last of them leave:
 * a registry never gets all of a blob that is not what it should be. */
static ssize_t from_source(struct http_exchange *x, char *buffer, size_t n)
{
    ssize_t got = source_read(x->source, buffer, n, &x->body_error);
    if (!got)
        return error_set(&x->body_error, ERROR_INTEGRITY, "what is sent ended too soon");
    if (got < 0 || got < x->left)
        return got;
    char more;
    ssize_t rest = source_read(x->source, &more, 1, &x->body_error);
    if (rest > 0)
        return error_set(&x->body_error, ERROR_INTEGRITY, "what is sent is longer than announced");
    return rest < 0 ? -1 : got;
}

static size_t on_send(char *buffer, size_t size, size_t count, void *context)
{
    struct http_exchange *x = context;
    size_t n = size * count;
    if ((int64_t)n > x->left)
        n = (size_t)x->left;
    if (!n)
        return 0;
    ssize_t got = (ssize_t)n;
    if (x->source)
        got = from_source(x, buffer, n);
    else
        memcpy(buffer, x->bytes + (x->body_size - x->left), n);
    x->moved_at = retry_clock();
    if (got < 0) {
        x->body_failed = true;
        return CURL_READFUNC_ABORT;
    }
    x->left -= got;
    return (size_t)got;
}

/* A connection that was kept may turn out dead after the first bytes. */
static int on_rewind(void *context, curl_off_t offset, int origin)
{
    struct http_exchange *x = context;
    if (x->source && x->left != x->body_size)
        return CURL_SEEKFUNC_FAIL;
    if (origin != SEEK_SET || offset < 0 || offset > x->body_size)
        return CURL_SEEKFUNC_FAIL;
    x->left = x->body_size - offset;
    return CURL_SEEKFUNC_OK;
}

static bool is_inner_address(const char *text)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, text, &four) == 1) {
        uint32_t a = ntohl(four.s_addr);
        return a >> 24 == 127 || a >> 24 == 0 || a >> 16 == 0xa9fe;
    }
    if (inet_pton(AF_INET6, text, &six) != 1)
        return true;
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
        const unsigned char *b = six.s6_addr + 12;
        return b[0] == 127 || b[0] == 0 || (b[0] == 169 && b[1] == 254);
    }
    return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_LINKLOCAL(&six) ||
           IN6_IS_ADDR_UNSPECIFIED(&six);
}

/* A name that leads to the machine itself or to a cloud's metadata service gets nothing. */
static int on_connected(void *context, char *peer, char *local, int peer_port, int local_port)
{
    struct http_exchange *x = context;
    (void)local, (void)peer_port, (void)local_port;
    if (!x->public_only || x->http->proxied || !is_inner_address(peer))
        return CURL_PREREQFUNC_OK;
    x->fault = HTTP_FAULT_FINAL;
    error_set(&x->body_error, ERROR_NETWORK, "%s leads to %s, which is refused", x->url.host, peer);
    return CURL_PREREQFUNC_ABORT;
}

static bool is_insecure(const struct transport_options *options, const struct url *url)
{
    autofree char *with_port = mem_printf("%s:%s", url->host, url->port);
    for (const char *const *host = options->insecure_hosts; host && *host; host++)
        if (!strcasecmp(*host, with_port) || !strcasecmp(*host, url->host))
            return true;
    return false;
}

#define SET(option, value)                                                                         \
    ((void)x->http->curl->easy_setopt(x->lane->easy, CURLOPT_##option, (value)))

static int add_header(struct http_exchange *x, const char *name, const char *value,
                      struct error *err)
{
    if (!value)
        return 0;
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return error_set(err, ERROR_INPUT, "a control character in the %s header", name);
    autofree char *line = mem_printf("%s: %s", name, value);
    x->sent_headers = x->http->curl->slist_append(x->sent_headers, line);
    explicit_bzero(line, strlen(line));
    return 0;
}

static int set_headers(struct http_exchange *x, const struct http_request *request,
                       struct error *err)
{
    autofree char *range =
        request->range_to > 0     ? mem_printf("bytes=%lld-%lld", (long long)request->range_from,
                                               (long long)request->range_to)
        : request->range_from > 0 ? mem_printf("bytes=%lld-", (long long)request->range_from)
                                  : NULL;
    x->sent_headers = x->http->curl->slist_append(NULL, "Expect:");
    if (!request->content_type) /* none at all, rather than that of a form */
        x->sent_headers = x->http->curl->slist_append(x->sent_headers, "Content-Type:");
    if (add_header(x, "Authorization", request->authorization, err) ||
        add_header(x, "Accept", request->accept ? request->accept : "*/*", err) ||
        add_header(x, "Content-Type", request->content_type, err) ||
        add_header(x, "Content-Range", request->content_range, err) ||
        add_header(x, "Range", range, err))
        return -1;
    SET(HTTPHEADER, x->sent_headers);
    SET(HEADEROPT, (long)CURLHEADER_SEPARATE); /* none of them for a proxy */
    return 0;
}

static void set_method(struct http_exchange *x, const struct http_request *request)
{
    bool patch = str_eq(request->method, "PATCH");
    bool put = patch || str_eq(request->method, "PUT"), post = str_eq(request->method, "POST");
    if (str_eq(request->method, "HEAD"))
        SET(NOBODY, 1L);
    else if (put)
        SET(UPLOAD, 1L);
    else if (post)
        SET(POST, 1L);
    if (patch || (!put && !post && !str_eq(request->method, "HEAD")))
        SET(CUSTOMREQUEST, x->method);
    if (!put && !post)
        return;
    x->bytes = request->body;
    x->source = request->body_source;
    x->left = x->body_size = request->body_size;
    SET(READFUNCTION, on_send);
    SET(READDATA, x);
    SET(SEEKFUNCTION, on_rewind);
    SET(SEEKDATA, x);
    SET(UPLOAD_BUFFERSIZE, (long)SEND_BUFFER);
    if (put)
        SET(INFILESIZE_LARGE, (curl_off_t)request->body_size);
    else
        SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
}

static void set_tls(struct http_exchange *x)
{
    const struct http *h = x->http;
    SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (is_insecure(h->options, &x->url)) {
        SET(SSL_VERIFYPEER, 0L);
        SET(SSL_VERIFYHOST, 0L);
    }
    struct curl_blob bundle = {.data = h->ca_bundle.data, .len = h->ca_bundle.len, .flags = 0};
    if (bundle.len)
        SET(CAINFO_BLOB, &bundle);
    else if (h->ca_file)
        SET(CAINFO, h->ca_file);
    if (h->client_cert && str_eq(h->client_host, x->url.host)) {
        SET(SSLCERT, h->client_cert);
        SET(SSLKEY, h->client_key);
    }
}

int http_setup(struct http_exchange *x, const struct http_request *request, struct error *err)
{
    SET(URL, x->url.text);
    SET(PROTOCOLS_STR, "http,https");
    SET(FOLLOWLOCATION, 0L);
    SET(NOSIGNAL, 1L);
    SET(USERAGENT, USER_AGENT);
    SET(HTTP_CONTENT_DECODING, 0L);
    SET(CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    SET(TCP_KEEPALIVE, 1L);
    SET(BUFFERSIZE, (long)RECEIVE_BUFFER);
    SET(ERRORBUFFER, x->curl_message);
    SET(SUPPRESS_CONNECT_HEADERS, 1L);
    SET(HEADERFUNCTION, on_header);
    SET(HEADERDATA, x);
    SET(WRITEFUNCTION, on_receive);
    SET(WRITEDATA, x);
    SET(PREREQFUNCTION, on_connected);
    SET(PREREQDATA, x);
    if (url_is_loopback(&x->url))
        SET(NOPROXY, "*");
    set_tls(x);
    set_method(x, request);
    return set_headers(x, request, err);
}
