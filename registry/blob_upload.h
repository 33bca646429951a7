/* Blobs into a registry: OCI distribution-spec 1.1, "Push". Private. */
#ifndef REGISTRY_BLOB_UPLOAD_H
#define REGISTRY_BLOB_UPLOAD_H

#include "session.h"

#include <base/stream.h>

/* 1 where the registry has it, 0 where not, -1 error. */
int blob_exists(struct session *s, const struct digest *digest, struct error *err);

/* Ask the registry to take the blob over from another of its repositories: 1 done; 0 not possible,
 * whatever the reason. Where it opened an upload instead, *upload is its address (else empty). */
int blob_mount(struct session *s, const struct digest *digest, const char *from_repository,
               struct url *upload, struct error *err);

/* Send it, in one piece, from a fresh source for every try; where that broke on the way, or was too
 * much at once, in chunks. upload: an upload that is open already, or an empty one. An answer that
 * leaves open whether the blob arrived is settled by asking for it, and followed by a fresh upload.
 */
int blob_upload(struct session *s, const struct descriptor *descriptor, const struct url *upload,
                int (*open_blob)(void *context, struct source **out, struct error *err),
                void *context, struct error *err);

#endif
