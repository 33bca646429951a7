/* A blob's bytes from a registry, as a source that goes on where a transfer was cut, and takes
 * further connections where one brings the bytes more slowly than they are used. Private. */
#ifndef REGISTRY_BLOB_DOWNLOAD_H
#define REGISTRY_BLOB_DOWNLOAD_H

#include "session.h"

#include <base/stream.h>

/* The request is sent here, so that a blob that is not there is told at once. s outlives the
 * source. The bytes are not verified. ERROR_MISSING, ERROR_AUTH, ERROR_NETWORK. */
int blob_download(struct session *s, const struct descriptor *descriptor, struct source **out,
                  struct error *err);

#endif
