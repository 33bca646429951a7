#include "session.h"

#include "auth.h"
#include "registries.h"
#include "response_error.h"

#include <base/log.h>
#include <base/mem.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { REDIRECTS = 5, CHALLENGES = 3 };

struct session {
    char *host;       /* as the reference has it: "docker.io" */
    char *repository; /* "owner/name" */
    char *scope;
    enum session_use use;
    struct transport_options options; /* with the insecure host that we have of registries.conf */
    const char **insecure_hosts;
    struct http *http;
    struct auth *auth;
    struct retry own; /* where the options have no budgets to share */
    struct retry *retry;
    pthread_mutex_t lock;
    struct url base; /* "https://host/v2/"; under lock until found out, then constant */
};

static const char *connect_host(const char *host)
{
    return str_eq(host, "docker.io") ? "registry-1.docker.io" : host;
}

static char *scope_of(const char *repository, enum session_use use)
{
    static const char *const actions[] = {[SESSION_PULL] = "pull",
                                          [SESSION_PUSH] = "pull,push",
                                          [SESSION_DELETE] = "pull,push,delete"};
    return use == SESSION_LOGIN ? mem_strdup("")
                                : mem_printf("repository:%s:%s", repository, actions[use]);
}

/* The options' list, and this host. */
static const char **with_host(const char *const *hosts, const char *host)
{
    size_t n = 0;
    while (hosts && hosts[n])
        n++;
    const char **all = mem_zalloc(n + 2, sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = hosts[i];
    all[n] = host;
    return all;
}

int session_new(const struct reference *ref, const struct transport_options *options,
                enum session_use use, bool insecure, struct session **out, struct error *err)
{
    struct session *s = mem_zalloc(1, sizeof *s);
    s->host = mem_strdup(ref->host);
    s->repository = mem_strdup(ref->repository);
    s->scope = scope_of(ref->repository, use);
    s->use = use;
    s->options = *options;
    retry_init(&s->own, options->cancel);
    s->retry = options->budgets ? rate_budgets_for(options->budgets, s->host) : &s->own;
    pthread_mutex_init(&s->lock, NULL);
    if (insecure) {
        s->insecure_hosts = with_host(options->insecure_hosts, s->host);
        s->options.insecure_hosts = s->insecure_hosts;
    }
    if (http_new(&s->options, &s->http, err) ||
        http_trust_host(s->http, s->host, connect_host(s->host), err)) {
        session_free(s);
        return -1;
    }
    s->auth = auth_new(s->host, s->repository, &s->options, s->http, s->retry);
    *out = s;
    return 0;
}

int session_new_push(const struct reference *ref, const struct transport_options *options,
                     enum session_use use, struct session **out, struct error *err)
{
    bool insecure;
    autoregistries *registries = registries_new();
    return registries_load(registries, err) ||
                   registries_check_push(registries, ref, &insecure, err)
               ? -1
               : session_new(ref, options, use, insecure, out, err);
}

void session_free(struct session *s)
{
    if (!s)
        return;
    auth_free(s->auth);
    http_free(s->http);
    retry_release(&s->own);
    free(s->insecure_hosts);
    pthread_mutex_destroy(&s->lock);
    url_release(&s->base);
    free(s->host);
    free(s->repository);
    free(s->scope);
    free(s);
}

struct retry *session_retry(struct session *s)
{
    return s->retry;
}

const char *session_credentials(struct session *s)
{
    return auth_from(s->auth);
}

const char *session_repository(const struct session *s)
{
    return s->repository;
}

const char *session_scope(const struct session *s)
{
    return s->scope;
}

static bool is_insecure(const struct session *s)
{
    autofree char *name = mem_strdup(s->host);
    *strchrnul(*name == '[' ? strchrnul(name, ']') : name, ':') = '\0';
    for (const char *const *host = s->options.insecure_hosts; host && *host; host++)
        if (!strcasecmp(*host, s->host) || !strcasecmp(*host, name))
            return true;
    return false;
}

/* Whether somebody there speaks this scheme: 1, 0 where the other may be tried, -1 error. Sent
 * without credentials. */
static int probe(struct session *s, const struct url *url, enum http_fault *fault,
                 struct error *err)
{
    autoexchange *x = NULL;
    struct http_request request = {.method = "GET", .url = url};
    if (http_open(s->http, &request, &x, fault, err)) {
        bool other = *fault == HTTP_FAULT_PROTOCOL || *fault == HTTP_FAULT_CUT ||
                     (*fault == HTTP_FAULT_CONNECT && url_is_tls(url));
        return other ? 0 : -1;
    }
    /* Servers of TLS say so to those who come without. */
    if (http_status(x) == 400 && !url_is_tls(url)) {
        const char *body = http_error_body(x);
        if (strcasestr(body, "HTTPS")) {
            *fault = HTTP_FAULT_PROTOCOL;
            error_set(err, ERROR_NETWORK, "%s speaks https alone", s->host);
            return 0;
        }
    }
    return 1;
}

/* Try both, the likelier first. Of two errors the first tells more, unless it says that the scheme
 * was the wrong one. */
static int choose_scheme(struct session *s, struct url *out, struct error *err)
{
    const char *const http_first[] = {"http", "https"}, *const https_first[] = {"https", "http"};
    const char *const *schemes = reference_host_is_loopback(s->host) ? http_first : https_first;
    autoerror problem = ERROR_INIT;
    for (size_t i = 0; i < 2; i++) {
        autofree char *text = mem_printf("%s://%s/v2/", schemes[i], connect_host(s->host));
        autourl url = {0};
        enum http_fault fault;
        if (url_parse(text, &url, err))
            return -1;
        autoerror mine = ERROR_INIT;
        int there = probe(s, &url, &fault, &mine);
        if (there > 0) {
            *out = url;
            url = (struct url){0};
            return 0;
        }
        if (!problem.message || fault == HTTP_FAULT_TLS || fault == HTTP_FAULT_FINAL)
            error_move(&problem, &mine);
        if (there < 0)
            break;
        if (i == 0 && fault == HTTP_FAULT_PROTOCOL)
            error_ignore(&problem, "the other scheme is tried");
    }
    return error_move(err, &problem);
}

/* As choose_scheme, again where nobody was reached: a registry may just be starting. */
static int choose_patiently(struct session *s, struct url *out, struct error *err)
{
    for (unsigned tries = 1;; tries++) {
        autoerror problem = ERROR_INIT;
        if (!choose_scheme(s, out, &problem))
            return 0;
        int again = problem.kind == ERROR_NETWORK
                        ? retry_wait(s->retry, tries, RETRY_CONNECT_TRIES, -1, err)
                        : 0;
        if (again < 0)
            return -1;
        if (!again)
            return error_move(err, &problem);
    }
}

/* "https://host/v2/". Only loopback and what was named insecure may be spoken to without TLS. */
static int base_url(struct session *s, const struct url **out, struct error *err)
{
    int failed = 0;
    pthread_mutex_lock(&s->lock);
    if (!s->base.text) {
        if (reference_host_is_loopback(s->host) || is_insecure(s)) {
            failed = choose_patiently(s, &s->base, err);
        } else {
            autofree char *text = mem_printf("https://%s/v2/", connect_host(s->host));
            failed = url_parse(text, &s->base, err);
        }
    }
    pthread_mutex_unlock(&s->lock);
    *out = &s->base;
    return failed;
}

static int request_url(const struct url *base, const struct session_request *request,
                       struct url *out, struct error *err)
{
    if (request->url) {
        url_copy(request->url, out);
        return 0;
    }
    return url_resolve(base, request->path, out, err);
}

int session_location(const struct http_exchange *x, struct url *out, struct error *err)
{
    const char *location = http_header(x, "Location");
    const struct url *from = http_url(x);
    if (!location)
        return error_set(err, ERROR_NETWORK, "%s answers %ld without saying where to go on",
                         from->host, http_status(x));
    autoerror bad = ERROR_INIT;
    if (url_resolve(from, location, out, &bad))
        return error_set(err, ERROR_NETWORK, "%s answers %ld with a bad address: %s", from->host,
                         http_status(x), bad.message);
    return 0;
}

/* Whether the answer sends this request on. Of methods that change something only those that keep
 * method and body are followed; a body that is gone is the caller's to send again. */
static bool is_redirect(const struct session_request *r, const struct http_exchange *x)
{
    long status = http_status(x);
    bool safe = str_eq(r->method, "GET") || str_eq(r->method, "HEAD");
    if (r->no_redirect || r->body_source)
        return false;
    return status == 307 || status == 308 ||
           (safe && (status == 301 || status == 302 || status == 303));
}

/* One chain of requests: the first, what a challenge asks for, and redirects. */
struct chain {
    struct session *s;
    const struct session_request *request;
    const struct url *base;
    const char *scope;
    struct url url;
    bool ours; /* still at the registry itself: once left, credentials are not sent again */
    unsigned hops, challenges;
    char *header;
    enum http_fault fault;
};

static void chain_release(struct chain *c)
{
    url_release(&c->url);
    auth_forget(c->header);
}
#define autochain __attribute__((cleanup(chain_release))) struct chain

static int send_one(struct chain *c, struct http_exchange **out, struct error *err)
{
    const struct session_request *r = c->request;
    auth_forget(take(&c->header));
    c->fault = HTTP_FAULT_FINAL;
    if (c->ours && auth_header(c->s->auth, c->scope, &c->header, err))
        return -1;
    struct http_request request = {
        .method = r->method,
        .url = &c->url,
        .authorization = c->header,
        .accept = r->accept,
        .content_type = r->content_type,
        .content_range = r->content_range,
        .range_from = r->range_from,
        .range_to = r->range_to,
        .abort = r->abort,
        .body = r->body,
        .body_source = r->body_source,
        .body_size = r->body_size,
    };
    return http_open(c->s->http, &request, out, &c->fault, err);
}

/* Go where a redirect points. */
static int follow(struct chain *c, const struct http_exchange *x, struct error *err)
{
    autourl next = {0};
    c->fault = HTTP_FAULT_FINAL;
    if (++c->hops > REDIRECTS)
        return error_set(err, ERROR_NETWORK, "%s sends us on more than %d times", c->s->host,
                         REDIRECTS);
    if (session_location(x, &next, err))
        return -1;
    c->ours = c->ours && url_same_origin(&next, c->base);
    url_release(&c->url);
    c->url = next;
    next = (struct url){0};
    return 0;
}

/* What to do about an answer: 1 send the next request, 0 it is the final one, -1 error. */
static int react(struct chain *c, const struct http_exchange *x, struct error *err)
{
    const struct session_request *r = c->request;
    bool unauthorised = http_status(x) == 401 && c->ours;
    if (c->ours && !unauthorised)
        auth_accepted(c->s->auth, c->scope, c->header);
    if (is_redirect(r, x))
        return follow(c, x, err) ? -1 : 1;
    if (!unauthorised)
        return 0;
    c->fault = HTTP_FAULT_FINAL;
    if (c->challenges++ == CHALLENGES)
        return 0;
    int better = auth_answer(c->s->auth, c->scope, x, c->header, err);
    return better > 0 && r->body_source ? 0
                                        : better; /* its bytes are gone: the caller's to retry */
}

static int run_chain(struct chain *c, struct http_exchange **out, struct error *err)
{
    for (;;) {
        autoexchange *x = NULL;
        if (send_one(c, &x, err))
            return -1;
        int next = react(c, x, err);
        if (next < 0)
            return -1;
        if (!next) {
            *out = take(&x);
            return 0;
        }
    }
}

static int start_chain(struct session *s, const struct session_request *request, struct chain *c,
                       struct error *err)
{
    *c = (struct chain){.s = s, .request = request, .fault = HTTP_FAULT_FINAL};
    c->scope = request->scope ? request->scope : s->scope;
    if (base_url(s, &c->base, err) || request_url(c->base, request, &c->url, err))
        return -1;
    c->ours = url_same_origin(&c->url, c->base);
    return 0;
}

/* One try. 1: it failed in a way that may pass (*limit tries make sense, after *after ms). */
static int try_once(struct session *s, const struct session_request *request,
                    struct http_exchange **out, unsigned *limit, int64_t *after, struct error *err)
{
    autochain c = {0};
    *limit = RETRY_TRIES;
    *after = -1;
    if (retry_gate(s->retry, err) || start_chain(s, request, &c, err))
        return -1;
    if (run_chain(&c, out, err)) {
        if (c.fault != HTTP_FAULT_CUT)
            *limit = RETRY_CONNECT_TRIES;
        bool passes = c.fault == HTTP_FAULT_CUT || c.fault == HTTP_FAULT_CONNECT ||
                      c.fault == HTTP_FAULT_PROTOCOL;
        return passes && !request->body_source ? 1 : -1;
    }
    if (!retry_status(http_status(*out)) || request->body_source) {
        if (!retry_status(http_status(*out)))
            retry_succeeded(s->retry);
        return 0;
    }
    *after = response_wait(*out);
    return 1;
}

int session_send(struct session *s, const struct session_request *request,
                 struct http_exchange **out, struct error *err)
{
    for (unsigned tries = 1;; tries++) {
        autoerror problem = ERROR_INIT;
        autoexchange *x = NULL;
        unsigned limit;
        int64_t after;
        int result = try_once(s, request, &x, &limit, &after, &problem);
        int again = result == 1 ? retry_wait(s->retry, tries, limit, after, err) : 0;
        if (again < 0)
            return -1;
        if (!again && x) {
            *out = take(&x);
            return 0;
        }
        if (!again)
            return error_move(err, &problem);
        if (x)
            log_debug("%s answers %ld: another try", s->host, http_status(x));
        else
            error_ignore(&problem, "another try");
    }
}

int session_refused(struct session *s, struct http_exchange *x, const char *what, struct error *err)
{
    static const char *const purposes[] = {[SESSION_PULL] = "pull",
                                           [SESSION_PUSH] = "push to",
                                           [SESSION_DELETE] = "delete from",
                                           [SESSION_LOGIN] = "log in"};
    const char *answered = http_url(x)->host;
    struct response_context context = {
        .host = s->host,
        .repository = s->repository,
        .sent_to = url_same_origin(http_url(x), &s->base) ? NULL : answered,
        .purpose = purposes[s->use],
        .push = s->use != SESSION_PULL,
        .credentials_from = auth_from(s->auth),
    };
    return response_error(x, &context, what, err);
}
