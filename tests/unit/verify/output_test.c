#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "output.h"

#include <base/mem.h>

#include <string.h>

static void check_traceback(const char *text, const char *wanted)
{
    autostr s = STR_INIT;
    str_add(&s, text);
    autofree char *line = output_traceback(&s);
    if (wanted)
        assert_string_equal(line ? line : "(none)", wanted);
    else
        assert_null(line);
}

static void tracebacks_are_found_with_their_last_line(void **state)
{
    (void)state;
    check_traceback("x\nTraceback (most recent call last):\n  File \"a\", line 1\n    f()\n"
                    "ValueError: no\nmore\n",
                    "ValueError: no");
    check_traceback("app | Traceback (most recent call last):\n  File\n\nKeyError: 'a'",
                    "KeyError: 'a'");
    /* of chained ones the last */
    check_traceback("Traceback (most recent call last):\n  x\nA: 1\n\nDuring handling:\n\n"
                    "Traceback (most recent call last):\n  y\nB: 2\n",
                    "B: 2");
    /* cut off in the middle */
    check_traceback("Traceback (most recent call last):\n  File",
                    "Traceback (most recent call last):");
}

static void import_errors_are_found_without_a_traceback(void **state)
{
    (void)state;
    check_traceback("ImportError: libGL.so.1: cannot open", "ImportError: libGL.so.1: cannot open");
    check_traceback("a\nModuleNotFoundError: No module named 'x'\n",
                    "ModuleNotFoundError: No module named 'x'");
    check_traceback("pkg.errors.ImportError: y", "pkg.errors.ImportError: y");
    check_traceback("ImportError", "ImportError");
    check_traceback("no ImportError: here", NULL);
    check_traceback("MyImportError: fine", NULL);
    check_traceback("ImportErrors", NULL);
    check_traceback("", NULL);
}

static void check_clean(const char *bytes, size_t n, const char *wanted)
{
    autostr out = STR_INIT;
    output_clean(bytes, n, &out);
    assert_string_equal(str_text(&out), wanted);
}

#define CLEAN(text, wanted) check_clean(text, sizeof(text) - 1, wanted)

static void what_is_no_text_is_replaced(void **state)
{
    (void)state;
    CLEAN("plain ä €\n\ttab", "plain ä €\n\ttab");
    CLEAN("a\xff"
          "b",
          "a\xef\xbf\xbd"
          "b");
    CLEAN("\0", "\xef\xbf\xbd");
    CLEAN("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong */
    CLEAN("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
    CLEAN("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");                 /* cut off */
    CLEAN("\xc2\x9b", "\xef\xbf\xbd");                             /* CSI in one character */
}

static void escape_sequences_of_terminals_go(void **state)
{
    (void)state;
    CLEAN("\033[1;31mred\033[0m", "red");
    CLEAN("\033]0;title\007x", "x");
    CLEAN("\033]8;;http://a\033\\y", "y");
    CLEAN("\033", "");
    CLEAN("\033[", "");
    CLEAN("line\r\nend", "line\nend");
}

static void the_last_line_that_says_something(void **state)
{
    (void)state;
    autostr s = STR_INIT;
    assert_null(output_last_line(&s));
    str_add(&s, " \n\n");
    assert_null(output_last_line(&s));
    str_add(&s, "first\n  second \n\n");
    autofree char *line = output_last_line(&s);
    assert_string_equal(line, "second");
}

static void output_is_capped_and_said_to_be(void **state)
{
    (void)state;
    struct check_output o = {0};
    autofree char *block = mem_zalloc(1, 1 << 20);
    for (int i = 0; i < 4; i++)
        output_add(&o, i & 1, block, 1 << 20);
    assert_false(o.too_long);
    output_add(&o, false, "x", 1);
    assert_true(o.too_long);
    assert_int_equal(o.both.len, OUTPUT_MAX);
    assert_int_equal(o.out.len + o.err.len, OUTPUT_MAX);
    output_release(&o);
}

static void blanks_alone_are_silence(void **state)
{
    (void)state;
    struct check_output o = {0};
    assert_true(output_silent(&o));
    output_add(&o, false, " \n\t\n", 4);
    assert_true(output_silent(&o));
    output_add(&o, true, ".", 1);
    assert_false(output_silent(&o));
    output_release(&o);
}

static void of_much_output_the_end_is_kept(void **state)
{
    (void)state;
    struct check_output o = {0};
    output_add(&o, false, "short\n", 6);
    output_cut(&o);
    assert_false(o.cut);
    assert_int_equal(o.out.len, 6);
    for (size_t i = 0; i < OUTPUT_KEPT; i++)
        output_add(&o, true, "x", 1);
    output_add(&o, true, "end\n", 4);
    output_cut(&o);
    assert_true(o.cut);
    assert_int_equal(o.out.len, 6);
    assert_int_equal(o.err.len, OUTPUT_KEPT);
    assert_int_equal(o.both.len, OUTPUT_KEPT);
    assert_true(str_ends(str_text(&o.err), "xend\n"));
    output_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracebacks_are_found_with_their_last_line),
        cmocka_unit_test(import_errors_are_found_without_a_traceback),
        cmocka_unit_test(what_is_no_text_is_replaced),
        cmocka_unit_test(escape_sequences_of_terminals_go),
        cmocka_unit_test(the_last_line_that_says_something),
        cmocka_unit_test(output_is_capped_and_said_to_be),
        cmocka_unit_test(blanks_alone_are_silence),
        cmocka_unit_test(of_much_output_the_end_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
