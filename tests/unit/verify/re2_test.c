#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pattern.h"

#include <base/mem.h>

#include <string.h>

/* 1 found, 0 not, -1 no pattern of RE2. */
static int find(const char *text, const char *bytes, size_t n)
{
    struct pattern *pattern;
    autoerror err = ERROR_INIT;
    if (pattern_new_re2(text, &pattern, &err))
        return -1;
    int found = pattern_find(pattern, bytes, n, &err);
    pattern_free(pattern);
    return found;
}

/* What Go's regexp.MatchString gives. */
static void patterns_mean_what_re2_means(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        int found;
    } cases[] = {
        {"^b", "a\nb", 0},
        {"(?m)^b", "a\nb", 1},
        {"a$", "a\n", 0},
        {"(?m)a$", "a\n", 1},
        {"(?m)^$", "a\n", 1},
        {"a.b", "a\nb", 0},
        {"(?s)a.b", "a\nb", 1},
        {"a.b", "a\rb", 1},
        {"^\\s$", "\v", 0},
        {"^\\S$", "\v", 1},
        {"^[\\s]$", "\v", 0},
        {"^[x\\S]$", "\v", 1},
        {"^[\\S]$", " ", 0},
        {"^\\v$", "\v", 1},
        {"^\\v$", "\n", 0},
        {"^a{,2}$", "a{,2}", 1},
        {"^a{,2}$", "aa", 0},
        {"^a{2}$", "aa", 1},
        {"^a{2,}?$", "aaa", 1},
        {"{", "{", 1},
        {"a{x", "a{x", 1},
        {"^\\101\\x42\\x{43}\\07$", "ABC\a", 1},
        {"^[[a]$", "[", 1},
        {"^[[.a]$", ".", 1},
        {"^[]a]+$", "]a", 1},
        {"^[^]a]$", "b", 1},
        {"^[a-]$", "-", 1},
        {"^[\\d-z]+$", "1-z", 1},
        {"^[[:alpha:]_]+$", "a_", 1},
        {"^[[:^alpha:]]$", "1", 1},
        {"^\\Qa.b*\\E+$", "a.b**", 1},
        {"\\Qa", "a", 1},
        {"^\\pL\\p{Greek}\\PN$", "aαb", 1},
        {"(?P<n>a)(?<m>b)", "ab", 1},
        {"(?i:A)b", "ab", 1},
        {"(?i)ab(?-i:c)", "ABc", 1},
        {"\\d", "٣", 0},
        {"\\w", "é", 0},
        {"\\Aa\\z", "a\n", 0},
        {"^(a|aa)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 0},
        {"FOO\\:BAR", "FOO:BAR", 1},
        {"[a-z]+-2\\.1\\.*", "test-2.1.8", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (find(cases[i].pattern, cases[i].text, strlen(cases[i].text)) != cases[i].found)
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
    assert_int_equal(find("^a.b$",
                          "a\xff"
                          "b",
                          3),
                     1); /* an invalid byte is a character */
}

static void what_re2_does_not_have_is_an_error(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "(?=a)",   "(?!a)",   "(?<=a)b", "(?<!a)b", "(a)\\1",    "(?>a)",   "a*+",  "a++",
        "a**",     "a{2}{3}", "a*??",    "\\Z",     "\\h",       "\\R",     "\\K",  "\\G",
        "\\X",     "\\C",     "\\e",     "\\cA",    "(?#c)",     "(?x)a",   "(?R)", "(?1)",
        "(*UTF)a", "(?|a)",   "(?P=n)",  "a{1001}", "[\\b]",     "[a-\\d]", "[a",   "(a",
        "*",       "\\",      "\\8",     "(?)",     "[[:foo:]]", "\\x4",    "\\pQ", "a\\x{110000}",
        "\xff",    "a{3,2}",
    };
    for (size_t i = 0; i < COUNT_OF(patterns); i++)
        if (find(patterns[i], "", 0) != -1)
            fail_msg("%s is taken", patterns[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_mean_what_re2_means),
        cmocka_unit_test(what_re2_does_not_have_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
