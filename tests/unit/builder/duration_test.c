#include "duration.h"

#include <base/mem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void lengths_of_time_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want; /* -1: none */
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"30s", 30000000000},
        {"+5s", 5000000000},
        {"1m30s", 90000000000},
        {"2h45m0.5s", 9900500000000},
        {"1.5h", 5400000000000},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"300ms", 300000000},
        {"1us", 1000},
        {"1\xc2\xb5s", 1000},
        {"1\xce\xbcs", 1000},
        {"7ns", 7},
        {"", -1},
        {"+", -1},
        {"5", -1},
        {"5x", -1},
        {"5mm", -1},
        {"5 s", -1},
        {"s", -1},
        {".s", -1},
        {"1s2", -1},
        {"1.2.3s", -1},
        {"1e3s", -1},
        {"9223372036854775808ns", -1},
        {"9999999999h", -1},
        {"99999999999999999999s", -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t got = -1;
        bool taken = duration_parse(rows[i].text, &got);
        if (taken != (rows[i].want >= 0) || got != rows[i].want)
            fail_msg("%s: gives %lld", rows[i].text, (long long)got);
    }
    int64_t negative = 0;
    assert_true(duration_parse("-1.5s", &negative));
    assert_int_equal(negative, -1500000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lengths_of_time_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
