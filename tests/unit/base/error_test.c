/* base/error: messages, positions, hints, and how they are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "error.h"
#include "mem.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *printed(const struct error *err, int colour)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    error_print(err, out, colour);
    fclose(out);
    return text;
}

static void a_message_is_built_outward(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    assert_int_equal(error_set(&err, ERROR_NETWORK, "upload of %s", "sha256:1"), -1);
    assert_int_equal(error_wrap(&err, "push %s", "a/b:c"), -1);
    assert_string_equal(err.message, "push a/b:c: upload of sha256:1");
    assert_int_equal(err.kind, ERROR_NETWORK);
}

static void a_message_may_be_made_of_itself(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    error_set(&err, ERROR_INPUT, "inner");
    error_set(&err, ERROR_INPUT, "outer (%s)", err.message);
    assert_string_equal(err.message, "outer (inner)");
    error_wrap(&err, "again %s", err.message);
    assert_string_equal(err.message, "again outer (inner): outer (inner)");
}

static void errno_is_kept_and_told(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    errno = EACCES;
    error_errno(&err, ERROR_INPUT, "open %s", "x");
    assert_int_equal(err.sys, EACCES);
    assert_string_equal(err.message, "open x: Permission denied");
}

static void a_full_disk_is_the_hosts_matter_and_has_a_hint(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    errno = ENOSPC;
    error_errno(&err, ERROR_INPUT, "write x");
    assert_int_equal(err.kind, ERROR_HOST);
    assert_non_null(err.hint);
}

static void the_innermost_place_and_hint_stay(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    error_set(&err, ERROR_INPUT, "x");
    error_at(&err, "a", 2, 3, "second line\nthird");
    error_at(&err, "b", 9, 9, NULL);
    error_hint(&err, "first");
    error_hint(&err, "second");
    assert_string_equal(err.file, "a");
    assert_int_equal(err.line, 2);
    assert_string_equal(err.source_line, "second line");
    assert_string_equal(err.hint, "first");
}

static void no_error_is_wanted_where_err_is_null(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_INPUT, "x"), -1);
    assert_int_equal(error_errno(NULL, ERROR_INPUT, "x"), -1);
    assert_int_equal(error_wrap(NULL, "x"), -1);
    assert_int_equal(error_at(NULL, "f", 1, 1, NULL), -1);
    assert_int_equal(error_hint(NULL, "x"), -1);
    error_ignore(NULL, "nothing");
    error_release(NULL);
    struct error from = ERROR_INIT;
    error_set(&from, ERROR_INPUT, "x");
    assert_int_equal(error_move(NULL, &from), -1);
    assert_null(from.message);
}

static void moving_hands_everything_over(void **state)
{
    (void)state;
    autoerror to = ERROR_INIT;
    struct error from = ERROR_INIT;
    error_set(&to, ERROR_USAGE, "old");
    error_set(&from, ERROR_AUTH, "new");
    error_move(&to, &from);
    assert_string_equal(to.message, "new");
    assert_null(from.message);
    assert_int_equal(from.kind, ERROR_NONE);
}

static void each_kind_has_the_exit_code_of_the_manual(void **state)
{
    (void)state;
    static const int codes[] = {
        [ERROR_NONE] = 0,    [ERROR_USAGE] = 2,     [ERROR_INPUT] = 3,         [ERROR_MISSING] = 3,
        [ERROR_NETWORK] = 4, [ERROR_AUTH] = 5,      [ERROR_INTEGRITY] = 6,     [ERROR_HOST] = 7,
        [ERROR_STEP] = 1,    [ERROR_INTERNAL] = 70, [ERROR_INTERRUPTED] = 130,
    };
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct error err = {.kind = (enum error_kind)i};
        assert_int_equal(error_exit_code(&err), codes[i]);
    }
}

static void the_place_is_shown_with_a_mark_under_it(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    error_set(&err, ERROR_INPUT, "unknown instruction");
    error_at(&err, "Dockerfile", 7, 4, "\tü RUM x");
    error_hint(&err, "did you mean RUN?");
    autofree char *text = printed(&err, 0);
    assert_string_equal(text, "error: Dockerfile:7: unknown instruction\n"
                              "    | \tü RUM x\n"
                              "    | \t ^\n"
                              "hint: did you mean RUN?\n");
}

static void colours_are_used_on_request_alone(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    error_set(&err, ERROR_INPUT, "x");
    autofree char *plain = printed(&err, 0);
    autofree char *coloured = printed(&err, 1);
    assert_null(strchr(plain, '\033'));
    assert_non_null(strchr(coloured, '\033'));
}

static void a_hostile_text_does_not_reach_the_terminal(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    error_set(&err, ERROR_INPUT, "the registry says \033[2J\r\a");
    autofree char *text = printed(&err, 0);
    assert_string_equal(text, "error: the registry says ?[2J??\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_built_outward),
        cmocka_unit_test(a_message_may_be_made_of_itself),
        cmocka_unit_test(errno_is_kept_and_told),
        cmocka_unit_test(a_full_disk_is_the_hosts_matter_and_has_a_hint),
        cmocka_unit_test(the_innermost_place_and_hint_stay),
        cmocka_unit_test(no_error_is_wanted_where_err_is_null),
        cmocka_unit_test(moving_hands_everything_over),
        cmocka_unit_test(each_kind_has_the_exit_code_of_the_manual),
        cmocka_unit_test(the_place_is_shown_with_a_mark_under_it),
        cmocka_unit_test(colours_are_used_on_request_alone),
        cmocka_unit_test(a_hostile_text_does_not_reach_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
