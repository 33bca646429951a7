#include "segments.h"

#include <base/mem.h>
#include <base/str.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Where the k-th helper puts what it fetches. A slot is filled by its helper and emptied by the
 * reader, in turns: segment i is slot i % count's. */
struct slot {
    struct segments *owner;
    pthread_t thread;
    char *bytes;
    size_t filled, taken;
    bool ready; /* all of it is there */
};

struct segments {
    struct session *session;
    struct digest digest;
    int64_t from, size;
    size_t count;    /* of slots */
    int64_t reading; /* the segment that the reader is at */
    struct slot slots[SEGMENT_HELPERS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool stop;
    struct error problem; /* under lock: of the helper that failed first */
};

static int64_t segment_count(const struct segments *s)
{
    return (s->size - s->from + SEGMENT_SIZE - 1) / SEGMENT_SIZE;
}

static size_t segment_length(const struct segments *s, int64_t i)
{
    int64_t left = s->size - s->from - i * SEGMENT_SIZE;
    return left < SEGMENT_SIZE ? (size_t)left : SEGMENT_SIZE;
}

/* "bytes 10-19/40" is just what was asked for. */
static bool is_range(const struct http_exchange *x, int64_t first, int64_t last)
{
    const char *range = http_header(x, "Content-Range");
    autofree char *wanted = mem_printf("bytes %" PRId64 "-%" PRId64 "/", first, last);
    return range && str_starts(range, wanted);
}

/* One request for what the slot still lacks of the segment. 1: cut, another try may help. */
static int fetch_part(struct slot *slot, int64_t i, struct error *err)
{
    struct segments *s = slot->owner;
    size_t length = segment_length(s, i);
    int64_t first = s->from + i * SEGMENT_SIZE + (int64_t)slot->filled;
    int64_t last = s->from + i * SEGMENT_SIZE + (int64_t)length - 1;
    autofree char *path = mem_printf("%s/blobs/%s", session_repository(s->session), s->digest.text);
    struct session_request request = {
        .method = "GET", .path = path, .range_from = first, .range_to = last, .abort = &s->stop};
    autoexchange *x = NULL;
    if (session_send(s->session, &request, &x, err))
        return -1;
    if (http_status(x) != 206 || !is_range(x, first, last))
        return error_set(err, ERROR_NETWORK, "the registry sends another part than asked for");
    while (slot->filled < length) {
        ssize_t got = http_read(x, slot->bytes + slot->filled, length - slot->filled, err);
        if (got < 0)
            return http_fault_of(x) == HTTP_FAULT_CUT ? 1 : -1;
        if (!got)
            return error_set(err, ERROR_NETWORK, "a part of the blob ended too soon");
        slot->filled += (size_t)got;
    }
    return 0;
}

static int fetch_segment(struct slot *slot, int64_t i, struct error *err)
{
    slot->filled = slot->taken = 0;
    for (unsigned tries = 1;; tries++) {
        autoerror problem = ERROR_INIT;
        size_t before = slot->filled;
        int result = fetch_part(slot, i, &problem);
        if (slot->filled > before)
            tries = 1;
        int again =
            result > 0 && !slot->owner->stop
                ? retry_wait(session_retry(slot->owner->session), tries, RETRY_TRIES, -1, err)
                : 0;
        if (!result || again < 0)
            return again < 0 ? -1 : 0;
        if (!again)
            return error_move(err, &problem);
        error_ignore(&problem, "another try");
    }
}

/* Wait until the reader has emptied the slot. False: it is over. */
static bool await_turn(struct slot *slot)
{
    struct segments *s = slot->owner;
    pthread_mutex_lock(&s->lock);
    while (slot->ready && !s->stop)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return !s->stop;
}

static void *help(void *context)
{
    struct slot *slot = context;
    struct segments *s = slot->owner;
    for (int64_t i = slot - s->slots; i < segment_count(s); i += (int64_t)s->count) {
        autoerror problem = ERROR_INIT;
        if (!await_turn(slot))
            break;
        int failed = fetch_segment(slot, i, &problem);
        pthread_mutex_lock(&s->lock);
        slot->ready = !failed;
        if (failed && !s->problem.message)
            error_move(&s->problem, &problem);
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        if (failed)
            break;
    }
    return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(struct slot *slot)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&slot->thread, NULL, help, slot);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

struct segments *segments_start(struct session *session, const struct digest *digest, int64_t from,
                                int64_t size)
{
    struct segments *s = mem_zalloc(1, sizeof *s);
    s->session = session;
    s->digest = *digest;
    s->from = from;
    s->size = size;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    /* The count is what the helpers stride by: it is known before the first runs. */
    int64_t wanted = segment_count(s);
    s->count = wanted < SEGMENT_HELPERS ? (size_t)wanted : SEGMENT_HELPERS;
    size_t started = 0;
    for (; started < s->count; started++) {
        struct slot *slot = &s->slots[started];
        slot->owner = s;
        slot->bytes = mem_alloc(SEGMENT_SIZE);
        if (start_thread(slot)) {
            free(take(&slot->bytes));
            break;
        }
    }
    if (started == s->count)
        return s;
    s->count = started;
    segments_stop(s);
    return NULL;
}

/* The slot of the segment in turn, once it is there; NULL where a helper failed. */
static struct slot *await_slot(struct segments *s, struct error *err)
{
    struct slot *slot = &s->slots[(size_t)s->reading % s->count];
    pthread_mutex_lock(&s->lock);
    while (!slot->ready && !s->problem.message)
        pthread_cond_wait(&s->changed, &s->lock);
    bool ready = slot->ready;
    if (!ready)
        error_move(err, &s->problem);
    pthread_mutex_unlock(&s->lock);
    return ready ? slot : NULL;
}

ssize_t segments_read(struct segments *s, void *buffer, size_t n, struct error *err)
{
    if (s->reading == segment_count(s) || !n)
        return 0;
    struct slot *slot = await_slot(s, err);
    if (!slot)
        return -1;
    size_t left = slot->filled - slot->taken;
    if (n > left)
        n = left;
    memcpy(buffer, slot->bytes + slot->taken, n);
    slot->taken += n;
    if (slot->taken == slot->filled) {
        pthread_mutex_lock(&s->lock);
        slot->ready = false;
        s->reading++;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
    return (ssize_t)n;
}

void segments_stop(struct segments *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < s->count; i++) {
        pthread_join(s->slots[i].thread, NULL);
        free(s->slots[i].bytes);
    }
    error_release(&s->problem);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
