#include "chunked_upload.h"

#include "response_error.h"

#include <base/log.h>
#include <base/mem.h>
#include <base/str.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SKIP_CHUNK = 64 * 1024 };

/* One send of a blob. */
struct sending {
    const struct chunked_upload *upload;
    struct url *place;
    struct source *blob; /* NULL: to be opened */
    int64_t blob_at;     /* how far it was read */
    int64_t at;          /* how many bytes the registry has */
    unsigned tries;      /* since it last got further */
};

/* The next `left` bytes of another source, which stays its owner's. */
struct slice {
    struct source source;
    struct source *inner;
    int64_t left;
};

static ssize_t slice_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct slice *s = (struct slice *)self;
    if ((int64_t)n > s->left)
        n = (size_t)s->left;
    if (!n)
        return 0;
    ssize_t got = source_read(s->inner, buffer, n, err);
    if (got > 0)
        s->left -= got;
    return got;
}

static void slice_close(struct source *self)
{
    (void)self;
}

/* "0-41", or "bytes=0-41": 42 bytes are there. An upload without any says "0-0" too. */
static int64_t range_length(const struct http_exchange *x)
{
    const char *range = http_header(x, "Range");
    if (!range)
        return -1;
    if (str_starts(range, "bytes="))
        range += strlen("bytes=");
    if (!str_starts(range, "0-"))
        return -1;
    autofree char *last = mem_strdup(range + 2);
    long long end = str_number(str_trim(last), INT64_MAX - 1);
    return end > 0 ? end + 1 : end;
}

/* Where the answer says that the upload goes on; where it doesn't say, it is the same place. */
static int move_place(const struct http_exchange *x, struct url *place, struct error *err)
{
    struct url next = {0};
    if (!http_header(x, "Location"))
        return 0;
    if (session_location(x, &next, err))
        return -1;
    url_release(place);
    *place = next;
    return 0;
}

int chunked_upload_status(struct session *s, struct url *place, int64_t *at, struct error *err)
{
    struct session_request request = {.method = "GET", .url = place};
    autoexchange *x = NULL;
    if (session_send(s, &request, &x, err))
        return -1;
    long status = http_status(x);
    int64_t length = status == 204 || status == 200 ? range_length(x) : -1;
    if (length < 0)
        return 0;
    if (move_place(x, place, err))
        return -1;
    *at = length;
    return 1;
}

/* Read the blob on to s->at, from its start where it is beyond. */
static int position(struct sending *s, struct error *err)
{
    const struct chunked_upload *u = s->upload;
    if (s->blob && s->blob_at > s->at) {
        source_close(s->blob);
        s->blob = NULL;
    }
    if (!s->blob) {
        if (u->open_blob(u->context, &s->blob, err))
            return -1;
        s->blob_at = 0;
    }
    autofree char *dropped = mem_alloc(SKIP_CHUNK);
    while (s->blob_at < s->at) {
        int64_t n = s->at - s->blob_at;
        ssize_t got = source_read(s->blob, dropped, n < SKIP_CHUNK ? (size_t)n : SKIP_CHUNK, err);
        if (got < 0)
            return -1;
        if (!got)
            return error_set(err, ERROR_INTEGRITY, "what is sent ended too soon");
        s->blob_at += got;
    }
    return 0;
}

static int64_t chunk_size(const struct sending *s)
{
    int64_t left = s->upload->descriptor->size - s->at;
    int64_t chunk = s->upload->chunk_min > CHUNK_SIZE ? s->upload->chunk_min : CHUNK_SIZE;
    return left < chunk ? left : chunk;
}

/* One PATCH. 0 taken, 1 perhaps (problem, after), -1 error. */
static int send_chunk(struct sending *s, struct error *problem, int64_t *after, struct error *err)
{
    const struct chunked_upload *u = s->upload;
    int64_t n = chunk_size(s);
    if (position(s, err))
        return -1;
    struct slice slice = {.source = {slice_read, slice_close}, .inner = s->blob, .left = n};
    autofree char *range = mem_printf("%" PRId64 "-%" PRId64, s->at, s->at + n - 1);
    struct session_request request = {.method = "PATCH",
                                      .url = s->place,
                                      .content_type = "application/octet-stream",
                                      .content_range = range,
                                      .body_source = &slice.source,
                                      .body_size = n};
    autoexchange *x = NULL;
    int failed = session_send(u->session, &request, &x, problem);
    s->blob_at += n - slice.left;
    if (failed)
        return problem->kind == ERROR_NETWORK ? 1 : error_move(err, problem);
    long status = http_status(x);
    if (status != 202 && status != 201 && status != 204) {
        *after = response_wait(x);
        session_refused(u->session, x, u->what, problem);
        return retry_status(status) || status == 404 || status == 401 || status == 416
                   ? 1
                   : error_move(err, problem);
    }
    int64_t there = range_length(x); /* it may have taken less of it */
    s->at = there < 0 ? s->at + n : there;
    return move_place(x, s->place, err);
}

/* A chunk's fate is not known. 0 go on at s->at, 1 give this upload up, -1 error. */
static int recover(struct sending *s, int64_t before, int64_t after, const struct error *problem,
                   struct error *err)
{
    const struct chunked_upload *u = s->upload;
    log_debug("%s: chunk at byte %" PRId64 ": %s", u->what, s->at, problem->message);
    int again = retry_wait(session_retry(u->session), ++s->tries, RETRY_TRIES, after, err);
    if (again < 0)
        return -1;
    if (!again)
        return 1;
    int known = chunked_upload_status(u->session, s->place, &s->at, err);
    if (known < 0)
        return -1;
    if (!known || s->at > u->descriptor->size)
        return 1;
    if (s->at > before)
        s->tries = 0;
    return 0;
}

/* The source checks its bytes when its end is read: before the digest is given. */
static int check_end(struct sending *s, struct error *err)
{
    char more;
    if (position(s, err))
        return -1;
    ssize_t rest = source_read(s->blob, &more, 1, err);
    if (rest > 0)
        return error_set(err, ERROR_INTEGRITY, "what is sent is longer than announced");
    return rest < 0 ? -1 : 0;
}

static int send_all(struct sending *s, struct error *problem, int64_t *after, struct error *err)
{
    while (s->at < s->upload->descriptor->size) {
        int64_t before = s->at;
        *after = -1;
        int result = send_chunk(s, problem, after, err);
        if (!result && s->at > before) {
            s->tries = 0;
            continue;
        }
        if (!result)
            error_set(problem, ERROR_NETWORK, "the registry took nothing of the chunk");
        if (result >= 0)
            result = recover(s, before, *after, problem, err);
        if (result)
            return result;
    }
    return check_end(s, err);
}

int chunked_upload_send(const struct chunked_upload *upload, struct url *place,
                        struct error *problem, int64_t *after, struct error *err)
{
    struct sending s = {.upload = upload, .place = place};
    int result = send_all(&s, problem, after, err);
    source_close(s.blob);
    return result;
}
