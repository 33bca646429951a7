#include "stream.h"

#include "io.h"
#include "mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t source_read(struct source *s, void *buffer, size_t n, struct error *err)
{
    return s->read(s, buffer, n, err);
}

ssize_t source_read_full(struct source *s, void *buffer, size_t n, struct error *err)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = s->read(s, (char *)buffer + done, n - done, err);
        if (got < 0)
            return -1;
        if (!got)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

void source_close(struct source *s)
{
    if (s)
        s->close(s);
}

int sink_write(struct sink *s, const void *bytes, size_t n, struct error *err)
{
    return s->write(s, bytes, n, err);
}

int sink_finish(struct sink *s, struct error *err)
{
    return s->finish(s, err);
}

void sink_close(struct sink *s)
{
    if (s)
        s->close(s);
}

void source_close_at(struct source **s)
{
    source_close(*s);
    *s = NULL;
}

void sink_close_at(struct sink **s)
{
    sink_close(*s);
    *s = NULL;
}

enum { COPY_CHUNK = 256 * 1024 };

int stream_copy(struct source *from, struct sink *to, int64_t *copied, struct error *err)
{
    autofree char *buffer = mem_alloc(COPY_CHUNK);
    int64_t total = 0;
    ssize_t got;
    while ((got = source_read(from, buffer, COPY_CHUNK, err)) > 0) {
        if (sink_write(to, buffer, (size_t)got, err))
            return -1;
        total += got;
    }
    if (got < 0)
        return -1;
    if (copied)
        *copied = total;
    return 0;
}

struct fd_source {
    struct source source;
    int fd;
    char *name;
};

static ssize_t fd_source_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct fd_source *s = (struct fd_source *)self;
    ssize_t got;
    do
        got = io_fault() ? -1 : read(s->fd, buffer, n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_errno(err, ERROR_INPUT, "read %s", s->name);
    return got;
}

static void fd_source_close(struct source *self)
{
    struct fd_source *s = (struct fd_source *)self;
    close(s->fd);
    free(s->name);
    free(s);
}

struct source *source_from_fd(int fd, const char *name)
{
    struct fd_source *s = mem_alloc(sizeof *s);
    *s = (struct fd_source){{fd_source_read, fd_source_close}, fd, mem_strdup(name)};
    return &s->source;
}

struct bytes_source {
    struct source source;
    const char *bytes;
    size_t left;
};

static ssize_t bytes_source_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct bytes_source *s = (struct bytes_source *)self;
    (void)err;
    if (n > s->left)
        n = s->left;
    memcpy(buffer, s->bytes, n);
    s->bytes += n;
    s->left -= n;
    return (ssize_t)n;
}

static void bytes_source_close(struct source *self)
{
    free(self);
}

struct source *source_from_bytes(const void *bytes, size_t n)
{
    struct bytes_source *s = mem_alloc(sizeof *s);
    *s = (struct bytes_source){{bytes_source_read, bytes_source_close}, n ? bytes : "", n};
    return &s->source;
}

struct verified_source {
    struct source source;
    struct source *inner;
    struct digester *digester;
    struct digest digest;
    int64_t size;
    int64_t seen;
    bool ended, failed;
    char *what;
};

static int verify_end(struct verified_source *s, struct error *err)
{
    if (s->size >= 0 && s->seen != s->size)
        return error_set(err, ERROR_INTEGRITY,
                         "%s ended after %" PRId64 " bytes of %" PRId64 ": it was cut short",
                         s->what, s->seen, s->size);
    struct digest found;
    digester_finish(s->digester, &found);
    if (!digest_equal(&found, &s->digest)) {
        error_set(err, ERROR_INTEGRITY, "%s has the digest %s, not %s", s->what, found.text,
                  s->digest.text);
        return error_hint(err,
                          "the bytes were changed on the way or in the registry: try again, or "
                          "push the image anew");
    }
    return 0;
}

static ssize_t verified_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct verified_source *s = (struct verified_source *)self;
    if (s->ended || !n)
        return 0;
    if (s->failed) /* whoever asks again must not get a clean end */
        return error_set(err, ERROR_INTEGRITY, "%s did not match what was announced", s->what);
    ssize_t got = source_read(s->inner, buffer, n, err);
    if (got < 0)
        return -1;
    if (!got) {
        s->failed = verify_end(s, err) != 0;
        s->ended = !s->failed;
        return s->failed ? -1 : 0;
    }
    s->seen += got;
    if (s->size >= 0 && s->seen > s->size) {
        s->failed = true;
        return error_set(err, ERROR_INTEGRITY, "%s is larger than the %" PRId64 " bytes announced",
                         s->what, s->size);
    }
    digester_add(s->digester, buffer, (size_t)got);
    return got;
}

static void verified_close(struct source *self)
{
    struct verified_source *s = (struct verified_source *)self;
    source_close(s->inner);
    digester_free(s->digester);
    free(s->what);
    free(s);
}

struct source *source_verified(struct source *inner, const struct digest *digest, int64_t size,
                               const char *what)
{
    struct verified_source *s = mem_zalloc(1, sizeof *s);
    s->source = (struct source){verified_read, verified_close};
    s->inner = inner;
    s->digester = digester_new_like(digest);
    s->digest = *digest;
    s->size = size;
    s->what = mem_strdup(what);
    return &s->source;
}

struct tee_source {
    struct source source;
    struct source *inner;
    struct sink *copy;
    bool ended;
};

static ssize_t tee_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct tee_source *s = (struct tee_source *)self;
    ssize_t got = source_read(s->inner, buffer, n, err);
    if (got > 0 && sink_write(s->copy, buffer, (size_t)got, err))
        return -1;
    if (!got && n && !s->ended) {
        if (sink_finish(s->copy, err))
            return -1;
        s->ended = true;
    }
    return got;
}

static void tee_close(struct source *self)
{
    struct tee_source *s = (struct tee_source *)self;
    source_close(s->inner);
    sink_close(s->copy);
    free(s);
}

struct source *source_tee(struct source *inner, struct sink *copy)
{
    struct tee_source *s = mem_zalloc(1, sizeof *s);
    s->source = (struct source){tee_read, tee_close};
    s->inner = inner;
    s->copy = copy;
    return &s->source;
}

struct fd_sink {
    struct sink sink;
    int fd;
    char *name;
};

static int fd_sink_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct fd_sink *s = (struct fd_sink *)self;
    if (io_write(s->fd, bytes, n))
        return error_errno(err, ERROR_HOST, "write %s", s->name);
    return 0;
}

static int fd_sink_finish(struct sink *self, struct error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static void fd_sink_close(struct sink *self)
{
    struct fd_sink *s = (struct fd_sink *)self;
    close(s->fd);
    free(s->name);
    free(s);
}

struct sink *sink_to_fd(int fd, const char *name)
{
    struct fd_sink *s = mem_alloc(sizeof *s);
    *s = (struct fd_sink){{fd_sink_write, fd_sink_finish, fd_sink_close}, fd, mem_strdup(name)};
    return &s->sink;
}
