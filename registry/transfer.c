#include "transfer.h"

#include <base/interrupt.h>
#include <base/mem.h>

#include <stdlib.h>

struct counted {
    struct source source;
    struct source *inner;
    struct transfer *transfer;
    struct progress_task *task;
};

static ssize_t counted_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct counted *s = (struct counted *)self;
    if (interrupt_check(err))
        return -1;
    if (atomic_load_explicit(&s->transfer->failed, memory_order_relaxed))
        return error_set(err, ERROR_INTERRUPTED, "given up: another blob failed");
    ssize_t got = source_read(s->inner, buffer, n, err);
    if (got > 0 && s->task)
        progress_add(s->task, got);
    return got;
}

static void counted_close(struct source *self)
{
    struct counted *s = (struct counted *)self;
    source_close(s->inner);
    free(s);
}

struct source *transfer_source(struct transfer *t, struct progress_task *task, struct source *inner)
{
    struct counted *s = mem_zalloc(1, sizeof *s);
    s->source = (struct source){counted_read, counted_close};
    s->inner = inner;
    s->transfer = t;
    s->task = task;
    return &s->source;
}

struct progress_task *transfer_task(struct transfer *t, const char *verb,
                                    const struct digest *digest, int64_t total)
{
    autofree char *name = mem_printf("%s %.12s", verb, digest_hex(digest));
    return progress_start(t->progress, name, total);
}
