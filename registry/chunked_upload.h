/* A blob sent in chunks, each of which may break without losing those before it: OCI
 * distribution-spec 1.1, "Pushing a blob in chunks". For registries that don't take it in one
 * piece, and for connections that don't last that long. Private. */
#ifndef REGISTRY_CHUNKED_UPLOAD_H
#define REGISTRY_CHUNKED_UPLOAD_H

#include "session.h"

#include <base/stream.h>

/* The most that GHCR takes in a request with Content-Range. */
enum { CHUNK_SIZE = 4 * 1024 * 1024 };

struct chunked_upload {
    struct session *session;
    const struct descriptor *descriptor;
    int (*open_blob)(void *context, struct source **out, struct error *err);
    void *context;
    const char *what;  /* "blob sha256:…" */
    int64_t chunk_min; /* what the registry asked for (OCI-Chunk-Min-Length); 0: nothing */
};

/* Send it to the upload open at *place (which moves with each chunk). After a chunk whose fate is
 * not known the registry is asked how far it got, and no byte that it has is sent again.
 * 0 all bytes are there and checked, and *place waits for the digest; 1 the registry lost the
 * upload, or the tries are used up: *problem says how, *after how long it wants us to wait (ms, or
 * -1); -1 error. */
int chunked_upload_send(const struct chunked_upload *upload, struct url *place,
                        struct error *problem, int64_t *after, struct error *err);

/* How many bytes an open upload has, in *at, and where it goes on, in *place: 1; 0 where the
 * registry doesn't know it any more; -1 error. */
int chunked_upload_status(struct session *s, struct url *place, int64_t *at, struct error *err);

#endif
