/* Bearer tokens from a registry's token server: the distribution project's token and OAuth 2
 * specifications (auth/token, auth/oauth). Private. */
#ifndef REGISTRY_TOKEN_H
#define REGISTRY_TOKEN_H

#include "credentials.h"
#include "http.h"
#include "retry.h"

enum { TOKEN_ANSWER_CAP = 1 << 20, TOKEN_CAP = 64 * 1024 };

struct token {
    char *value;
    int64_t expires_at; /* of the monotonic clock, in milliseconds; some seconds early */
};

struct token_request {
    const struct url *realm;               /* checked: see challenge_realm */
    const char *service;                   /* or NULL */
    const struct strv *scopes;             /* "repository:o/n:pull,push" */
    const struct credentials *credentials; /* NULL: ask for what anybody gets */
    bool public_only;                      /* see struct http_request */
};

/* With an identity token by POST, and where that isn't offered, as for all else, by GET. Redirects
 * are not followed. ERROR_AUTH where it is refused. */
int token_fetch(struct http *http, struct retry *retry, const struct token_request *request,
                struct token *out, struct error *err);
void token_release(struct token *t);

/* The server's answer, at a time of the monotonic clock. ERROR_AUTH where there is no token in it,
 * or one that cannot stand in a header. */
int token_parse(const void *bytes, size_t n, int64_t now_ms, struct token *out, struct error *err);

#endif
