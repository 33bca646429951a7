/* Compression and decompression: what comes out is what went in, bytes don't depend on threads, and
 * nothing broken passes. */
#include "layer_fixture.h"

#include <rootfs/compress.h>

#include <base/pool.h>

#include <zlib.h>
#include <zstd.h>

enum { MIB = 1 << 20 };

/* Text that compresses, with some noise in it. */
static void fill(struct str *s, size_t n)
{
    uint32_t seed = 12345;
    while (s->len < n) {
        seed = seed * 1664525 + 1013904223;
        str_addf(s, "%u the quick brown fox %x\n", seed >> 20, seed);
    }
    s->len = n;
}

static void pack(struct fixture *f, const struct str *in, const struct compression *c,
                 struct pool *pool, size_t piece, struct memory *out)
{
    struct sink *to;
    must(f, compress_new(&out->sink, c, pool, &to, &f->err));
    for (size_t at = 0; at < in->len; at += piece)
        must(f,
             sink_write(to, in->data + at, in->len - at < piece ? in->len - at : piece, &f->err));
    must(f, sink_finish(to, &f->err));
    sink_close(to);
}

static int unpack(struct fixture *f, const void *bytes, size_t n, struct memory *out)
{
    autosource *in = source_from_bytes(bytes, n);
    autosource *plain = NULL;
    if (decompress_new(in, &plain, &f->err))
        return -1;
    return stream_copy(plain, &out->sink, NULL, &f->err);
}

static const struct compression all[] = {{.kind = COMPRESSION_NONE},
                                         {.kind = COMPRESSION_GZIP},
                                         {.kind = COMPRESSION_GZIP, .level = 6},
                                         {.kind = COMPRESSION_GZIP, .single_member = true},
                                         {.kind = COMPRESSION_ZSTD},
                                         {.kind = COMPRESSION_ZSTD, .level = 1}};

static void any_size_comes_back(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0, 1, 511, MIB - 1, MIB, MIB + 1, 4 * MIB, 9 * MIB + 7};
    struct pool *pool = pool_new(2);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t k = 0; k < COUNT_OF(all); k++) {
            autostr in = STR_INIT;
            automemory packed = MEMORY, out = MEMORY;
            fill(&in, sizes[i]);
            pack(f, &in, &all[k], pool, 100000, &packed);
            must(f, unpack(f, str_text(&packed.bytes), packed.bytes.len, &out));
            assert_int_equal(out.bytes.len, in.len);
            if (in.len)
                assert_memory_equal(out.bytes.data, in.data, in.len);
        }
    pool_free(pool);
}

static void threads_and_pieces_change_no_byte(void **state)
{
    struct fixture *f = *state;
    autostr in = STR_INIT;
    fill(&in, 11 * MIB + 3);
    for (size_t k = 0; k < COUNT_OF(all); k++) {
        automemory alone = MEMORY;
        pack(f, &in, &all[k], NULL, in.len, &alone);
        for (size_t threads = 1; threads <= 9; threads += 4) {
            automemory other = MEMORY;
            struct pool *pool = pool_new(threads);
            pack(f, &in, &all[k], pool, 7777, &other);
            pool_free(pool);
            assert_int_equal(alone.bytes.len, other.bytes.len);
            assert_memory_equal(alone.bytes.data, other.bytes.data, alone.bytes.len);
        }
    }
}

/* Where the pool has no thread to spare, whoever waits does the work. */
static int compress_in_a_job(void *context, struct error *err)
{
    struct {
        struct fixture *f;
        struct pool *pool;
        struct memory out;
    } *job = context;
    autostr in = STR_INIT;
    (void)err;
    fill(&in, 5 * MIB);
    pack(job->f, &in, &all[1], job->pool, MIB, &job->out);
    return 0;
}

static void a_job_of_the_same_pool_can_compress(void **state)
{
    struct {
        struct fixture *f;
        struct pool *pool;
        struct memory out;
    } job = {*state, pool_new(1), MEMORY};
    struct pool_group *group = pool_group_new(job.pool);
    pool_run(group, compress_in_a_job, &job);
    must(job.f, pool_wait(group, &job.f->err));
    pool_group_free(group);
    pool_free(job.pool);
    assert_true(job.out.bytes.len > 1000);
    memory_release(&job.out);
}

/* zlib's own decoder stops after the first member: with one, it must see all. */
static void one_member_is_one(void **state)
{
    struct fixture *f = *state;
    autostr in = STR_INIT;
    automemory packed = MEMORY;
    fill(&in, 3 * MIB + 5);
    pack(f, &in, &all[3], NULL, MIB, &packed);
    z_stream z = {.next_in = (unsigned char *)packed.bytes.data,
                  .avail_in = (unsigned)packed.bytes.len};
    autofree unsigned char *out = mem_alloc(in.len);
    z.next_out = out;
    z.avail_out = (unsigned)in.len;
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, in.len);
    assert_memory_equal(out, in.data, in.len);
    inflateEnd(&z);
}

static void truncation_anywhere_is_found(void **state)
{
    struct fixture *f = *state;
    autostr in = STR_INIT;
    fill(&in, MIB + MIB / 2);
    for (size_t k = 1; k < COUNT_OF(all); k++) {
        automemory packed = MEMORY;
        pack(f, &in, &all[k], NULL, MIB, &packed);
        size_t n = packed.bytes.len;
        const size_t cuts[] = {6, 10, 17, 100, n / 3, n / 2, n - 300, n - 9, n - 8, n - 5, n - 1};
        for (size_t i = 0; i < COUNT_OF(cuts); i++) {
            automemory out = MEMORY;
            assert_fails(f, unpack(f, packed.bytes.data, cuts[i], &out), ERROR_INTEGRITY,
                         "too early");
        }
    }
}

static void flipped_bits_are_found(void **state)
{
    struct fixture *f = *state;
    autostr in = STR_INIT;
    fill(&in, MIB / 2);
    automemory packed = MEMORY;
    pack(f, &in, &all[1], NULL, MIB, &packed);
    for (size_t at = 10; at < packed.bytes.len; at += packed.bytes.len / 97) {
        automemory out = MEMORY;
        packed.bytes.data[at] ^= 0x10;
        assert_int_equal(unpack(f, packed.bytes.data, packed.bytes.len, &out), -1);
        assert_int_equal(f->err.kind, ERROR_INTEGRITY);
        error_release(&f->err);
        packed.bytes.data[at] ^= 0x10;
    }
}

static void padding_is_skipped_and_junk_refused(void **state)
{
    struct fixture *f = *state;
    autostr in = STR_INIT;
    fill(&in, 1000);
    for (size_t k = 1; k < COUNT_OF(all); k++) {
        automemory packed = MEMORY, out = MEMORY, again = MEMORY;
        static const char zeros[1000];
        pack(f, &in, &all[k], NULL, MIB, &packed);
        str_add_bytes(&packed.bytes, zeros, sizeof zeros);
        must(f, unpack(f, packed.bytes.data, packed.bytes.len, &out));
        assert_int_equal(out.bytes.len, 1000);
        str_add(&packed.bytes, "junk");
        assert_fails(f, unpack(f, packed.bytes.data, packed.bytes.len, &again), ERROR_INTEGRITY,
                     "junk");
    }
}

/* A member with every optional part, as gzip(1) and others write them. */
static void headers_with_names_are_read(void **state)
{
    struct fixture *f = *state;
    unsigned char packed[1000];
    gz_header header = {.name = (unsigned char *)"layer.tar",
                        .comment = (unsigned char *)"made by hand",
                        .extra = (unsigned char *)"ab\4\0xyzw",
                        .extra_len = 8,
                        .hcrc = 1,
                        .time = 77};
    z_stream z = {.next_in = (unsigned char *)"hello",
                  .avail_in = 5,
                  .next_out = packed,
                  .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflateSetHeader(&z, &header), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    automemory out = MEMORY;
    must(f, unpack(f, packed, z.total_out, &out));
    deflateEnd(&z);
    assert_string_equal(str_text(&out.bytes), "hello");
}

static void skippable_frames_are_skipped(void **state)
{
    struct fixture *f = *state;
    autostr in = STR_INIT;
    automemory packed = MEMORY, out = MEMORY;
    str_add_bytes(&packed.bytes, "\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
    fill(&in, 5000);
    pack(f, &in, &all[4], NULL, MIB, &packed);
    str_add_bytes(&packed.bytes, "\x50\x2a\x4d\x18\x00\0\0\0", 8);
    must(f, unpack(f, packed.bytes.data, packed.bytes.len, &out));
    assert_int_equal(out.bytes.len, 5000);
}

static void other_compressions_are_named(void **state)
{
    struct fixture *f = *state;
    automemory out = MEMORY;
    assert_fails(f, unpack(f, "BZh91AY&SY", 10, &out), ERROR_INPUT, "bzip2");
    assert_fails(f,
                 unpack(f,
                        "\xfd"
                        "7zXZ\0\0\4",
                        8, &out),
                 ERROR_INPUT, "xz");
}

/* A source that hands out little at a time. */
struct trickle {
    struct source source;
    const char *bytes;
    size_t left, piece;
};

static ssize_t trickle_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct trickle *t = (struct trickle *)self;
    (void)err;
    size_t some = t->piece < n ? t->piece : n;
    some = some < t->left ? some : t->left;
    memcpy(buffer, t->bytes, some);
    t->bytes += some;
    t->left -= some;
    return (ssize_t)some;
}

static void input_may_come_in_drops(void **state)
{
    struct fixture *f = *state;
    autostr in = STR_INIT;
    fill(&in, MIB + 200000);
    for (size_t k = 0; k < COUNT_OF(all); k++)
        for (size_t piece = 1; piece < 20; piece += 6) {
            automemory packed = MEMORY, out = MEMORY;
            pack(f, &in, &all[k], NULL, MIB, &packed);
            struct trickle t = {{trickle_read, NULL}, packed.bytes.data, packed.bytes.len, piece};
            autosource *plain = NULL;
            must(f, decompress_new(&t.source, &plain, &f->err));
            must(f, stream_copy(plain, &out.sink, NULL, &f->err));
            assert_int_equal(out.bytes.len, in.len);
            assert_memory_equal(out.bytes.data, in.data, in.len);
        }
}

static void a_bomb_is_cut_short(void **state)
{
    struct fixture *f = *state;
    /* A frame of zeros, again and again: 20,000 to one. */
    autofree char *zeros = mem_zalloc(4, MIB);
    autofree char *frame = mem_alloc(MIB);
    size_t n = ZSTD_compress(frame, MIB, zeros, 4 * (size_t)MIB, 3);
    assert_false(ZSTD_isError(n));
    autostr packed = STR_INIT;
    for (int i = 0; i < 1100; i++)
        str_add_bytes(&packed, frame, n);
    autosource *in = source_from_bytes(packed.data, packed.len);
    autosource *plain = NULL;
    must(f, decompress_new(in, &plain, &f->err));
    ssize_t got;
    do
        got = source_read(plain, zeros, 4 * (size_t)MIB, &f->err);
    while (got > 0);
    assert_fails(f, (int)got, ERROR_INPUT, "times as many");
}

struct failing {
    struct source source;
    int left;
};

static ssize_t failing_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct failing *s = (struct failing *)self;
    if (!s->left--)
        return error_set(err, ERROR_NETWORK, "the line went dead");
    memcpy(buffer, "\x1f\x8b\x08\0\0\0\0\0\0\0\0\0", n < 10 ? n : 10);
    return n < 10 ? (ssize_t)n : 10;
}

static void errors_of_the_source_come_through(void **state)
{
    struct fixture *f = *state;
    for (int left = 0; left < 3; left++) {
        struct failing s = {{failing_read, NULL}, left};
        autosource *plain = NULL;
        char buffer[100];
        int code = decompress_new(&s.source, &plain, &f->err);
        if (!code)
            code = (int)source_read(plain, buffer, sizeof buffer, &f->err);
        assert_int_equal(code, -1);
        assert_true(f->err.kind == ERROR_NETWORK || left > 1);
        error_release(&f->err);
    }
}

static int refusing_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    (void)self;
    (void)bytes;
    (void)n;
    return error_set(err, ERROR_HOST, "full");
}

static void errors_of_the_sink_come_through(void **state)
{
    struct fixture *f = *state;
    struct pool *pool = pool_new(2);
    autostr in = STR_INIT;
    fill(&in, 20 * MIB);
    for (size_t k = 0; k < COUNT_OF(all); k++) {
        struct sink full = {.write = refusing_write};
        struct sink *to;
        must(f, compress_new(&full, &all[k], pool, &to, &f->err));
        assert_fails(f, sink_write(to, in.data, in.len, &f->err), ERROR_HOST, "full");
        sink_close(to);
    }
    pool_free(pool);
}

static void names_and_levels_are_parsed(void **state)
{
    struct fixture *f = *state;
    struct compression c;
    must(f, compression_parse("gzip", &c, &f->err));
    assert_int_equal(c.kind, COMPRESSION_GZIP);
    must(f, compression_parse("zstd:9", &c, &f->err));
    assert_int_equal(c.kind, COMPRESSION_ZSTD);
    assert_int_equal(c.level, 9);
    must(f, compression_parse("none", &c, &f->err));
    assert_string_equal(compression_name(c.kind), "none");
    static const char *const bad[] = {"",        "gz",      "zstd:",  "zstd:0",
                                      "zstd:20", "gzip:13", "none:1", "gzip:x"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_fails(f, compression_parse(bad[i], &c, &f->err), ERROR_USAGE, bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_size_comes_back),
        cmocka_unit_test(threads_and_pieces_change_no_byte),
        cmocka_unit_test(a_job_of_the_same_pool_can_compress),
        cmocka_unit_test(one_member_is_one),
        cmocka_unit_test(truncation_anywhere_is_found),
        cmocka_unit_test(flipped_bits_are_found),
        cmocka_unit_test(padding_is_skipped_and_junk_refused),
        cmocka_unit_test(headers_with_names_are_read),
        cmocka_unit_test(skippable_frames_are_skipped),
        cmocka_unit_test(other_compressions_are_named),
        cmocka_unit_test(input_may_come_in_drops),
        cmocka_unit_test(a_bomb_is_cut_short),
        cmocka_unit_test(errors_of_the_source_come_through),
        cmocka_unit_test(errors_of_the_sink_come_through),
        cmocka_unit_test(names_and_levels_are_parsed),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
