/* Ignore files: each row is a file, a path, and whether the path is left out. */
#include "ignore.h"

#include <base/mem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *file;
    const char *path;
    bool want;
};

static struct ignore *parse(const char *text)
{
    struct ignore *ignore = NULL;
    autoerror err = ERROR_INIT;
    if (ignore_parse(text, strlen(text), ".dockerignore", &ignore, &err))
        print_error("%s: %s\n", text, err.message);
    assert_non_null(ignore);
    return ignore;
}

static void check_all(const struct row *rows, size_t n)
{
    int wrong = 0;
    for (size_t i = 0; i < n; i++) {
        autoignore *ignore = parse(rows[i].file);
        if (ignore_matches(ignore, rows[i].path) == rows[i].want)
            continue;
        print_error("[%s] and %s: not %d\n", rows[i].file, rows[i].path, rows[i].want);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void names_match_whole_and_from_the_root(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "a", false},           {"a", "a", true},        {"a", "ab", false},
        {"a", "b/a", false},        {"a", "a/b", true},      {"a", "a/b/c", true},
        {"a/b", "a", false},        {"a/b", "a/b", true},    {"a/b", "a/b/c", true},
        {"a/b", "a/bc", false},     {"a/b", "x/a/b", false}, {"A", "a", false},
        {"ä", "ä", true},           {"a.b", "axb", false},   {"a+(b)|{c}$", "a+(b)|{c}$", true},
        {"a^b", "a^b", true},       {"a]", "a]", true},      {".", "a", false},
        {"/", "a", false},          {"../a", "a", false},    {".git", ".git/config", true},
        {".git", ".github", false},
    };
    check_all(rows, COUNT_OF(rows));
}

static void patterns_are_cleaned(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"/a", "a", true},
        {"//a", "a", true},
        {"a/", "a", true},
        {"a//", "a/b", true},
        {"./a", "a", true},
        {"a/./b", "a/b", true},
        {"a/../b", "b", true},
        {"a/../b", "a", false},
        {"/../a", "a", true},
        {"  a  ", "a", true},
        {"\ta\t", "a", true},
        {"a\r\nb\r\n", "b", true},
        {"\n\na\n\n", "a", true},
        {"\xef\xbb\xbf"
         "a",
         "a", true},
        {"a\n!/a/b", "a/b", false},
        {"a\n!./a/b/", "a/b/c", false},
        {"a\n! a/b", "a/b", false},
        {"a b", "a b", true},
    };
    check_all(rows, COUNT_OF(rows));
}

static void a_comment_begins_in_column_0(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"#a", "#a", false}, {"# a\na", "a", true}, {" #a", "#a", true},
        {"a#", "a#", true},  {"\\#a", "#a", true},
    };
    check_all(rows, COUNT_OF(rows));
}

static void wildcards_stop_at_a_slash(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"*", "a", true},        {"*", ".a", true},
        {"*", "a/b", true}, /* its parent matches */
        {"*.c", "a.c", true},    {"*.c", "a.cc", false},
        {"*.c", "b/a.c", false}, {"*.c", "a.c/b", true},
        {"*/a", "b/a", true},    {"*/a", "a", false},
        {"*/a", "b/c/a", false}, {"*/*/a", "b/c/a", true},
        {"a*b", "ab", true},     {"a*b", "axxb", true},
        {"a*b", "a/b", false},   {"a*", "a", true},
        {"*a*", "bab", true},    {"a?", "ab", true},
        {"a?", "a", false},      {"a?", "abc", false},
        {"a?b", "a/b", false},   {"a?", "aä", true},
        {"?", "日", true},       {"a\\*", "a*", true},
        {"a\\*", "ab", false},   {"a\\?b", "a?b", true},
        {"\\a", "a", true},      {"\\!a", "!a", true},
    };
    check_all(rows, COUNT_OF(rows));
}

static void ranges_match_one_character(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"[ab]", "a", true},      {"[ab]", "c", false},         {"[ab]", "ab", false},
        {"[a-c]x", "bx", true},   {"[a-c]x", "dx", false},      {"[^a-c]x", "dx", true},
        {"[^a-c]x", "bx", false}, {"[!a]", "!", true}, /* only ^ negates */
        {"[!a]", "b", false},     {"[a\\]b]", "]", true},       {"[\\-]", "-", true},
        {"[ä-ü]", "ö", true},     {"[*]", "*", true},           {"[*]", "a", false},
        {"[.]x", "ax", false},    {"x[0-9][0-9]", "x42", true},
    };
    check_all(rows, COUNT_OF(rows));
}

static void double_stars_cross_slashes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"**", "a", true},           {"**", "a/b/c", true},
        {"**/a", "a", true},         {"**/a", "b/a", true},
        {"**/a", "b/c/a", true},     {"**/a", "b/a/c", true},
        {"**/a", "ba", false},       {"**/a", "b/ba", false},
        {"**/a/b", "x/a/b", true},   {"**/a/b", "x/a/y/b", false},
        {"**/*.c", "a.c", true},     {"**/*.c", "b/a.c", true},
        {"**/*.c", "b/a.h", false},  {"**/a*", "b/ac", true},
        {"**/a*", "b/ca", false},    {"a/**", "a", false},
        {"a/**", "a/b", true},       {"a/**", "a/b/c", true},
        {"a/**", "ab/c", false},     {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/b", true},   {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/xb", false},   {"a/**/b", "x/a/b", false},
        {"a/**/*.c", "a/b.c", true}, {"a/**/*.c", "a/x/y/b.c", true},
        {"**/a/**", "b/a/c", true},  {"**/a/**", "b/a", false},
        {"**/**/a", "x/a", true},    {"**/a/**/b", "x/a/y/z/b", true},
        {"a**", "ab/c", true},       {"a**", "a", true},
        {"a**b", "ab", true},        {"a**b", "ax/b", true},
        {"a**b", "axb", false},      {"**a", "ba", true},
        {"**a", "x/ba", true},       {"**a", "ab", false},
        {"**.c", "x/y.c", true},     {"**a*", "x/ab", true},
        {"**a*", "xab", false},      {"a/**/**/b", "a/b", true},
        {"**/.?*", ".x", true},      {"**/.?*", "a/.xy", true},
        {"**/.?*", "a/x", false},
    };
    check_all(rows, COUNT_OF(rows));
}

static void the_last_match_wins(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"*\n!a", "a", false},
        {"*\n!a", "b", true},
        {"*\n!a", "a/b", false},
        {"!a\n*", "a", true},
        {"*\n!a\na", "a", true},
        {"*\n!a\na/b", "a/b", true},
        {"*\n!a\na/b", "a/c", false},
        {"a\n!a/b", "a", true},
        {"a\n!a/b", "a/b", false},
        {"a\n!a/b", "a/c", true},
        {"a\n!a/b\na/b/c", "a/b/c", true},
        {"a/b\n!a", "a/b", false},
        {"**\n!**/*.md", "a/b.md", false},
        {"**\n!**/*.md", "a/b.c", true},
        {"*.md\n!README*.md\nREADME-secret.md", "README-x.md", false},
        {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
        {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
        {"node_modules\n!node_modules/keep/**", "node_modules/keep/x", false},
        {"node_modules\n!node_modules/keep/**", "node_modules/keep", true},
        {"a\n!!a", "a", true},
        {"!a\n", "a", false},
    };
    check_all(rows, COUNT_OF(rows));
}

static void bad_patterns_are_errors_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        unsigned line;
    } rows[] = {
        {"!", 1},     {"a\n!\n", 2}, {"a\n\n!  ", 3}, {"!/", 1},  {"[", 1},        {"a[", 1},
        {"[]", 1},    {"[]a]", 1},   {"[a", 1},       {"[a-", 1}, {"[a-]", 1},     {"[-a]", 1},
        {"[b-a]", 1}, {"[^]", 1},    {"[a\\", 1},     {"a\\", 1}, {"x\n[z-a]", 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ignore *ignore = NULL;
        autoerror err = ERROR_INIT;
        if (!ignore_parse(rows[i].file, strlen(rows[i].file), "x.dockerignore", &ignore, &err))
            fail_msg("%s is taken", rows[i].file);
        assert_null(ignore);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_string_equal(err.file, "x.dockerignore");
        assert_int_equal(err.line, rows[i].line);
    }
}

static void a_walk_skips_what_no_exception_can_reach(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* file, a directory that is left out, must the walk go in? */
        {"a", "a", false},
        {"*\n!b", "a", false},
        {"*\n!a/b", "a", true},
        {"*\n!a/b", "a/c", false},
        {"*\n!a/b/c", "a/b", true},
        {"*\n!a/b/c", "ab", false},
        {"*\n!a/b\n*/x", "a/x", false},
        {"a\n!**/keep", "a", true},
        {"a\n!**/keep", "a/b", true},
        {"!**/keep\na", "a", false}, /* the later line has the last word */
        {"a\n!a/*.md", "a", true},
        {"a\n!a/*.md", "a/b", false},
        {"a\n!a/**", "a", true},
        {"a\n!b*/c", "bx", true},
        {"*\n!?/b", "a", true},
        {"*\n!?/b", "aa", false},
        {"*\n!a/b\na", "a", false},
        {"*\n!a/b\na/c", "a", true},
        {"node_modules\n!src/**", "node_modules", false},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoignore *ignore = parse(rows[i].file);
        if (ignore_may_descend(ignore, rows[i].path) == rows[i].want)
            continue;
        print_error("[%s] and %s: not %d\n", rows[i].file, rows[i].path, rows[i].want);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* All paths of up to four names out of a few, and files made at random from a few pieces. */
static void skipping_loses_nothing(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",  "b",  "/",    "*",  "**", "?",    "!",
                                         "\n", "\n", "**/a", "/b", "!a", "[ab]", "\n!a/b/"};
    static const char *const names[] = {"a", "b", "ab"};
    unsigned seed = 1;
    for (int round = 0; round < 3000; round++) {
        autostr text = STR_INIT;
        for (int i = 0; i < 12; i++) {
            seed = seed * 1103515245u + 12345u;
            str_add(&text, pieces[(seed >> 16) % COUNT_OF(pieces)]);
        }
        autoignore *ignore = NULL;
        if (ignore_parse(str_text(&text), text.len, "x", &ignore, NULL))
            continue;
        for (unsigned n = 0; n < 81; n++) {
            autofree char *path = mem_printf("%s/%s/%s/%s", names[n % 3], names[n / 3 % 3],
                                             names[n / 9 % 3], names[n / 27 % 3]);
            if (ignore_matches(ignore, path))
                continue;
            for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
                *slash = '\0';
                if (ignore_matches(ignore, path) && !ignore_may_descend(ignore, path))
                    fail_msg("[%s]: %s is skipped, but something below is wanted", str_text(&text),
                             path);
            }
        }
    }
}

static void single_patterns_make_a_matcher_too(void **state)
{
    (void)state;
    autostrv patterns = STRV_INIT;
    strv_add(&patterns, "*.o");
    strv_add(&patterns, "#x");
    strv_add(&patterns, "");
    strv_add(&patterns, "!keep.o");
    autoignore *ignore = NULL;
    assert_int_equal(ignore_from_patterns(&patterns, "--exclude", &ignore, NULL), 0);
    assert_true(ignore_matches(ignore, "a.o"));
    assert_true(ignore_matches(ignore, "#x"));
    assert_false(ignore_matches(ignore, "keep.o"));
    assert_false(ignore_matches(NULL, "a.o"));
    strv_add(&patterns, "[");
    autoerror err = ERROR_INIT;
    struct ignore *none = NULL;
    assert_int_equal(ignore_from_patterns(&patterns, "--exclude", &none, &err), -1);
    assert_null(none);
    assert_string_equal(err.file, "--exclude");
}

static void long_patterns_and_paths_end(void **state)
{
    (void)state;
    autostr pattern = STR_INIT, path = STR_INIT;
    for (int i = 0; i < 500; i++) {
        str_add(&pattern, "*a");
        str_add(&path, "aaaa");
    }
    autoignore *ignore = parse(str_text(&pattern));
    assert_true(ignore_matches(ignore, str_text(&path)));
    str_add(&path, "b");
    assert_false(ignore_matches(ignore, str_text(&path)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_whole_and_from_the_root),
        cmocka_unit_test(patterns_are_cleaned),
        cmocka_unit_test(a_comment_begins_in_column_0),
        cmocka_unit_test(wildcards_stop_at_a_slash),
        cmocka_unit_test(ranges_match_one_character),
        cmocka_unit_test(double_stars_cross_slashes),
        cmocka_unit_test(the_last_match_wins),
        cmocka_unit_test(bad_patterns_are_errors_with_their_line),
        cmocka_unit_test(a_walk_skips_what_no_exception_can_reach),
        cmocka_unit_test(skipping_loses_nothing),
        cmocka_unit_test(single_patterns_make_a_matcher_too),
        cmocka_unit_test(long_patterns_and_paths_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
