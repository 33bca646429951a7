/* Who we are to a registry: nobody until it asks, then Basic or a token per scope, kept until it
 * expires. One for all threads that speak to the registry. Private. */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include "http.h"
#include "retry.h"

struct auth;

/* host and repository as references have them; they choose the credentials. All else outlives it.
 */
struct auth *auth_new(const char *host, const char *repository,
                      const struct transport_options *options, struct http *http,
                      struct retry *retry) __attribute__((returns_nonnull));
void auth_free(struct auth *a);

/* The Authorization header for a request of this scope ("repository:o/n:pull", several parted by
 * blanks), as far as the registry has asked for one, else NULL. The caller frees it with
 * auth_forget. */
int auth_header(struct auth *a, const char *scope, char **out, struct error *err);
void auth_forget(char *header);
/* The registry took this header. */
void auth_accepted(struct auth *a, const char *scope, const char *used);
/* The registry answered 401, x, to a request with the header used (may be NULL). 1: there is
 * something better now, see auth_header; 0: there isn't; -1 error. */
int auth_answer(struct auth *a, const char *scope, const struct http_exchange *x, const char *used,
                struct error *err);
/* Where the credentials in use are from; NULL: there are none. Owned by a. */
const char *auth_from(struct auth *a);

/* Whether a token for the scopes `have` is good for all of `want`. */
bool auth_scope_covers(const char *have, const char *want);

#endif
