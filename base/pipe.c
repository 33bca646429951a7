#include "pipe.h"

#include "mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pipe;
struct pipe_source {
    struct source source;
    struct pipe *pipe;
};
struct pipe_sink {
    struct sink sink;
    struct pipe *pipe;
};

struct pipe {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *ring;
    size_t capacity, start, count;
    bool ended, reader_gone, writer_gone;
    struct pipe_source source;
    struct pipe_sink sink;
};

static void leave(struct pipe *p, bool *gone)
{
    pthread_mutex_lock(&p->lock);
    *gone = true;
    bool last = p->reader_gone && p->writer_gone;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free(p->ring);
    free(p);
}

static ssize_t pipe_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct pipe *p = ((struct pipe_source *)self)->pipe;
    ssize_t result = -1;
    pthread_mutex_lock(&p->lock);
    while (!p->count && !p->ended && !p->writer_gone)
        pthread_cond_wait(&p->changed, &p->lock);
    if (p->count) {
        size_t run = p->capacity - p->start;
        if (run > p->count)
            run = p->count;
        if (run > n)
            run = n;
        memcpy(buffer, p->ring + p->start, run);
        p->start = (p->start + run) % p->capacity;
        p->count -= run;
        pthread_cond_broadcast(&p->changed);
        result = (ssize_t)run;
    } else if (p->ended) {
        result = 0;
    }
    pthread_mutex_unlock(&p->lock);
    return result < 0 ? error_set(err, ERROR_INTERRUPTED, "the writer gave up") : result;
}

static int pipe_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct pipe *p = ((struct pipe_sink *)self)->pipe;
    const char *from = bytes;
    pthread_mutex_lock(&p->lock);
    while (n) {
        while (p->count == p->capacity && !p->reader_gone)
            pthread_cond_wait(&p->changed, &p->lock);
        if (p->reader_gone)
            break;
        size_t end = (p->start + p->count) % p->capacity;
        size_t run = end < p->start ? p->start - end : p->capacity - end;
        if (run > p->capacity - p->count)
            run = p->capacity - p->count;
        if (run > n)
            run = n;
        memcpy(p->ring + end, from, run);
        p->count += run;
        from += run;
        n -= run;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return n ? error_set(err, ERROR_INTERRUPTED, "the reader gave up") : 0;
}

static int pipe_finish(struct sink *self, struct error *err)
{
    struct pipe *p = ((struct pipe_sink *)self)->pipe;
    (void)err;
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return 0;
}

static void pipe_close_source(struct source *self)
{
    struct pipe *p = ((struct pipe_source *)self)->pipe;
    leave(p, &p->reader_gone);
}

static void pipe_close_sink(struct sink *self)
{
    struct pipe *p = ((struct pipe_sink *)self)->pipe;
    leave(p, &p->writer_gone);
}

void pipe_new(size_t capacity, struct source **source, struct sink **sink)
{
    struct pipe *p = mem_zalloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->ring = mem_alloc(capacity);
    p->capacity = capacity;
    p->source = (struct pipe_source){{pipe_read, pipe_close_source}, p};
    p->sink = (struct pipe_sink){{pipe_write, pipe_finish, pipe_close_sink}, p};
    *source = &p->source.source;
    *sink = &p->sink.sink;
}
