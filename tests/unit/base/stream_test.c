/* base/stream and base/digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "digest.h"
#include "mem.h"
#include "str.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FIPS 180-2, appendix B.1. */
static const char abc_digest[] =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char empty_digest[] =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void digests_are_computed_in_pieces_and_again(void **state)
{
    (void)state;
    struct digest d;
    autodigester struct digester *h = digester_new();
    digester_add(h, "a", 1);
    digester_add(h, "bc", 2);
    digester_finish(h, &d);
    assert_string_equal(d.text, abc_digest);
    digester_finish(h, &d);
    assert_string_equal(d.text, empty_digest);
    digest_bytes("abc", 3, &d);
    assert_string_equal(digest_hex(&d), abc_digest + 7);
}

static void the_algorithm_of_a_digest_is_followed(void **state)
{
    (void)state;
    char text[200] = "sha512:";
    memset(text + 7, 'a', 128);
    struct digest d, found;
    assert_int_equal(digest_parse(text, &d, NULL), 0);
    autodigester struct digester *h = digester_new_like(&d);
    digester_finish(h, &found);
    assert_memory_equal(found.text, "sha512:cf83e135", 15);
    assert_int_equal(strlen(found.text), 135);
}

static void only_canonical_digests_are_taken(void **state)
{
    (void)state;
    struct digest d = DIGEST_NONE;
    assert_int_equal(digest_parse(abc_digest, &d, NULL), 0);
    assert_true(digest_is_set(&d));
    struct digest before = d;
    char upper[80], longer[80], slash[80];
    snprintf(upper, sizeof upper, "%s", abc_digest);
    upper[7] = 'B';
    snprintf(longer, sizeof longer, "%s0", abc_digest);
    snprintf(slash, sizeof slash, "%s", abc_digest);
    memcpy(slash + 7, "../../", 6);
    const char *const wrong[] = {"",    "sha256:", "sha256", "md5:abc",
                                 upper, longer,    slash,    abc_digest + 7};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        autoerror err = ERROR_INIT;
        assert_int_equal(digest_parse(wrong[i], &d, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_true(digest_equal(&d, &before));
    }
}

/* Gives its bytes one at a time. */
struct slow {
    struct source source;
    const char *bytes;
};

static ssize_t slow_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct slow *s = (struct slow *)self;
    (void)err;
    if (!*s->bytes || !n)
        return 0;
    *(char *)buffer = *s->bytes++;
    return 1;
}

static void slow_close(struct source *self)
{
    free(self);
}

static struct source *slow_source(const char *bytes)
{
    struct slow *s = mem_zalloc(1, sizeof *s);
    *s = (struct slow){{slow_read, slow_close}, bytes};
    return &s->source;
}

static struct source *verified(const char *bytes, const char *digest_text, int64_t size)
{
    struct digest d;
    assert_int_equal(digest_parse(digest_text, &d, NULL), 0);
    return source_verified(slow_source(bytes), &d, size, "the blob");
}

static void right_bytes_end_cleanly(void **state)
{
    (void)state;
    char buffer[10];
    for (int64_t size = -1; size <= 3; size += 4) {
        autosource *s = verified("abc", abc_digest, size);
        assert_int_equal(source_read(s, buffer, 0, NULL), 0);
        assert_int_equal(source_read_full(s, buffer, sizeof buffer, NULL), 3);
        assert_int_equal(source_read(s, buffer, 1, NULL), 0);
    }
}

static void wrong_bytes_never_end_cleanly(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *digest;
        int64_t size;
    } cases[] = {
        {"abd", abc_digest, 3},  {"abd", abc_digest, -1}, {"ab", abc_digest, 3},
        {"abcd", abc_digest, 3}, {"", abc_digest, -1},    {"x", empty_digest, -1},
        {"x", empty_digest, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[10];
        autoerror err = ERROR_INIT;
        autosource *s = verified(cases[i].bytes, cases[i].digest, cases[i].size);
        assert_int_equal(source_read_full(s, buffer, sizeof buffer, &err), -1);
        assert_int_equal(err.kind, ERROR_INTEGRITY);
        assert_int_equal(source_read(s, buffer, sizeof buffer, &err), -1);
        assert_int_equal(err.kind, ERROR_INTEGRITY);
    }
}

static void bytes_are_copied_through_a_pipe(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int64_t copied = 0;
    {
        autosource *from = source_from_bytes("hello", 5);
        autosink *to = sink_to_fd(ends[1], "pipe");
        assert_int_equal(stream_copy(from, to, &copied, NULL), 0);
        assert_int_equal(sink_finish(to, NULL), 0);
    }
    assert_int_equal(copied, 5);
    char buffer[10];
    autosource *back = source_from_fd(ends[0], "pipe");
    assert_int_equal(source_read_full(back, buffer, sizeof buffer, NULL), 5);
    assert_memory_equal(buffer, "hello", 5);
}

/* A sink that records. */
struct record {
    struct sink sink;
    struct str *text;
    int *finished;
    int fail;
};

static int record_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct record *r = (struct record *)self;
    if (r->fail)
        return error_set(err, ERROR_HOST, "no room");
    str_add_bytes(r->text, bytes, n);
    return 0;
}

static int record_finish(struct sink *self, struct error *err)
{
    (void)err;
    ++*((struct record *)self)->finished;
    return 0;
}

static void record_close(struct sink *self)
{
    free(self);
}

static struct sink *record_sink(struct str *text, int *finished, int fail)
{
    struct record *r = mem_zalloc(1, sizeof *r);
    *r = (struct record){{record_write, record_finish, record_close}, text, finished, fail};
    return &r->sink;
}

static void a_tee_copies_and_finishes_once_at_a_clean_end(void **state)
{
    (void)state;
    autostr copy = STR_INIT;
    int finished = 0;
    char buffer[10];
    autosource *s = source_tee(verified("abc", abc_digest, 3), record_sink(&copy, &finished, 0));
    assert_int_equal(source_read_full(s, buffer, sizeof buffer, NULL), 3);
    assert_int_equal(source_read(s, buffer, 1, NULL), 0);
    assert_int_equal(finished, 1);
    assert_string_equal(str_text(&copy), "abc");
}

static void a_tee_does_not_finish_after_a_wrong_digest(void **state)
{
    (void)state;
    autostr copy = STR_INIT;
    int finished = 0;
    char buffer[10];
    autosource *s = source_tee(verified("abd", abc_digest, 3), record_sink(&copy, &finished, 0));
    assert_int_equal(source_read_full(s, buffer, sizeof buffer, NULL), -1);
    assert_int_equal(finished, 0);
}

static void a_failed_write_ends_the_copy(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    autosource *from = source_from_bytes("hello", 5);
    autosink *to = record_sink(NULL, NULL, 1);
    int64_t copied = 77;
    assert_int_equal(stream_copy(from, to, &copied, &err), -1);
    assert_int_equal(err.kind, ERROR_HOST);
    assert_int_equal(copied, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_computed_in_pieces_and_again),
        cmocka_unit_test(the_algorithm_of_a_digest_is_followed),
        cmocka_unit_test(only_canonical_digests_are_taken),
        cmocka_unit_test(right_bytes_end_cleanly),
        cmocka_unit_test(wrong_bytes_never_end_cleanly),
        cmocka_unit_test(bytes_are_copied_through_a_pipe),
        cmocka_unit_test(a_tee_copies_and_finishes_once_at_a_clean_end),
        cmocka_unit_test(a_tee_does_not_finish_after_a_wrong_digest),
        cmocka_unit_test(a_failed_write_ends_the_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
