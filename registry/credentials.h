/* Credentials for a registry, from where people keep them. Never logged, never in a message.
 *
 * The first of these that has some: the options; $REGISTRY_AUTH_FILE; docker's config.json
 * ($DOCKER_CONFIG or ~/.docker), its helper programs before its own entries;
 * $XDG_RUNTIME_DIR/containers/auth.json; ~/.config/containers/auth.json; for ghcr.io $GITHUB_TOKEN
 * (as $GITHUB_ACTOR). Private. */
#ifndef REGISTRY_CREDENTIALS_H
#define REGISTRY_CREDENTIALS_H

#include "transport.h"

#include <base/error.h>
#include <base/json.h>

#include <stdbool.h>

enum { CREDENTIALS_FILE_CAP = 1 << 20 };

struct credentials {
    char *user, *password; /* NULL: none */
    char *identity_token;  /* an OAuth 2 refresh token in place of a password; or NULL */
    char *from;            /* where they are from, for messages; NULL: none were found */
};

/* For this host ("ghcr.io", "127.0.0.1:5000", "docker.io") and repository (may be NULL). Finding
 * none is no error. ERROR_INPUT for a file that cannot be understood, ERROR_HOST for a helper
 * program that fails. */
int credentials_find(const char *host, const char *repository,
                     const struct transport_options *options, struct credentials *out,
                     struct error *err);
void credentials_release(struct credentials *c);
#define autocredentials __attribute__((cleanup(credentials_release))) struct credentials
/* "Basic …" for a user and password; the caller frees it. */
char *credentials_basic(const char *user, const char *password) __attribute__((returns_nonnull));

/* The parsed content of a config.json or auth.json, looked up: 1 found, 0 not. path is for
 * messages. helpers: run the helper programs that it names. */
int credentials_in(const json_t *config, const char *path, const char *host, const char *repository,
                   bool helpers, struct credentials *out, struct error *err);
/* The helper program's name that config has for the host ("osxkeychain"); NULL: none. */
const char *credentials_helper_for(const json_t *config, const char *host);
/* The name under which docker keeps this host: "https://index.docker.io/v1/" for docker.io. */
const char *credentials_key(const char *host);
/* docker's config.json; the caller frees it. NULL where there is no home. */
char *credentials_docker_file(void);

#endif
