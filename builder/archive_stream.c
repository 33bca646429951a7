#include "archive_stream.h"

#include <base/mem.h>
#include <base/str.h>

#include <archive.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024 };

struct stream {
    struct source source;
    struct source *inner;
    struct archive *archive;
    struct error error; /* of inner */
    char chunk[CHUNK];
};

bool archive_stream_recognise(const void *head, size_t n)
{
    static const struct {
        size_t offset, size;
        const char *bytes;
    } magic[] = {{257, 5, "ustar"},
                 {0, 2, "\x1f\x8b"},
                 {0, 3, "BZh"},
                 {0, 5,
                  "\xfd"
                  "7zXZ"},
                 {0, 4, "\x28\xb5\x2f\xfd"},
                 {0, 4, "\x04\x22\x4d\x18"},
                 {0, 5, "\x5d\0\0\x80\0"},
                 {0, 2, "\x1f\x9d"}};
    for (size_t i = 0; i < COUNT_OF(magic); i++)
        if (n >= magic[i].offset + magic[i].size &&
            !memcmp((const char *)head + magic[i].offset, magic[i].bytes, magic[i].size))
            return true;
    return false;
}

static la_ssize_t read_inner(struct archive *archive, void *context, const void **bytes)
{
    struct stream *s = context;
    ssize_t n = source_read(s->inner, s->chunk, sizeof s->chunk, &s->error);
    *bytes = s->chunk;
    if (n < 0)
        archive_set_error(archive, EIO, "the input failed");
    return n;
}

static int fail(struct stream *s, struct error *err)
{
    if (s->error.kind)
        return error_move(err, &s->error);
    return error_set(err, ERROR_INPUT, "the compressed stream is broken: %s",
                     archive_error_string(s->archive));
}

static ssize_t stream_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct stream *s = (struct stream *)self;
    la_ssize_t got = archive_read_data(s->archive, buffer, n);
    return got < 0 ? fail(s, err) : got;
}

static void stream_close(struct source *self)
{
    struct stream *s = (struct stream *)self;
    archive_read_free(s->archive);
    source_close(s->inner);
    error_release(&s->error);
    free(s);
}

int archive_stream_new(struct source *inner, struct source **out, struct error *err)
{
    struct archive_entry *entry;
    struct stream *s = mem_zalloc(1, sizeof *s);
    s->source = (struct source){stream_read, stream_close};
    s->inner = inner;
    s->archive = archive_read_new();
    if (!s->archive)
        mem_give_up();
    archive_read_support_filter_all(s->archive);
    archive_read_support_format_raw(s->archive);
    if (archive_read_open(s->archive, s, NULL, read_inner, NULL) ||
        archive_read_next_header(s->archive, &entry)) {
        fail(s, err);
        stream_close(&s->source);
        return -1;
    }
    *out = &s->source;
    return 0;
}
