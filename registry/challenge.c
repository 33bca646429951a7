#include "challenge.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

void challenge_release(struct challenge *c)
{
    free(c->realm);
    free(c->service);
    free(c->scope);
    *c = (struct challenge){0};
}

static size_t token_length(const char *text)
{
    return strspn(text, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "abcdefghijklmnopqrstuvwxyz");
}

static const char *skip(const char *at, const char *what)
{
    return at + strspn(at, what);
}

/* A quoted string or a token; moves *at behind it. NULL where it is neither. */
static char *read_value(const char **at)
{
    const char *c = *at;
    autostr value = STR_INIT;
    if (*c != '"') {
        size_t n = strcspn(c, " \t,\"");
        *at = c + n;
        return n ? mem_strndup(c, n) : NULL;
    }
    for (c++; *c && *c != '"'; c++) {
        if (*c == '\\' && c[1])
            c++;
        str_add_char(&value, *c);
    }
    if (*c != '"')
        return NULL;
    *at = c + 1;
    return str_take(&value);
}

static void keep(char **member, char **value)
{
    if (!*member)
        *member = take(value);
}

/* name=value; false where the text at *at is something else, such as the next scheme. */
static bool read_parameter(const char **at, bool wanted, struct challenge *c)
{
    size_t n = token_length(*at);
    const char *equals = skip(*at + n, " \t");
    if (!n || *equals != '=')
        return false;
    autofree char *name = str_lower(mem_strndup(*at, n));
    const char *rest = skip(equals + 1, " \t");
    autofree char *value = read_value(&rest);
    if (!value)
        return false;
    if (wanted && str_eq(name, "realm"))
        keep(&c->realm, &value);
    else if (wanted && str_eq(name, "service"))
        keep(&c->service, &value);
    else if (wanted && str_eq(name, "scope"))
        keep(&c->scope, &value);
    *at = rest;
    return true;
}

void challenge_parse(const char *header, struct challenge *c)
{
    const char *at = skip(header, " \t,");
    while (*at) {
        size_t n = token_length(at);
        if (!n || (at[n] && !strchr(" \t,", at[n])))
            return;
        bool bearer = n == 6 && !strncasecmp(at, "bearer", n);
        bool first = bearer && !c->bearer;
        c->bearer |= bearer;
        c->basic |= n == 5 && !strncasecmp(at, "basic", n);
        at = skip(at + n, " \t,");
        while (read_parameter(&at, first, c))
            at = skip(at, " \t,");
    }
}

/* The last two labels, or three where the last two look like "co.uk". */
static const char *site_of(const char *host)
{
    const char *labels[4] = {NULL};
    size_t count = 0;
    for (const char *c = host + strlen(host); c > host && count < COUNT_OF(labels); c--)
        if (c[-1] == '.')
            labels[count++] = c;
    if (count < 2)
        return host;
    bool country = strlen(labels[0]) == 2 && labels[0] - labels[1] <= 4;
    if (!country)
        return labels[1];
    return count > 2 ? labels[2] : host;
}

bool challenge_realm_trusted(const struct url *registry, const struct url *realm)
{
    static const struct {
        const char *registry, *realm;
    } known[] = {{"registry-1.docker.io", "auth.docker.io"},
                 {"index.docker.io", "auth.docker.io"},
                 {"nvcr.io", "authn.nvidia.com"}};
    if (str_eq(registry->host, realm->host) ||
        (url_is_loopback(registry) && url_is_loopback(realm)))
        return true;
    if (url_is_address(registry) || url_is_address(realm))
        return false;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_eq(known[i].registry, registry->host) && str_eq(known[i].realm, realm->host))
            return true;
    const char *site = site_of(registry->host);
    return strchr(site, '.') && str_eq(site, site_of(realm->host));
}

static int refuse(const struct url *registry, const char *realm, const char *why, struct error *err)
{
    error_set(err, ERROR_AUTH, "%s sends us for a token to %s, which is refused: %s",
              registry->host, realm, why);
    return error_hint(err, "the registry is set up badly, or somebody stands between");
}

int challenge_realm(const struct challenge *c, const struct url *registry, struct url *out,
                    struct error *err)
{
    autourl realm = {0};
    autoerror bad = ERROR_INIT;
    if (!c->realm)
        return error_set(err, ERROR_AUTH, "%s wants a token, but doesn't say from where",
                         registry->host);
    if (url_parse(c->realm, &realm, &bad))
        return refuse(registry, "elsewhere", bad.message, err);
    bool same_host = str_eq(realm.host, registry->host);
    bool both_here = url_is_loopback(registry) && url_is_loopback(&realm);
    autofree char *shown = url_shown(&realm);
    if (!url_is_tls(&realm) && url_is_tls(registry))
        return refuse(registry, shown, "it is plain http, where the registry speaks https", err);
    if (!url_is_tls(&realm) && !same_host && !both_here)
        return refuse(registry, shown, "it is plain http on another host", err);
    if ((url_is_address(&realm) || url_is_loopback(&realm)) && !both_here && !same_host)
        return refuse(registry, shown, "it is an address, not a name", err);
    *out = realm;
    realm = (struct url){0};
    return 0;
}
