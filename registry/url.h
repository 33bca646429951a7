/* URLs as libcurl itself reads them, so that what is checked is what is connected to. An origin is
 * scheme, host and port: credentials belong to one (RFC 6454; CVE-2020-15157). Private. */
#ifndef REGISTRY_URL_H
#define REGISTRY_URL_H

#include <base/error.h>

#include <stdbool.h>

struct url {
    char *text;   /* whole, as it is requested */
    char *scheme; /* "http" or "https" */
    char *host;   /* lower case; an IPv6 address in brackets */
    char *port;   /* always set */
    char *path;   /* without the query */
};

/* http and https alone, without user information, at most 16 KiB. ERROR_INPUT. */
int url_parse(const char *text, struct url *out, struct error *err);
/* The same, relative to base (a Location header). A step down from TLS is ERROR_NETWORK. */
int url_resolve(const struct url *base, const char *location, struct url *out, struct error *err);
void url_copy(const struct url *from, struct url *to);
void url_release(struct url *u);
#define autourl __attribute__((cleanup(url_release))) struct url

/* What can be asked of one: whether a credential for the one may go to the other, TLS, the kind of
 * host. */
bool url_same_origin(const struct url *a, const struct url *b);
bool url_is_tls(const struct url *u);
bool url_is_loopback(const struct url *u);
bool url_is_address(const struct url *u); /* the host is an IP address, not a name */
/* For messages: without the query, which may hold a signature. The caller frees it. */
char *url_shown(const struct url *u) __attribute__((returns_nonnull));
/* The same of any text that should be one, hostile or not; without user information either. */
char *url_shown_text(const char *text) __attribute__((returns_nonnull));
/* With name=value appended to the query, value escaped. */
int url_add_query(const struct url *u, const char *name, const char *value, struct url *out,
                  struct error *err);

#endif
