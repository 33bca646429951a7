#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "git_reference.h"

static void check(const char *text, bool context, const char *remote, const char *ref,
                  const char *subdir)
{
    struct git_reference out;
    assert_int_equal(git_reference_parse(text, context, &out, NULL), 1);
    assert_string_equal(out.remote, remote);
    assert_string_equal(out.ref ? out.ref : "", ref);
    assert_string_equal(out.subdir ? out.subdir : "", subdir);
    git_reference_release(&out);
}

static void fragments_and_queries_name_ref_and_subdirectory(void **state)
{
    (void)state;
    check("https://h/a/b.git", false, "https://h/a/b.git", "", "");
    check("https://h/a/b.git#main:x/../y/", false, "https://h/a/b.git", "main", "y");
    check("https://h/a.git#:sub", false, "https://h/a.git", "", "sub");
    check("https://h/a.git?ref=v1&subdir=/s", false, "https://h/a.git", "v1", "s");
    check("https://h/a.git?tag=v1", false, "https://h/a.git", "refs/tags/v1", "");
    check("https://h/a.git?branch=b%2Fc", false, "https://h/a.git", "refs/heads/b/c", "");
    check("git@h:a/b#c", false, "git@h:a/b", "c", "");
    check("ssh://git@h:2222/a/b", false, "ssh://git@h:2222/a/b", "", "");
    check("git://h/a", false, "git://h/a", "", "");
    check("github.com/a/b#c:..", true, "https://github.com/a/b", "c", "");
}

static void what_is_no_repository_is_left_to_others(void **state)
{
    static const char *const others[] = {
        "a", "./a.git", "https://h/a.tar.gz", "https://h/a", "github.com/a/b", "/a@b:c", "a@b"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct git_reference out;
        assert_int_equal(git_reference_parse(others[i], false, &out, NULL), 0);
    }
}

static void queries_that_mean_nothing_are_refused(void **state)
{
    static const char *const wrong[] = {
        "https://h/a.git?what=1",       "https://h/a.git?ref=a#b",
        "https://h/a.git?ref=",         "https://h/a.git?branch=a&tag=b",
        "https://h/a.git?mtime=now",    "https://h/a.git#--upload-pack=x",
        "https://h/a.git?checksum=xyz", "https://h/a.git?submodules=maybe"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct git_reference out;
        autoerror err = ERROR_INIT;
        assert_int_equal(git_reference_parse(wrong[i], false, &out, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_and_queries_name_ref_and_subdirectory),
        cmocka_unit_test(what_is_no_repository_is_left_to_others),
        cmocka_unit_test(queries_that_mean_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
