/* The list of what refers to a manifest: by the referrers API, or under the fallback tag. Private.
 */
#ifndef REGISTRY_REFERRERS_H
#define REGISTRY_REFERRERS_H

#include "artifact.h"
#include "session.h"

enum { REFERRERS_CAP = 10000 };

/* Append the referrers of the digest, of this type or (NULL) all. */
int referrers_get(struct session *s, const struct digest *subject, const char *type,
                  struct artifacts *out, struct error *err);
/* Note an artifact (its manifest is there) under the subject's fallback tag, for a registry that
 * keeps no list itself. What others put there at the same time is kept. */
int referrers_note(struct session *s, const struct digest *subject, const struct artifact *artifact,
                   struct error *err);

#endif
