/* Credentials kept for later, where docker and other tools find them too: docker's config.json
 * ($DOCKER_CONFIG or ~/.docker). What else stands in it is kept; the file is replaced whole, and
 * readable by its owner alone. Where it names a credential helper for the registry, that keeps
 * them. */
#ifndef REGISTRY_LOGIN_H
#define REGISTRY_LOGIN_H

#include "transport.h"

#include <base/error.h>

/* Show the registry these credentials, which nothing else learns of: whether it takes them, not
 * what they are good for. A registry that asks for none takes any, with a warning. ERROR_AUTH where
 * it refuses them, ERROR_USAGE for what is no host, ERROR_NETWORK. */
int login_check(const char *registry, const char *user, const char *password,
                const struct transport_options *options, struct error *err);
/* registry: "ghcr.io", "docker.io", "127.0.0.1:5000"; a scheme and a path are left out. ERROR_USAGE
 * for what is no host or a user with a colon, ERROR_INPUT for a config.json that cannot be
 * understood. */
int login_store(const char *registry, const char *user, const char *password, struct error *err);
/* ERROR_MISSING where there is nothing to forget. */
int login_remove(const char *registry, struct error *err);

#endif
