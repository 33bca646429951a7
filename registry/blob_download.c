#include "blob_download.h"

#include "segments.h"

#include <base/log.h>
#include <base/mem.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct download {
    struct source source;
    struct session *session;
    struct http_exchange *x; /* NULL: cut, or ended */
    struct digest digest;
    int64_t size, at;   /* at: bytes handed out, or skipped to */
    int64_t moved_from; /* where the current transfer began to give anything */
    unsigned tries;
    bool ended;

    /* Whether the one connection is what everything waits for. */
    int64_t started_ms, waited_ms;
    bool may_split; /* the server does ranges, and nothing has spoken against it */
    struct segments *segments;
};

/* Split what is left once a second has passed, most of it in waiting; less is not worth it. */
enum { WATCH_MS = 1000, WAITED_PERCENT = 60, SPLIT_MIN = 4 * SEGMENT_SIZE };

/* Where the bytes of a 206 begin; -1 where it doesn't say. */
static int64_t range_start(const struct http_exchange *x)
{
    const char *range = http_header(x, "Content-Range");
    if (!range || !str_starts(range, "bytes "))
        return -1;
    autofree char *first = mem_strdup(range + strlen("bytes "));
    first[strcspn(first, "-/")] = '\0';
    return str_number(str_trim(first), INT64_MAX);
}

/* A server that doesn't do ranges sends all of it again. */
static int skip(struct download *d, int64_t n, struct error *err)
{
    enum { CHUNK = 64 * 1024 };
    autofree char *chunk = mem_alloc(CHUNK);
    while (n > 0) {
        ssize_t got = http_read(d->x, chunk, n < CHUNK ? (size_t)n : CHUNK, err);
        if (got < 0)
            return -1;
        if (!got)
            return error_set(err, ERROR_INTEGRITY, "it is shorter than it was before");
        n -= got;
    }
    return 0;
}

/* Ask for the bytes from d->at on. */
static int start(struct download *d, struct error *err)
{
    autofree char *path = mem_printf("%s/blobs/%s", session_repository(d->session), d->digest.text);
    autofree char *what = mem_printf("blob %s", d->digest.text);
    struct session_request request = {.method = "GET", .path = path, .range_from = d->at};
    if (session_send(d->session, &request, &d->x, err))
        return -1;
    long status = http_status(d->x);
    if (status == 206 && d->at && range_start(d->x) == d->at)
        return 0;
    if (status == 416 && d->at)
        return error_set(err, ERROR_INTEGRITY, "%s has only %" PRId64 " bytes, not %" PRId64, what,
                         d->at, d->size);
    if (status == 206)
        return error_set(err, ERROR_NETWORK, "%s: the registry sends another part than asked for",
                         what);
    if (status != 200)
        return session_refused(d->session, d->x, what, err);
    const char *ranges = http_header(d->x, "Accept-Ranges");
    d->may_split = ranges && str_eq(ranges, "bytes");
    return skip(d, d->at, err);
}

static void stop(struct download *d)
{
    http_close(d->x);
    d->x = NULL;
}

/* The transfer broke: wait, and go on where it stopped. Tries are counted anew after one that
 * brought something. Where going on breaks too, reading tells (d->x is there) or nothing helps. */
static int go_on(struct download *d, struct error *problem, struct error *err)
{
    if (d->at > d->moved_from)
        d->tries = 0;
    if (http_fault_of(d->x) == HTTP_FAULT_FINAL)
        return error_move(err, problem);
    int again = retry_wait(session_retry(d->session), ++d->tries, RETRY_TRIES, -1, err);
    if (again < 0)
        return -1;
    if (!again)
        return error_move(err, problem);
    log_debug("blob %s: going on at byte %" PRId64 " (%s)", d->digest.text, d->at,
              problem->message);
    stop(d);
    d->moved_from = d->at;
    autoerror broken = ERROR_INIT;
    if (!start(d, &broken))
        return 0;
    if (!d->x || http_fault_of(d->x) != HTTP_FAULT_CUT)
        return error_move(err, &broken);
    error_ignore(&broken, "it is tried again");
    return 0;
}

/* Give the connection up for several, where that is worth it. */
static void consider_splitting(struct download *d)
{
    int64_t passed = retry_clock() - d->started_ms;
    if (!d->may_split || d->segments || passed < WATCH_MS || d->size - d->at < SPLIT_MIN ||
        d->waited_ms * 100 < passed * WAITED_PERCENT)
        return;
    d->may_split = false;
    d->segments = segments_start(d->session, &d->digest, d->at, d->size);
    if (!d->segments)
        return;
    log_debug("blob %s: the rest comes over %d connections", d->digest.text, SEGMENT_HELPERS);
    stop(d);
}

/* From the segments; where they fail the rest comes as ever, over one. 1: that is to be read now.
 */
static ssize_t read_segments(struct download *d, void *buffer, size_t n, bool *over,
                             struct error *err)
{
    autoerror problem = ERROR_INIT;
    ssize_t got = segments_read(d->segments, buffer, n, &problem);
    if (got > 0)
        d->at += got;
    if (got >= 0) {
        d->ended = !got;
        return got;
    }
    segments_stop(d->segments);
    d->segments = NULL;
    if (problem.kind == ERROR_INTERRUPTED)
        return error_move(err, &problem);
    log_debug("blob %s: over one connection again: %s", d->digest.text, problem.message);
    *over = true;
    return start(d, err);
}

static ssize_t timed_read(struct download *d, void *buffer, size_t n, struct error *err)
{
    int64_t before = retry_clock();
    ssize_t got = http_read(d->x, buffer, n, err);
    d->waited_ms += retry_clock() - before;
    return got;
}

static ssize_t download_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct download *d = (struct download *)self;
    if (d->ended || !n)
        return 0;
    consider_splitting(d);
    if (d->segments) {
        bool over = false;
        ssize_t got = read_segments(d, buffer, n, &over, err);
        if (got || !over)
            return got < 0 ? error_wrap(err, "blob %s", d->digest.text) : got;
    }
    if (!d->x)
        return error_set(err, ERROR_NETWORK, "blob %s: the transfer has broken before",
                         d->digest.text);
    for (;;) {
        autoerror problem = ERROR_INIT;
        ssize_t got = timed_read(d, buffer, n, &problem);
        if (got >= 0) {
            d->at += got;
            d->ended = !got;
            if (d->ended)
                stop(d); /* its connection can serve another */
            return got;
        }
        if (d->at == d->size) { /* all is there, but for a clean end */
            d->ended = true;
            return 0;
        }
        if (go_on(d, &problem, err)) {
            stop(d);
            return error_wrap(err, "blob %s", d->digest.text);
        }
    }
}

static void download_close(struct source *self)
{
    struct download *d = (struct download *)self;
    segments_stop(d->segments);
    stop(d);
    free(d);
}

int blob_download(struct session *s, const struct descriptor *descriptor, struct source **out,
                  struct error *err)
{
    struct download *d = mem_zalloc(1, sizeof *d);
    d->source = (struct source){download_read, download_close};
    d->session = s;
    d->digest = descriptor->digest;
    d->size = descriptor->size;
    d->started_ms = retry_clock();
    if (start(d, err)) {
        download_close(&d->source);
        return -1;
    }
    *out = &d->source;
    return 0;
}
