/* A WWW-Authenticate header of any bytes: what it asks for is read or left out, and the token
 * server that it names is only taken where it is one that may be asked. */
#include "registry/challenge.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static void check_realm(const struct challenge *c, const char *registry)
{
    autoerror err = ERROR_INIT;
    autourl from = {0}, realm = {0};
    if (url_parse(registry, &from, &err))
        abort();
    if (challenge_realm(c, &from, &realm, &err)) {
        if (err.kind != ERROR_AUTH || realm.text)
            abort();
        return;
    }
    if (url_is_tls(&from) && !url_is_tls(&realm))
        abort();
    if (!url_is_loopback(&from) && url_is_loopback(&realm))
        abort();
    if (strchr(realm.host, '@') || strpbrk(realm.text, " \r\n"))
        abort();
    challenge_realm_trusted(&from, &realm);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    if (n > 32768)
        return 0;
    autofree char *header = mem_strndup((const char *)bytes, n);
    autochallenge c = {0};
    challenge_parse(header, &c);
    if ((c.realm || c.service || c.scope) && !c.bearer)
        abort();
    challenge_parse("Basic realm=\"x\"", &c); /* a further header */
    if (!c.basic)
        abort();
    check_realm(&c, "https://registry.example/v2/");
    check_realm(&c, "http://127.0.0.1:5000/v2/");
    return 0;
}
