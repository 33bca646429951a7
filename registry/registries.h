/* What the host's administrator and the user say about registries: containers-registries.conf(5),
 * version 2. Which places to pull an image from (mirrors, rewritten locations, aliases of short
 * names), what is blocked, and whom to trust unseen. Private.
 *
 * Read are $CONTAINERS_REGISTRIES_CONF, else ~/.config/containers/registries.conf, else
 * /etc/containers/registries.conf; then the *.conf of $CONTAINERS_REGISTRIES_CONF_DIR, else of
 * /etc/containers/registries.conf.d and ~/.config/containers/registries.conf.d, in the order of
 * their names. A later [[registry]] of the same prefix, or alias, replaces an earlier one.
 * unqualified-search-registries is not used: a short name without an alias is docker.io's, as with
 * Docker, so that a Dockerfile means the same image everywhere. */
#ifndef REGISTRY_REGISTRIES_H
#define REGISTRY_REGISTRIES_H

#include "reference.h"

#include <stdbool.h>
#include <stddef.h>

enum { REGISTRIES_CONF_CAP = 1 << 20, REGISTRIES_CAP = 1024 };

struct registries;

struct registries *registries_new(void) __attribute__((returns_nonnull));
void registries_free(struct registries *r);
void registries_free_at(struct registries **r);
#define autoregistries __attribute__((cleanup(registries_free_at))) struct registries
/* Add what one file says. ERROR_INPUT with its place, or for version 1 of the format. */
int registries_add(struct registries *r, const void *bytes, size_t n, const char *name,
                   struct error *err);
/* Add what the files above say. Files that are absent say nothing. */
int registries_load(struct registries *r, struct error *err);

/* One place to pull from. */
struct registry_place {
    struct reference ref;
    bool insecure;
    bool mirror; /* and not the registry itself */
};

/* The places to try for an image in a registry, mirrors first, the registry itself last. The caller
 * frees them with registry_places_free. ERROR_AUTH where it is blocked, ERROR_INPUT where a rewrite
 * gives no name. */
int registries_places(const struct registries *r, const struct reference *ref,
                      struct registry_place **out, size_t *count, struct error *err);
void registry_places_free(struct registry_place *places, size_t count);
/* Whether one may push there, and without verified TLS: mirrors and rewrites are for pulls alone.
 * ERROR_AUTH where it is blocked. */
int registries_check_push(const struct registries *r, const struct reference *ref, bool *insecure,
                          struct error *err);

#endif
