#include "layer_ring.h"

#include <base/mem.h>

#include <pthread.h>
#include <stdlib.h>

enum { BUFFERS = 16 };

struct buffer {
    unsigned char *bytes; /* allocated when first needed */
    size_t n;
};

struct layer_ring {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct buffer buffers[BUFFERS];
    unsigned free[BUFFERS], free_count; /* a stack */
    unsigned full[BUFFERS], first, full_count;
    int claimed, emptying; /* index, or -1 */
    bool ended, failed, stopped;
};

struct layer_ring *layer_ring_new(void)
{
    struct layer_ring *r = mem_zalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->moved, NULL);
    for (unsigned i = 0; i < BUFFERS; i++)
        r->free[r->free_count++] = BUFFERS - 1 - i;
    r->claimed = r->emptying = -1;
    return r;
}

void layer_ring_free(struct layer_ring *r)
{
    for (unsigned i = 0; i < BUFFERS; i++)
        free(r->buffers[i].bytes);
    pthread_cond_destroy(&r->moved);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

unsigned char *layer_ring_claim(struct layer_ring *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->stopped && !r->free_count)
        pthread_cond_wait(&r->moved, &r->lock);
    struct buffer *b = NULL;
    if (!r->stopped) {
        r->claimed = (int)r->free[--r->free_count];
        b = &r->buffers[r->claimed];
    }
    pthread_mutex_unlock(&r->lock);
    if (b && !b->bytes)
        b->bytes = mem_alloc(LAYER_RING_BUFFER);
    return b ? b->bytes : NULL;
}

void layer_ring_pass(struct layer_ring *r, size_t n)
{
    pthread_mutex_lock(&r->lock);
    r->buffers[r->claimed].n = n;
    r->full[(r->first + r->full_count++) % BUFFERS] = (unsigned)r->claimed;
    r->claimed = -1;
    pthread_cond_signal(&r->moved);
    pthread_mutex_unlock(&r->lock);
}

void layer_ring_end(struct layer_ring *r, bool failed)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    r->failed = failed;
    pthread_cond_signal(&r->moved);
    pthread_mutex_unlock(&r->lock);
}

const unsigned char *layer_ring_next(struct layer_ring *r, size_t *n)
{
    static const unsigned char nothing[1];
    const unsigned char *bytes = NULL;
    pthread_mutex_lock(&r->lock);
    if (r->emptying >= 0) {
        r->free[r->free_count++] = (unsigned)r->emptying;
        r->emptying = -1;
        pthread_cond_signal(&r->moved);
    }
    while (!r->full_count && !r->ended)
        pthread_cond_wait(&r->moved, &r->lock);
    *n = 0;
    if (r->full_count) {
        r->emptying = (int)r->full[r->first];
        r->first = (r->first + 1) % BUFFERS;
        r->full_count--;
        bytes = r->buffers[r->emptying].bytes;
        *n = r->buffers[r->emptying].n;
    } else if (!r->failed) {
        bytes = nothing;
    }
    pthread_mutex_unlock(&r->lock);
    return bytes;
}

void layer_ring_stop(struct layer_ring *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopped = true;
    pthread_cond_signal(&r->moved);
    pthread_mutex_unlock(&r->lock);
}
