#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pattern.h"

#include <base/mem.h>

#include <string.h>

static int find(const char *text, const char *bytes, size_t n)
{
    struct pattern *pattern = NULL;
    autoerror err = ERROR_INIT;
    assert_int_equal(pattern_new(text, &pattern, &err), 0);
    int found = pattern_find(pattern, bytes, n, &err);
    pattern_free(pattern);
    return found;
}

static void matches_anywhere_and_at_each_line(void **state)
{
    (void)state;
    assert_int_equal(find("b+", "abbc", 4), 1);
    assert_int_equal(find("^two$", "one\ntwo\nthree", 13), 1);
    assert_int_equal(find("^b", "abbc", 4), 0);
    assert_int_equal(find("x", NULL, 0), 0);
    assert_int_equal(find("(?i)ÄÖ", "xäö", 5), 1);
}

static void bytes_that_are_no_utf8_can_be_matched_around(void **state)
{
    (void)state;
    assert_int_equal(find("end", "\xff\xfe\0 end", 7), 1);
    assert_int_equal(find("begin", "\xff\xfe", 2), 0);
}

static void a_pattern_that_explodes_is_given_up(void **state)
{
    (void)state;
    char text[4000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    struct pattern *pattern = NULL;
    autoerror err = ERROR_INIT;
    assert_int_equal(pattern_new("^(a|aa)+$", &pattern, &err), 0);
    assert_int_equal(pattern_find(pattern, text, sizeof text, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "could not be decided"));
    pattern_free(pattern);
}

static void a_wrong_pattern_says_where(void **state)
{
    (void)state;
    struct pattern *pattern = NULL;
    autoerror err = ERROR_INIT;
    assert_int_equal(pattern_new("a(b", &pattern, &err), -1);
    assert_string_equal(err.message,
                        "the pattern “a(b” is wrong at character 4: missing closing parenthesis");
    assert_null(pattern);
}

static void a_long_pattern_is_refused(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct pattern *pattern = NULL;
    autoerror err = ERROR_INIT;
    assert_int_equal(pattern_new(text, &pattern, &err), -1);
    assert_string_equal(err.message, "the pattern is longer than 4096 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_anywhere_and_at_each_line),
        cmocka_unit_test(bytes_that_are_no_utf8_can_be_matched_around),
        cmocka_unit_test(a_pattern_that_explodes_is_given_up),
        cmocka_unit_test(a_wrong_pattern_says_where),
        cmocka_unit_test(a_long_pattern_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
