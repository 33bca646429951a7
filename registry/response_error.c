#include "response_error.h"

#include "retry.h"

#include <base/json.h>
#include <base/mem.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REASON_CAP = 400, ERRORS_SHOWN = 3 };

static json_t *parse(const char *body)
{
    json_t *json = NULL;
    autoerror bad = ERROR_INIT;
    if (json_parse(body, strlen(body), "answer", &json, &bad))
        error_ignore(&bad, "not every answer is JSON");
    return json;
}

static void add_part(struct str *out, const char *text)
{
    if (text && *text)
        str_addf(out, "%s%s", out->len ? ": " : "", text);
}

/* "denied: permission_denied: write_package; …" */
static void add_errors(struct str *out, const json_t *errors)
{
    size_t i;
    const json_t *e;
    json_array_foreach (errors, i, e) {
        if (i == ERRORS_SHOWN)
            return;
        autostr one = STR_INIT;
        autofree char *code = mem_strdup_null(json_string_value(json_object_get(e, "code")));
        add_part(&one, code ? str_lower(code) : NULL);
        add_part(&one, json_string_value(json_object_get(e, "message")));
        if (one.len)
            str_addf(out, "%s%s", out->len ? "; " : "", str_text(&one));
    }
}

/* Nothing that a terminal would obey, and no half of a character at the end. */
static char *tidy(const char *text)
{
    char *line = mem_strndup(text, REASON_CAP);
    size_t n = strlen(line);
    if (n == REASON_CAP) {
        while (n && ((unsigned char)line[n - 1] & 0xc0) == 0x80)
            n--;
        if (n && (unsigned char)line[n - 1] & 0x80)
            n--;
        line[n] = '\0';
    }
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    /* the C1 controls, as UTF-8 has them */
    for (unsigned char *c = (unsigned char *)line; *c; c++)
        if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = ' ';
    return line;
}

char *response_reason(const char *body)
{
    autojson *json = parse(body);
    autostr text = STR_INIT;
    static const char *const keys[] = {"message", "details", "error_description", "error"};
    if (json_is_object(json)) {
        add_errors(&text, json_object_get(json, "errors"));
        for (size_t i = 0; i < COUNT_OF(keys) && !text.len; i++)
            add_part(&text, json_string_value(json_object_get(json, keys[i])));
    } else if (!json) {
        autofree char *plain = mem_strndup(body, REASON_CAP);
        char *start = str_trim(plain);
        start[strcspn(start, "\r\n")] = '\0';
        if (*start != '<') /* a page for browsers */
            str_add(&text, start);
    }
    return text.len ? tidy(str_text(&text)) : NULL;
}

bool response_has_code(const char *body, const char *code)
{
    autojson *json = parse(body);
    size_t i;
    const json_t *e;
    json_array_foreach (json_object_get(json, "errors"), i, e) {
        const char *has = json_string_value(json_object_get(e, "code"));
        if (has && !strcasecmp(has, code))
            return true;
    }
    return false;
}

int64_t response_wait(struct http_exchange *x)
{
    const char *header = http_header(x, "Retry-After");
    int64_t wait = header ? retry_after_parse(header, time(NULL)) : -1;
    return wait < 0 && http_status(x) == 429 ? retry_after_find(http_error_body(x)) : wait;
}

static int unauthorised(const struct response_context *c, struct error *err)
{
    const char *or_token = str_eq(c->host, "ghcr.io") ? ", or set GITHUB_TOKEN" : "";
    if (c->credentials_from) {
        error_set(err, ERROR_AUTH, "%s refuses the credentials from %s (401)", c->host,
                  c->credentials_from);
        return error_hint(err,
                          "check that they are right, still valid and enough to %s %s; or log "
                          "in anew: imgbuild login %s",
                          c->purpose, c->repository, c->host);
    }
    error_set(err, ERROR_AUTH, "%s wants credentials to %s %s (401)", c->host, c->purpose,
              c->repository);
    return error_hint(err, "imgbuild login %s%s", c->host, or_token);
}

static int forbidden(const struct response_context *c, struct error *err)
{
    error_set(err, ERROR_AUTH, "%s does not let us %s %s (403)", c->host, c->purpose,
              c->repository);
    if (!c->credentials_from)
        return error_hint(err, "imgbuild login %s", c->host);
    if (c->push && str_eq(c->host, "ghcr.io"))
        return error_hint(err, "the job needs `permissions: packages: write`; a package that is "
                               "there already must grant this repository write access; jobs of "
                               "pull requests from forks can only read");
    return error_hint(err, "the account of the credentials from %s lacks the right",
                      c->credentials_from);
}

/* Another host, which is shown no credentials: a signed address has run out, say. */
static int refused_elsewhere(long status, const struct response_context *c, const char *what,
                             struct error *err)
{
    error_set(err, ERROR_AUTH, "%s, where %s sends us for %s, refuses it (%ld)", c->sent_to,
              c->host, what, status);
    return error_hint(err, "try again; if it stays so, the fault is the registry's");
}

static int missing(const struct response_context *c, const char *what, struct error *err)
{
    error_set(err, ERROR_MISSING, "%s has no %s in %s (404)", c->host, what, c->repository);
    return error_hint(err,
                      c->credentials_from
                          ? "check the name and the tag, and that the account of the credentials "
                            "from %s may read it"
                          : "check the name and the tag; a private image looks missing until you "
                            "log in: imgbuild login %s",
                      c->credentials_from ? c->credentials_from : c->host);
}

static int other(long status, const struct http_exchange *x, const struct response_context *c,
                 const char *what, struct error *err)
{
    const char *host = c->sent_to ? c->sent_to : c->host;
    if (status == 429) {
        error_set(err, ERROR_NETWORK, "%s still asks us to slow down (429)", host);
        return error_hint(err,
                          "wait some minutes; with an account, or with fewer --jobs, the limit "
                          "is farther away");
    }
    if (status == 413)
        return error_set(err, ERROR_NETWORK, "%s does not take a %s that large (413)", host, what);
    if (status >= 500) {
        error_set(err, ERROR_NETWORK, "%s is in trouble with %s (%ld), also after several tries",
                  host, what, status);
        return error_hint(err, "the fault is the registry's: look at its status page or log, and "
                               "try again later");
    }
    return error_set(err, ERROR_NETWORK, "%s answers %ld to %s of %s", host, status, http_method(x),
                     what);
}

int response_error(struct http_exchange *x, const struct response_context *context,
                   const char *what, struct error *err)
{
    long status = http_status(x);
    const char *body = http_error_body(x);
    autofree char *reason = response_reason(body);
    autoerror e = ERROR_INIT;
    if (response_has_code(body, "NAME_INVALID")) {
        error_set(&e, ERROR_INPUT, "%s does not take the name %s (%ld)", context->host,
                  context->repository, status);
        error_hint(&e, "names of repositories are lower case");
    } else if (context->sent_to && (status == 401 || status == 403)) {
        refused_elsewhere(status, context, what, &e);
    } else if (status == 401) {
        unauthorised(context, &e);
    } else if (status == 403) {
        forbidden(context, &e);
    } else if (status == 404) {
        missing(context, what, &e);
    } else {
        other(status, x, context, what, &e);
    }
    if (reason && e.message) {
        char *message = mem_printf("%s: %s", e.message, reason);
        free(e.message);
        e.message = message;
    }
    return error_move(err, &e);
}
