/* A bounded ring of buffers between two threads: one fills, the other empties, in order. The buffer
 * that was emptied last is filled next, while it is still in the processor's cache. */
#ifndef ROOTFS_LAYER_RING_H
#define ROOTFS_LAYER_RING_H

#include <stdbool.h>
#include <stddef.h>

enum { LAYER_RING_BUFFER = 256 * 1024 };

struct layer_ring;

struct layer_ring *layer_ring_new(void);
/* Both sides must be done with it. */
void layer_ring_free(struct layer_ring *ring);

/* The filling side. A buffer of LAYER_RING_BUFFER bytes to fill, or NULL once the other side gave
 * up. */
unsigned char *layer_ring_claim(struct layer_ring *ring);
/* Pass on the buffer last claimed, with n bytes in it. */
void layer_ring_pass(struct layer_ring *ring, size_t n);
/* Nothing more comes; failed: and what came is not all there was. */
void layer_ring_end(struct layer_ring *ring, bool failed);

/* The emptying side. The next buffer (the one before goes back); its size in *n, 0 at a clean end;
 * NULL where the filling side failed. */
const unsigned char *layer_ring_next(struct layer_ring *ring, size_t *n);
/* Give up: the filling side is told at its next claim. */
void layer_ring_stop(struct layer_ring *ring);

#endif
