#include "auth.h"

#include "challenge.h"
#include "credentials.h"
#include "token.h"

#include <base/log.h>
#include <base/mem.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SCOPE_CAP = 4096, CHALLENGES_CAP = 8 };

struct entry {
    char *scope; /* as requests name it */
    char *asked; /* with what the registry's challenge added */
    struct token token;
    bool accepted; /* a token for it has been of use, this one or one before */
    struct entry *next;
};

struct auth {
    char *host, *repository;
    const struct transport_options *options;
    struct http *http;
    struct retry *retry;

    /* Under lock. It is held while a token is fetched: whoever waits for it most likely wants the
     * same one. */
    pthread_mutex_t lock;
    struct credentials credentials;
    bool looked_up, basic;
    struct url registry, realm; /* realm.text NULL: no token server yet */
    char *service;
    struct entry *entries;
};

struct auth *auth_new(const char *host, const char *repository,
                      const struct transport_options *options, struct http *http,
                      struct retry *retry)
{
    struct auth *a = mem_zalloc(1, sizeof *a);
    a->host = mem_strdup(host);
    a->repository = mem_strdup_null(repository);
    a->options = options;
    a->http = http;
    a->retry = retry;
    pthread_mutex_init(&a->lock, NULL);
    return a;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    for (struct entry *e = a->entries, *next; e; e = next) {
        next = e->next;
        token_release(&e->token);
        free(e->scope);
        free(e->asked);
        free(e);
    }
    credentials_release(&a->credentials);
    url_release(&a->registry);
    url_release(&a->realm);
    pthread_mutex_destroy(&a->lock);
    free(a->service);
    free(a->host);
    free(a->repository);
    free(a);
}

void auth_forget(char *header)
{
    if (header)
        explicit_bzero(header, strlen(header));
    free(header);
}

static bool has_action(const char *actions, const char *wanted)
{
    autostrv list = STRV_INIT;
    strv_split(&list, actions, ',');
    return strv_contains(&list, wanted) || strv_contains(&list, "*");
}

/* "repository:o/n:pull" in "repository:o/n:pull,push" */
static bool one_covers(const char *have, const char *want)
{
    const char *have_colon = strrchr(have, ':'), *want_colon = strrchr(want, ':');
    if (!have_colon || !want_colon || have_colon - have != want_colon - want ||
        strncmp(have, want, (size_t)(have_colon - have)) != 0)
        return str_eq(have, want);
    autostrv actions = STRV_INIT;
    strv_split(&actions, want_colon + 1, ',');
    for (size_t i = 0; i < actions.count; i++)
        if (!has_action(have_colon + 1, actions.items[i]))
            return false;
    return true;
}

static bool some_covers(const struct strv *have, const char *want)
{
    for (size_t i = 0; i < have->count; i++)
        if (one_covers(have->items[i], want))
            return true;
    return !*want;
}

bool auth_scope_covers(const char *have, const char *want)
{
    autostrv h = STRV_INIT, w = STRV_INIT;
    strv_split(&h, have, ' ');
    strv_split(&w, want, ' ');
    for (size_t i = 0; i < w.count; i++)
        if (!some_covers(&h, w.items[i]))
            return false;
    return true;
}

/* What is asked for: the request's scopes, and those that the registry named besides. */
static char *join_scopes(const char *scope, const char *named)
{
    autostrv all = STRV_INIT, more = STRV_INIT;
    if (scope && *scope)
        strv_split(&all, scope, ' ');
    if (named && strlen(named) <= SCOPE_CAP)
        strv_split(&more, named, ' ');
    for (size_t i = 0; i < more.count; i++)
        if (!some_covers(&all, more.items[i]))
            strv_add(&all, more.items[i]);
    return strv_join(&all, " ");
}

static int look_up(struct auth *a, struct error *err)
{
    if (a->looked_up)
        return 0;
    if (credentials_find(a->host, a->repository, a->options, &a->credentials, err))
        return -1;
    a->looked_up = true;
    return 0;
}

static struct entry *find(const struct auth *a, const char *scope)
{
    for (struct entry *e = a->entries; e; e = e->next)
        if (str_eq(e->scope, scope))
            return e;
    return NULL;
}

/* The credentials to show to the token server: none where they are not for it. */
static const struct credentials *for_realm(struct auth *a)
{
    if (!a->credentials.from)
        return NULL;
    if (challenge_realm_trusted(&a->registry, &a->realm))
        return &a->credentials;
    log_warning("the credentials for %s are not shown to its token server %s, which is on another "
                "site",
                a->host, a->realm.host);
    return NULL;
}

/* A new token for e, asking for its `asked`. */
static int fetch(struct auth *a, struct entry *e, struct error *err)
{
    autostrv scopes = STRV_INIT;
    struct token token = {0};
    if (*e->asked)
        strv_split(&scopes, e->asked, ' ');
    struct token_request request = {
        .realm = &a->realm,
        .service = a->service,
        .scopes = &scopes,
        .credentials = for_realm(a),
        .public_only = !url_is_loopback(&a->registry) && !str_eq(a->realm.host, a->registry.host),
    };
    if (token_fetch(a->http, a->retry, &request, &token, err))
        return -1;
    token_release(&e->token);
    e->token = token;
    return 0;
}

static struct entry *entry_for(struct auth *a, const char *scope)
{
    struct entry *e = find(a, scope);
    if (e)
        return e;
    e = mem_zalloc(1, sizeof *e);
    e->scope = mem_strdup(scope);
    e->asked = mem_strdup(scope);
    e->next = a->entries;
    a->entries = e;
    return e;
}

static int current_header(struct auth *a, const char *scope, char **out, struct error *err)
{
    *out = NULL;
    if (a->basic) {
        const struct credentials *c = &a->credentials;
        *out = credentials_basic(c->user, c->password ? c->password : "");
        return 0;
    }
    if (!a->realm.text)
        return 0;
    struct entry *e = entry_for(a, scope);
    if ((!e->token.value || e->token.expires_at <= retry_clock()) && fetch(a, e, err))
        return -1;
    *out = mem_printf("Bearer %s", e->token.value);
    return 0;
}

int auth_header(struct auth *a, const char *scope, char **out, struct error *err)
{
    pthread_mutex_lock(&a->lock);
    int failed = current_header(a, scope, out, err);
    pthread_mutex_unlock(&a->lock);
    return failed;
}

static bool is_current(const struct entry *e, const char *used)
{
    return e && e->token.value && used && str_starts(used, "Bearer ") &&
           str_eq(used + strlen("Bearer "), e->token.value);
}

void auth_accepted(struct auth *a, const char *scope, const char *used)
{
    if (!used)
        return;
    pthread_mutex_lock(&a->lock);
    struct entry *e = find(a, scope);
    if (is_current(e, used))
        e->accepted = true;
    pthread_mutex_unlock(&a->lock);
}

/* The registry wants a token. Where it took one before, that has expired; where it never did,
 * another is only fetched if it asks for more. */
static int answer_bearer(struct auth *a, const char *scope, const struct challenge *c,
                         const char *used, struct error *err)
{
    autourl realm = {0};
    if (challenge_realm(c, &a->registry, &realm, err))
        return -1;
    url_release(&a->realm);
    a->realm = realm;
    realm = (struct url){0};
    free(a->service);
    a->service = mem_strdup_null(c->service);
    a->basic = false;
    struct entry *e = entry_for(a, scope);
    if (e->token.value && !is_current(e, used) && e->token.expires_at > retry_clock())
        return 1; /* another thread was here first */
    autofree char *wanted = join_scopes(scope, c->scope);
    if (e->token.value && !e->accepted && is_current(e, used) &&
        auth_scope_covers(e->asked, wanted))
        return 0;
    free(e->asked);
    e->asked = take(&wanted);
    return fetch(a, e, err) ? -1 : 1;
}

static int answer(struct auth *a, const char *scope, const struct http_exchange *x,
                  const char *used, struct error *err)
{
    autochallenge c = {0};
    const char *header;
    for (size_t i = 0; i < CHALLENGES_CAP && (header = http_header_nth(x, "WWW-Authenticate", i));
         i++)
        challenge_parse(header, &c);
    url_release(&a->registry);
    url_copy(http_url(x), &a->registry);
    if (look_up(a, err))
        return -1;
    if (c.bearer)
        return answer_bearer(a, scope, &c, used, err);
    if (!c.basic || !a->credentials.user || (used && str_starts(used, "Basic ")))
        return 0;
    a->basic = true;
    return 1;
}

int auth_answer(struct auth *a, const char *scope, const struct http_exchange *x, const char *used,
                struct error *err)
{
    pthread_mutex_lock(&a->lock);
    int result = answer(a, scope, x, used, err);
    pthread_mutex_unlock(&a->lock);
    return result;
}

const char *auth_from(struct auth *a)
{
    pthread_mutex_lock(&a->lock);
    const char *from = a->credentials.from;
    pthread_mutex_unlock(&a->lock);
    return from;
}
