#include "decompress.h"

#include <base/mem.h>

#include <inttypes.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
    INPUT_SIZE = 128 * 1024,
    MAGIC_SIZE = 6,
    START_SIZE = 4096,
    RATIO_MAX = 2000, /* DEFLATE ends at 1032 by itself */
};
#define RATIO_FREE (INT64_C(4) << 30) /* output that no ratio is asked of */
#define OUTPUT_MAX (INT64_C(1) << 40)

enum kind { KIND_PLAIN, KIND_GZIP, KIND_ZSTD };

struct decompressor {
    struct source source;
    struct source *inner;
    enum kind kind;
    bool inner_ended;
    bool between; /* no member or frame is open */
    struct inflate_state *gzip;
    ZSTD_DCtx *zstd;
    int64_t taken, given;
    size_t at, filled; /* of the input */
    unsigned char input[INPUT_SIZE];
};

/* At least one byte, or START_SIZE where a member may start: ISA-L takes the checksum of a gzip
 * header (FHCRC) for wrong that comes in two pieces. */
static int fill(struct decompressor *d, struct error *err)
{
    size_t least = d->between ? START_SIZE : 1;
    if (d->filled - d->at >= least || d->inner_ended)
        return 0;
    memmove(d->input, d->input + d->at, d->filled - d->at);
    d->filled -= d->at;
    d->at = 0;
    while (d->filled < least) {
        ssize_t got = source_read(d->inner, d->input + d->filled, INPUT_SIZE - d->filled, err);
        if (got < 0)
            return -1;
        d->inner_ended = !got;
        d->filled += (size_t)got;
        d->taken += got;
        if (!got)
            break;
    }
    return 0;
}

static int truncated(struct error *err)
{
    return error_set(err, ERROR_INTEGRITY, "the compressed data ends too early");
}

/* After the last member or frame only padding may come. */
static int skip_padding(struct decompressor *d, struct error *err)
{
    for (;;) {
        if (fill(d, err))
            return -1;
        if (d->at == d->filled)
            return 0; /* only at the end */
        for (; d->at < d->filled; d->at++)
            if (d->input[d->at])
                return error_set(err, ERROR_INTEGRITY, "junk follows the compressed data");
    }
}

static const char *inflate_problem(int code)
{
    if (code == ISAL_INCORRECT_CHECKSUM)
        return "its checksum is wrong";
    if (code == ISAL_INVALID_WRAPPER || code == ISAL_UNSUPPORTED_METHOD)
        return "a member's header is invalid";
    return "the data is invalid";
}

/* One call of the library: *made gets the bytes of output (may be 0). */
static int inflate_some(struct decompressor *d, void *buffer, size_t n, size_t *made,
                        struct error *err)
{
    struct inflate_state *s = d->gzip;
    if (d->between) {
        isal_inflate_reset(s);
        s->crc_flag = ISAL_GZIP;
        d->between = false;
    }
    s->next_in = d->input + d->at;
    s->avail_in = (uint32_t)(d->filled - d->at);
    s->next_out = buffer;
    s->avail_out = (uint32_t)(n < (1U << 30) ? n : 1U << 30);
    uint32_t room = s->avail_out;
    int code = isal_inflate(s);
    *made = room - s->avail_out;
    bool stuck = !*made && s->avail_in == d->filled - d->at;
    d->at = d->filled - s->avail_in;
    if (code < 0)
        return error_set(err, ERROR_INTEGRITY, "inflate gzip: %s", inflate_problem(code));
    d->between = s->block_state == ISAL_BLOCK_FINISH;
    if (stuck && d->inner_ended && !d->between)
        return truncated(err);
    return 0;
}

static int unzstd_some(struct decompressor *d, void *buffer, size_t n, size_t *made,
                       struct error *err)
{
    ZSTD_inBuffer in = {d->input, d->filled, d->at};
    ZSTD_outBuffer out = {buffer, n, 0};
    size_t code = ZSTD_decompressStream(d->zstd, &out, &in);
    bool stuck = !out.pos && in.pos == d->at;
    d->at = in.pos;
    *made = out.pos;
    if (ZSTD_isError(code))
        return error_set(err, ERROR_INTEGRITY, "decompress zstd: %s", ZSTD_getErrorName(code));
    d->between = code == 0;
    if (stuck && d->inner_ended && !d->between)
        return truncated(err);
    return 0;
}

static bool starts_member(const struct decompressor *d)
{
    /* A zero byte is the start of neither; the library judges anything else. */
    return d->at < d->filled && d->input[d->at];
}

static ssize_t plain_read(struct decompressor *d, void *buffer, size_t n, struct error *err)
{
    if (d->at == d->filled)
        return d->inner_ended ? 0 : source_read(d->inner, buffer, n, err);
    size_t some = d->filled - d->at < n ? d->filled - d->at : n;
    memcpy(buffer, d->input + d->at, some);
    d->at += some;
    return (ssize_t)some;
}

static ssize_t decompressor_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct decompressor *d = (struct decompressor *)self;
    if (d->kind == KIND_PLAIN)
        return plain_read(d, buffer, n, err);
    size_t made = 0;
    while (!made) {
        if (fill(d, err))
            return -1;
        if (d->between && !starts_member(d))
            return skip_padding(d, err);
        if (d->kind == KIND_GZIP ? inflate_some(d, buffer, n, &made, err)
                                 : unzstd_some(d, buffer, n, &made, err))
            return -1;
    }
    d->given += (int64_t)made;
    if (d->given > RATIO_FREE && d->given / RATIO_MAX > d->taken)
        return error_set(err, ERROR_INPUT, "%" PRId64 " bytes unpack to more than %d times as many",
                         d->taken, RATIO_MAX);
    if (d->given > OUTPUT_MAX)
        return error_set(err, ERROR_INPUT, "it unpacks to more than %" PRId64 " bytes", OUTPUT_MAX);
    return (ssize_t)made;
}

static void decompressor_close(struct source *self)
{
    struct decompressor *d = (struct decompressor *)self;
    ZSTD_freeDCtx(d->zstd);
    free(d->gzip);
    free(d);
}

static int find_kind(struct decompressor *d, struct error *err)
{
    static const struct {
        const char *magic;
        size_t size;
        const char *name;
    } unused[] = {{"BZh", 3, "bzip2"},
                  {"\xfd"
                   "7zXZ",
                   5, "xz"}};
    const unsigned char *in = d->input;
    if (d->filled >= 2 && in[0] == 0x1f && in[1] == 0x8b)
        d->kind = KIND_GZIP;
    else if (d->filled >= 4 && (!memcmp(in, "\x28\xb5\x2f\xfd", 4) ||
                                ((in[0] & 0xf0) == 0x50 && !memcmp(in + 1, "\x2a\x4d\x18", 3))))
        d->kind = KIND_ZSTD;
    for (size_t i = 0; i < COUNT_OF(unused); i++)
        if (d->filled >= unused[i].size && !memcmp(in, unused[i].magic, unused[i].size))
            return error_set(err, ERROR_INPUT,
                             "the layer is compressed with %s, which images "
                             "don't use: gzip, zstd or none are supported",
                             unused[i].name);
    return 0;
}

static void start(struct decompressor *d)
{
    d->between = true;
    if (d->kind == KIND_GZIP) {
        d->gzip = mem_alloc(sizeof *d->gzip);
        isal_inflate_init(d->gzip);
    } else if (d->kind == KIND_ZSTD) {
        d->zstd = ZSTD_createDCtx();
        if (!d->zstd)
            mem_give_up();
    }
}

int decompress_new(struct source *inner, struct source **out, struct error *err)
{
    struct decompressor *d = mem_alloc(sizeof *d);
    memset(d, 0, offsetof(struct decompressor, input));
    d->source = (struct source){decompressor_read, decompressor_close};
    d->inner = inner;
    ssize_t got = source_read_full(inner, d->input, MAGIC_SIZE, err);
    if (got >= 0) {
        d->inner_ended = got < MAGIC_SIZE;
        d->filled = (size_t)got;
        d->taken = got;
    }
    if (got < 0 || find_kind(d, err)) {
        decompressor_close(&d->source);
        return -1;
    }
    start(d);
    *out = &d->source;
    return 0;
}
