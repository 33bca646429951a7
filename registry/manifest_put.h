/* A manifest or index into a registry, read back: OCI distribution-spec 1.1, "Pushing Manifests".
 * Private. */
#ifndef REGISTRY_MANIFEST_PUT_H
#define REGISTRY_MANIFEST_PUT_H

#include "session.h"

/* Put it under a tag or its digest (reference), and see that it is there: its bytes are hashed,
 * since a header would only repeat what we said. *takes_subject (may be NULL): the registry says
 * that it lists the manifest among its subject's referrers itself (OCI-Subject). ERROR_INTEGRITY
 * where something else is there afterwards. */
int manifest_put(struct session *s, const struct manifest *m, const char *reference,
                 bool *takes_subject, struct error *err);

#endif
