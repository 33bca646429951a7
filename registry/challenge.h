/* What a registry asks for with a 401: WWW-Authenticate (RFC 9110 section 11.6.1), Basic (RFC 7617)
 * and Bearer as the distribution project's token specification has it. Private. */
#ifndef REGISTRY_CHALLENGE_H
#define REGISTRY_CHALLENGE_H

#include "url.h"

#include <base/error.h>

#include <stdbool.h>

struct challenge {
    bool basic, bearer;
    char *realm, *service, *scope; /* of Bearer; NULL where not given */
};

/* Add what one header says to c (zero-initialised before the first); of several Bearer challenges
 * the first counts. What cannot be read is left out. */
void challenge_parse(const char *header, struct challenge *c);
void challenge_release(struct challenge *c);
#define autochallenge __attribute__((cleanup(challenge_release))) struct challenge

/* The token server of c, checked: https where the registry speaks it, no user information, an IP
 * address only where both are on loopback or the same. ERROR_AUTH. */
int challenge_realm(const struct challenge *c, const struct url *registry, struct url *out,
                    struct error *err);
/* Whether credentials for the registry may go to its token server: the same site, or one known by
 * name. */
bool challenge_realm_trusted(const struct url *registry, const struct url *realm);

#endif
