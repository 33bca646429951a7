/* Programs that keep credentials, docker-credential-NAME: docker's credential helper protocol.
 * Private. */
#ifndef REGISTRY_CREDENTIAL_HELPER_H
#define REGISTRY_CREDENTIAL_HELPER_H

#include <base/error.h>

/* What the helper has for the key (a host, or docker.io's address): 1 found, 0 it has none. The
 * caller frees both. ERROR_HOST where it is not there, fails or says nonsense; it has a minute. */
int credential_helper_get(const char *name, const char *key, char **user, char **secret,
                          struct error *err);
/* Keep, and forget. */
int credential_helper_store(const char *name, const char *key, const char *user, const char *secret,
                            struct error *err);
int credential_helper_erase(const char *name, const char *key, struct error *err);

#endif
