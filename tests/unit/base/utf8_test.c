#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "utf8.h"

#include <string.h>

static void characters_have_their_length(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } rows[] = {{"a", 1},
                {"\x7f", 1},
                {"\xc3\xa4", 2},
                {"\xe0\xa0\x80", 3},
                {"\xed\x9f\xbf", 3},
                {"\xef\xbf\xbd", 3},
                {"\xf0\x90\x80\x80", 4},
                {"\xf4\x8f\xbf\xbf", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(utf8_length(rows[i].text, strlen(rows[i].text)), rows[i].length);
    assert_int_equal(utf8_length("\0x", 2), 1);
}

static void what_is_no_character_has_none(void **state)
{
    (void)state;
    static const char *const rows[] = {"\x80",             /* a continuation alone */
                                       "\xc0\x80",         /* overlong */
                                       "\xc1\xbf",         /* overlong */
                                       "\xe0\x9f\xbf",     /* overlong */
                                       "\xed\xa0\x80",     /* a surrogate */
                                       "\xf0\x8f\xbf\xbf", /* overlong */
                                       "\xf4\x90\x80\x80", /* beyond U+10FFFF */
                                       "\xf5\x80\x80\x80",
                                       "\xff",
                                       "\xe2\x82", /* cut off */
                                       "\xe2\x28\xa1",
                                       "\xe2\x82\x28"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(utf8_length(rows[i], strlen(rows[i])), 0);
    assert_int_equal(utf8_length("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(characters_have_their_length),
                                       cmocka_unit_test(what_is_no_character_has_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
