/* registry/retry: what a host asks for, and how often we try. */
#include "image_fixture.h"
#include "retry.h"

#include <limits.h>

static void retry_after_is_read_in_every_form_seen(void **state)
{
    (void)state;
    const time_t now = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"3", 3000},
        {" 120 ", 120000},
        {"1.5", 1500},
        {"10.3ms", 11}, /* GHCR; rounded up */
        {"2s", 2000},
        {"1m30s", 90000},
        {"500us", 1},
        {"10.3ms, allowed: 2000/minute", 11},
        {"Sun, 06 Nov 1994 08:49:47 GMT", 10000},
        {"Sun, 06 Nov 1994 08:49:27 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_CAP_MS + 1},
        {"99999999999999999999999", RETRY_AFTER_CAP_MS + 1},
        {"1000h", RETRY_AFTER_CAP_MS + 1},
        {"", -1},
        {"soon", -1},
        {"-5", -1},
        {"1e3", -1},
        {"0x10", -1},
        {"5 parsecs", 5000},
        {"5parsecs", -1},
        {"1m30", -1},
        {"nan", -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (retry_after_parse(rows[i].text, now) != rows[i].ms)
            fail_msg("“%s” gives %lld", rows[i].text,
                     (long long)retry_after_parse(rows[i].text, now));
}

static void retry_after_is_found_in_an_error_text(void **state)
{
    (void)state;
    assert_int_equal(retry_after_find("{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":"
                                      "\"retry-after: 10.3ms, allowed: 2000/minute\"}]}"),
                     11);
    assert_int_equal(retry_after_find("Retry-After: 2"), 2000);
    assert_int_equal(retry_after_find("try later"), -1);
    assert_int_equal(retry_after_find("retry-after: tomorrow"), -1);
}

static void only_trouble_that_passes_is_tried_again(void **state)
{
    (void)state;
    static const long yes[] = {408, 429, 500, 502, 503, 504, 522};
    static const long no[] = {200, 301, 400, 401, 403, 404, 413, 416, 501, 505};
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        assert_true(retry_status(yes[i]));
    for (size_t i = 0; i < COUNT_OF(no); i++)
        assert_false(retry_status(no[i]));
}

static void one_request_is_tried_up_to_its_limit(void **state)
{
    (void)state;
    struct retry r;
    autoerror err = ERROR_INIT;
    retry_init(&r, NULL);
    assert_int_equal(retry_wait(&r, 1, 2, -1, &err), 1);
    assert_int_equal(retry_wait(&r, 2, 2, -1, &err), 0);
    retry_release(&r);
}

static void the_budget_is_shared_and_given_back_by_success(void **state)
{
    (void)state;
    struct retry r;
    autoerror err = ERROR_INIT;
    retry_init(&r, NULL);
    r.budget = 1;
    assert_int_equal(retry_wait(&r, 1, 6, 0, &err), 1);
    assert_int_equal(retry_wait(&r, 1, 6, 0, &err), 0);
    retry_succeeded(&r);
    assert_int_equal(retry_wait(&r, 1, 6, 0, &err), 1);
    for (int i = 0; i < 2 * RETRY_BUDGET; i++)
        retry_succeeded(&r);
    assert_int_equal(r.budget, RETRY_BUDGET);
    retry_release(&r);
}

static void nobody_waits_for_longer_than_the_cap(void **state)
{
    (void)state;
    struct retry r;
    autoerror err = ERROR_INIT;
    retry_init(&r, NULL);
    assert_int_equal(retry_wait(&r, 1, 6, RETRY_AFTER_CAP_MS + 1, &err), 0);
    retry_release(&r);
}

static void what_one_is_asked_to_wait_all_wait(void **state)
{
    (void)state;
    struct retry r;
    autoerror err = ERROR_INIT;
    retry_init(&r, NULL);
    int64_t before = retry_clock();
    assert_int_equal(retry_wait(&r, 1, 6, 300, &err), 1);
    assert_true(r.not_before >= before + 300);
    assert_int_equal(retry_gate(&r, &err), 0);
    assert_true(retry_clock() >= before + 300);
    retry_release(&r);
}

static void a_wait_ends_when_cancelled(void **state)
{
    (void)state;
    struct retry r;
    _Atomic bool cancel = true;
    autoerror err = ERROR_INIT;
    retry_init(&r, &cancel);
    assert_error(retry_wait(&r, 1, 6, RETRY_AFTER_CAP_MS, &err), &err, ERROR_INTERRUPTED,
                 "interrupted");
    retry_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_is_read_in_every_form_seen),
        cmocka_unit_test(retry_after_is_found_in_an_error_text),
        cmocka_unit_test(only_trouble_that_passes_is_tried_again),
        cmocka_unit_test(one_request_is_tried_up_to_its_limit),
        cmocka_unit_test(the_budget_is_shared_and_given_back_by_success),
        cmocka_unit_test(nobody_waits_for_longer_than_the_cap),
        cmocka_unit_test(what_one_is_asked_to_wait_all_wait),
        cmocka_unit_test(a_wait_ends_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
