#include "token.h"

#include "curl_api.h"
#include "response_error.h"

#include <base/json.h>
#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_SECONDS = 60, LONGEST_SECONDS = 24 * 3600, EARLY_SECONDS = 10 };

#define CLIENT_ID "imgbuild"

void token_release(struct token *t)
{
    if (t->value)
        explicit_bzero(t->value, strlen(t->value));
    free(t->value);
    *t = (struct token){0};
}

/* RFC 6750 section 2.1, and what else registries are seen to use; never a blank or a control
 * character. */
static bool value_valid(const char *value)
{
    size_t n = strlen(value);
    if (!n || n > TOKEN_CAP)
        return false;
    for (; *value; value++)
        if ((unsigned char)*value <= 0x20 || (unsigned char)*value >= 0x7f)
            return false;
    return true;
}

int token_parse(const void *bytes, size_t n, int64_t now_ms, struct token *out, struct error *err)
{
    autojson *json = NULL;
    const char *value, *access;
    int64_t seconds;
    const char *where = "the token server's answer";
    if (n > TOKEN_ANSWER_CAP)
        return error_set(err, ERROR_AUTH, "%s is too large", where);
    if (json_parse(bytes, n, where, &json, err)) {
        if (err) /* it may hold a token */
            free(take(&err->source_line));
        return -1;
    }
    if (json_get_string(json, "token", "", where, &value, err) ||
        json_get_string(json, "access_token", "", where, &access, err) ||
        json_get_int(json, "expires_in", DEFAULT_SECONDS, where, &seconds, err))
        return -1;
    if (!*value)
        value = access;
    if (!value_valid(value))
        return error_set(err, ERROR_AUTH, "%s holds no usable token", where);
    if (seconds < 0 || seconds > LONGEST_SECONDS)
        seconds = seconds < 0 ? 0 : LONGEST_SECONDS;
    /* of a short life at least some is used */
    seconds -= seconds > 2 * EARLY_SECONDS ? EARLY_SECONDS : seconds / 2;
    out->value = mem_strdup(value);
    out->expires_at = now_ms + seconds * 1000;
    return 0;
}

static void forget(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static int get_url(const struct token_request *r, struct url *out, struct error *err)
{
    autourl u = {0};
    url_copy(r->realm, &u);
    const char *account = r->credentials ? r->credentials->user : NULL;
    for (size_t i = 0; i < r->scopes->count + 2; i++) {
        const char *name = i == 0 ? "service" : i == 1 ? "account" : "scope";
        const char *value = i == 0 ? r->service : i == 1 ? account : r->scopes->items[i - 2];
        struct url next = {0};
        if (!value)
            continue;
        if (url_add_query(&u, name, value, &next, err))
            return -1;
        url_release(&u);
        u = next;
    }
    *out = u;
    u = (struct url){0};
    return 0;
}

static void add_field(struct str *form, const struct curl_api *curl, const char *name,
                      const char *value)
{
    char *escaped = curl->easy_escape(NULL, value, (int)strlen(value));
    str_addf(form, "%s%s=%s", form->len ? "&" : "", name, escaped);
    explicit_bzero(escaped, strlen(escaped));
    curl->free(escaped);
}

static int post_form(const struct token_request *r, struct str *form, struct error *err)
{
    const struct curl_api *curl;
    if (curl_api_get(&curl, err))
        return -1;
    autofree char *scopes = strv_join(r->scopes, " ");
    add_field(form, curl, "grant_type", "refresh_token");
    add_field(form, curl, "client_id", CLIENT_ID);
    if (r->service)
        add_field(form, curl, "service", r->service);
    add_field(form, curl, "scope", scopes);
    add_field(form, curl, "refresh_token", r->credentials->identity_token);
    return 0;
}

/* One try. The body of a 200 is read: 0 then, and for any other answer; -1 where there is none. */
static int ask_once(struct http *http, const struct http_request *request,
                    struct http_exchange **out, struct str *body, enum http_fault *fault,
                    struct error *err)
{
    autoexchange *x = NULL;
    if (http_open(http, request, &x, fault, err))
        return -1;
    if (http_status(x) == 200 &&
        http_read_all(x, TOKEN_ANSWER_CAP, "the token server's answer", body, err)) {
        *fault = http_fault_of(x);
        return -1;
    }
    *out = take(&x);
    return 0;
}

/* Send it, again where that may help. */
static int ask(struct http *http, struct retry *retry, const struct http_request *request,
               struct http_exchange **out, struct str *body, struct error *err)
{
    for (unsigned tries = 1;; tries++) {
        enum http_fault fault;
        autoerror problem = ERROR_INIT;
        autoexchange *x = NULL;
        unsigned limit = RETRY_TRIES;
        if (retry_gate(retry, err))
            return -1;
        int failed = ask_once(http, request, &x, body, &fault, &problem);
        if (failed && (fault == HTTP_FAULT_FINAL || fault == HTTP_FAULT_TLS))
            return error_move(err, &problem);
        if (failed && fault != HTTP_FAULT_CUT)
            limit = RETRY_CONNECT_TRIES;
        int again = !failed && !retry_status(http_status(x))
                        ? 0
                        : retry_wait(retry, tries, limit, x ? response_wait(x) : -1, err);
        if (again < 0)
            return -1;
        if (again)
            continue;
        if (failed)
            return error_move(err, &problem);
        *out = take(&x);
        return 0;
    }
}

static int refused(const struct token_request *r, struct http_exchange *x, struct error *err)
{
    autofree char *reason = response_reason(http_error_body(x));
    autofree char *scopes = strv_join(r->scopes, " ");
    long status = http_status(x);
    enum error_kind kind =
        status == 401 || status == 403 || status == 400 ? ERROR_AUTH : ERROR_NETWORK;
    const char *from = r->credentials && r->credentials->from ? r->credentials->from : NULL;
    error_set(err, kind, "%s gives no token%s%s%s%s (%ld)%s%s", r->realm->host,
              *scopes ? " for " : "", scopes,
              from ? " with the credentials from " : " without credentials", from ? from : "",
              status, reason ? ": " : "", reason ? reason : "");
    if (kind != ERROR_AUTH)
        return -1;
    return from ? error_hint(err, "check that they are right, still valid and enough; or log in "
                                  "anew with imgbuild login")
                : error_hint(err, "check the name; or log in with imgbuild login");
}

static int by_post(struct http *http, struct retry *retry, const struct token_request *r,
                   struct http_exchange **out, struct str *body, struct error *err)
{
    struct str form = STR_INIT;
    int failed = post_form(r, &form, err);
    if (!failed) {
        struct http_request post = {.method = "POST",
                                    .url = r->realm,
                                    .accept = "application/json",
                                    .content_type = "application/x-www-form-urlencoded",
                                    .body = form.data,
                                    .body_size = (int64_t)form.len,
                                    .public_only = r->public_only};
        failed = ask(http, retry, &post, out, body, err);
    }
    if (form.data)
        explicit_bzero(form.data, form.len);
    str_release(&form);
    return failed;
}

static int by_get(struct http *http, struct retry *retry, const struct token_request *r,
                  struct http_exchange **out, struct str *body, struct error *err)
{
    autourl url = {0};
    char *basic = NULL;
    if (get_url(r, &url, err))
        return -1;
    const struct credentials *c = r->credentials;
    if (c && (c->password || c->identity_token))
        basic = credentials_basic(c->user ? c->user : "<token>",
                                  c->password && *c->password ? c->password
                                  : c->identity_token         ? c->identity_token
                                                              : "");
    struct http_request get = {.method = "GET",
                               .url = &url,
                               .authorization = basic,
                               .accept = "application/json",
                               .public_only = r->public_only};
    int failed = ask(http, retry, &get, out, body, err);
    forget(basic);
    return failed;
}

static int fetch(struct http *http, struct retry *retry, const struct token_request *request,
                 struct str *body, struct token *out, struct error *err)
{
    autoexchange *x = NULL;
    if (request->credentials && request->credentials->identity_token) {
        if (by_post(http, retry, request, &x, body, err))
            return -1;
        if (http_status(x) == 404 || http_status(x) == 405) { /* no OAuth 2 here */
            http_close(x);
            x = NULL;
        }
    }
    if (!x && by_get(http, retry, request, &x, body, err))
        return -1;
    if (http_status(x) != 200)
        return refused(request, x, err);
    return token_parse(str_text(body), body->len, retry_clock(), out, err)
               ? error_wrap(err, "%s", request->realm->host)
               : 0;
}

int token_fetch(struct http *http, struct retry *retry, const struct token_request *request,
                struct token *out, struct error *err)
{
    struct str body = STR_INIT;
    int failed = fetch(http, retry, request, &body, out, err);
    if (body.data)
        explicit_bzero(body.data, body.len);
    str_release(&body);
    return failed;
}
