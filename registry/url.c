#include "url.h"

#include "curl_api.h"
#include "reference.h"

#include <base/mem.h>
#include <base/str.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { URL_CAP = 16 * 1024, SHOWN_CAP = 200 };

void url_release(struct url *u)
{
    free(u->text);
    free(u->scheme);
    free(u->host);
    free(u->port);
    free(u->path);
    *u = (struct url){0};
}

void url_copy(const struct url *from, struct url *to)
{
    *to = (struct url){
        .text = mem_strdup(from->text),
        .scheme = mem_strdup(from->scheme),
        .host = mem_strdup(from->host),
        .port = mem_strdup(from->port),
        .path = mem_strdup(from->path),
    };
}

/* A part as our own memory; NULL where there is none. */
static char *part(const struct curl_api *curl, CURLU *handle, CURLUPart which, unsigned flags)
{
    char *theirs = NULL;
    if (curl->url_get(handle, which, &theirs, flags) != CURLUE_OK)
        return NULL;
    char *mine = mem_strdup(theirs);
    curl->free(theirs);
    return mine;
}

static int read_parts(const struct curl_api *curl, CURLU *handle, const char *shown,
                      struct url *out, struct error *err)
{
    autourl u = {
        .text = part(curl, handle, CURLUPART_URL, 0),
        .scheme = part(curl, handle, CURLUPART_SCHEME, 0),
        .host = part(curl, handle, CURLUPART_HOST, 0),
        .port = part(curl, handle, CURLUPART_PORT, CURLU_DEFAULT_PORT),
        .path = part(curl, handle, CURLUPART_PATH, 0),
    };
    if (!u.text || !u.scheme || !u.host || !u.port || !u.path)
        return error_set(err, ERROR_INPUT, "not a URL: %s", shown);
    if (!str_eq(u.scheme, "http") && !str_eq(u.scheme, "https"))
        return error_set(err, ERROR_INPUT, "not an http or https URL: %s", shown);
    str_lower(u.host);
    *out = u;
    u = (struct url){0};
    return 0;
}

char *url_shown_text(const char *text)
{
    autofree char *whole = mem_strndup(text, strcspn(text, "?"));
    char *start = strstr(whole, "//");
    start = start ? start + 2 : whole;
    char *at = memrchr(start, '@', strcspn(start, "/\\"));
    if (at) /* who put a password there will not want it shown */
        memmove(start, at + 1, strlen(at));
    char *shown = mem_strndup(whole, SHOWN_CAP);
    for (char *c = shown; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return shown;
}

static int parse_on(const struct url *base, const char *text, struct url *out, struct error *err)
{
    const struct curl_api *curl;
    if (curl_api_get(&curl, err))
        return -1;
    autofree char *shown = url_shown_text(text);
    if (strlen(text) > URL_CAP)
        return error_set(err, ERROR_INPUT, "a URL longer than %d bytes: %s…", URL_CAP, shown);
    CURLU *handle = curl->url();
    CURLUcode code = handle ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
    if (!code && base)
        code = curl->url_set(handle, CURLUPART_URL, base->text, 0);
    if (!code)
        code = curl->url_set(handle, CURLUPART_URL, text, CURLU_DISALLOW_USER);
    if (!code)
        code = curl->url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    int failed = code ? error_set(err, ERROR_INPUT, "not a URL that can be used: %s", shown)
                      : read_parts(curl, handle, shown, out, err);
    curl->url_cleanup(handle);
    return failed;
}

int url_parse(const char *text, struct url *out, struct error *err)
{
    return parse_on(NULL, text, out, err);
}

int url_resolve(const struct url *base, const char *location, struct url *out, struct error *err)
{
    autourl u = {0};
    if (parse_on(base, location, &u, err))
        return -1;
    if (url_is_tls(base) && !url_is_tls(&u))
        return error_set(err, ERROR_NETWORK,
                         "%s sends us on from https to http, to %s: that is not followed",
                         base->host, u.host);
    *out = u;
    u = (struct url){0};
    return 0;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return str_eq(a->scheme, b->scheme) && str_eq(a->host, b->host) && str_eq(a->port, b->port);
}

bool url_is_tls(const struct url *u)
{
    return str_eq(u->scheme, "https");
}

bool url_is_loopback(const struct url *u)
{
    return reference_host_is_loopback(u->host);
}

bool url_is_address(const struct url *u)
{
    struct in_addr four;
    return u->host[0] == '[' || inet_pton(AF_INET, u->host, &four) == 1;
}

char *url_shown(const struct url *u)
{
    return url_shown_text(u->text);
}

int url_add_query(const struct url *u, const char *name, const char *value, struct url *out,
                  struct error *err)
{
    const struct curl_api *curl;
    if (curl_api_get(&curl, err))
        return -1;
    char *escaped = curl->easy_escape(NULL, value, (int)strlen(value));
    autofree char *text =
        mem_printf("%s%c%s=%s", u->text, strchr(u->text, '?') ? '&' : '?', name, escaped);
    curl->free(escaped);
    return url_parse(text, out, err);
}
