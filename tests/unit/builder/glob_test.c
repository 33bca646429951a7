/* File name patterns of COPY's sources. The rows are what Go's documentation of path.Match says. */
#include "glob.h"

#include <base/mem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_match_as_go_matches_them(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool wanted;
    } rows[] = {
        {"a", "a", true},           {"*", "abc", true},       {"*c", "abc", true},
        {"a*", "ab/c", false},      {"a*/b", "a/c/b", false}, {"a?c", "abc", true},
        {"a?c", "a/c", false},      {"[ab]", "b", true},      {"[a-c]", "b", true},
        {"[^a-c]", "b", false},     {"[^a-c]", "é", true},    {"[!a]", "!", true},
        {"[!a]", "b", false},       {"a\\*b", "a*b", true},   {"a\\*b", "axb", false},
        {"[\\]a]", "]", true},      {"[\\-]", "-", true},     {"a*b*c", "axxbyyc", true},
        {"a*b*c", "axxbyy", false}, {"?", "ü", true},         {"[", "a", false},
        {"a[", "a", false},         {"", "", true},           {"**", "a", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(glob_match(rows[i].pattern, rows[i].name), rows[i].wanted);
}

static void malformed_patterns_are_known(void **state)
{
    static const char *const wrong[] = {"[", "[a", "[a-", "[]a]", "[-]", "[x-]", "a\\", "[a-b-c]"};
    static const char *const right[] = {"", "*", "[a]", "[^a]", "\\[", "[\\]]", "a*[0-9]?"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(glob_is_valid(wrong[i]));
    for (size_t i = 0; i < COUNT_OF(right); i++)
        assert_true(glob_is_valid(right[i]));
    assert_true(glob_has_wildcard("a?"));
    assert_false(glob_has_wildcard("a\\?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_as_go_matches_them),
        cmocka_unit_test(malformed_patterns_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
