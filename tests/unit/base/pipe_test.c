/* base/pipe: bytes between two threads, and either end giving up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem.h"
#include "pipe.h"
#include "stream.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 20000 };

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8));
}

struct writer {
    struct sink *sink;
    size_t chunk;
    bool finish;
    int failed;
    enum error_kind kind;
};

static void *write_all(void *context)
{
    struct writer *w = context;
    unsigned char buffer[5000];
    autoerror err = ERROR_INIT;
    for (size_t done = 0; done < BYTES && !w->failed;) {
        size_t n = BYTES - done < w->chunk ? BYTES - done : w->chunk;
        for (size_t i = 0; i < n; i++)
            buffer[i] = byte_at(done + i);
        w->failed = sink_write(w->sink, buffer, n, &err);
        done += n;
    }
    w->kind = err.kind;
    if (w->finish && !w->failed)
        sink_finish(w->sink, NULL);
    sink_close(w->sink);
    return NULL;
}

static void what_is_written_is_read_in_order(void **state)
{
    (void)state;
    static const size_t capacities[] = {1, 7, 64, 4096, 200000};
    static const size_t chunks[] = {1, 13, 4999};
    for (size_t i = 0; i < COUNT_OF(capacities) * COUNT_OF(chunks); i++) {
        struct writer w = {.chunk = chunks[i % 3], .finish = true};
        struct source *source;
        pthread_t thread;
        pipe_new(capacities[i / 3], &source, &w.sink);
        assert_int_equal(pthread_create(&thread, NULL, write_all, &w), 0);
        unsigned char buffer[3000];
        size_t seen = 0;
        for (ssize_t n; (n = source_read(source, buffer, 1 + i * 199, NULL)) > 0;)
            for (ssize_t j = 0; j < n; j++, seen++)
                if (buffer[j] != byte_at(seen))
                    fail_msg("byte %zu is wrong", seen);
        assert_int_equal(seen, BYTES);
        assert_int_equal(source_read(source, buffer, 1, NULL), 0);
        source_close(source);
        pthread_join(thread, NULL);
        assert_int_equal(w.failed, 0);
    }
}

static void a_writer_that_gives_up_is_no_clean_end(void **state)
{
    (void)state;
    struct writer w = {.chunk = 1000, .finish = false};
    struct source *source;
    pthread_t thread;
    pipe_new(4096, &source, &w.sink);
    assert_int_equal(pthread_create(&thread, NULL, write_all, &w), 0);
    autofree char *buffer = mem_alloc(BYTES + 1);
    autoerror err = ERROR_INIT;
    assert_int_equal(source_read_full(source, buffer, BYTES, &err), BYTES);
    assert_int_equal(source_read(source, buffer, 1, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    source_close(source);
    pthread_join(thread, NULL);
}

static void a_reader_that_gives_up_stops_the_writer(void **state)
{
    (void)state;
    struct writer w = {.chunk = 1000, .finish = true};
    struct source *source;
    pthread_t thread;
    pipe_new(4096, &source, &w.sink);
    assert_int_equal(pthread_create(&thread, NULL, write_all, &w), 0);
    char buffer[10];
    assert_true(source_read(source, buffer, sizeof buffer, NULL) > 0);
    source_close(source);
    pthread_join(thread, NULL);
    assert_int_equal(w.failed, -1);
    assert_int_equal(w.kind, ERROR_INTERRUPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_in_order),
        cmocka_unit_test(a_writer_that_gives_up_is_no_clean_end),
        cmocka_unit_test(a_reader_that_gives_up_stops_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
