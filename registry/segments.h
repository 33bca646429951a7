/* The rest of a large blob over several connections at once, for registries that serve each one
 * slowly: helper threads fetch the next segments ahead, one reader takes their bytes in order.
 * Memory is bounded by the segments in flight. Private. */
#ifndef REGISTRY_SEGMENTS_H
#define REGISTRY_SEGMENTS_H

#include "session.h"

enum { SEGMENT_SIZE = 2 * 1024 * 1024, SEGMENT_HELPERS = 4 };

struct segments;

/* Fetch the bytes from `from` to size of the blob. NULL where no thread could be started. s
 * outlives it. */
struct segments *segments_start(struct session *s, const struct digest *digest, int64_t from,
                                int64_t size);
/* Up to n bytes; 0 at the end. Bytes that were handed out before an error are good: the caller may
 * go on behind them by itself. */
ssize_t segments_read(struct segments *s, void *buffer, size_t n, struct error *err);
void segments_stop(struct segments *s); /* ends and joins the helpers, frees; NULL is fine */

#endif
