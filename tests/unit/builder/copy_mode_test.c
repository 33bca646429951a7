/* --chmod: octal and symbolic modes. */
#include "copy_mode.h"

#include <base/mem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static void modes_come_out_as_chmod_makes_them(void **state)
{
    static const struct {
        const char *text;
        mode_t old, wanted;
    } rows[] = {
        {"640", S_IFREG | 0755, 0640},         {"7777", S_IFREG | 0, 07777},
        {"u=rwX,go=rX", S_IFREG | 0640, 0644}, {"u=rwX,go=rX", S_IFREG | 0740, 0755},
        {"u=rwX,go=rX", S_IFDIR | 0600, 0755}, {"g+w,o=", S_IFREG | 0644, 0660},
        {"a-x", S_IFREG | 0755, 0644},         {"g=u", S_IFREG | 0740, 0770},
        {"u+s,g+s", S_IFREG | 0755, 06755},    {"+t", S_IFDIR | 0755, 01755},
        {"o+t", S_IFDIR | 0755, 0755},         {"=r", S_IFREG | 0777, 0444},
        {"go=u-w", S_IFREG | 0700, 0755},      {"u+x,g-w,o=g", S_IFREG | 0660, 0744},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct copy_mode mode;
        assert_int_equal(copy_mode_parse(rows[i].text, &mode, NULL), 0);
        assert_int_equal(copy_mode_apply(&mode, rows[i].old) & 07777, rows[i].wanted);
        assert_int_equal(copy_mode_apply(&mode, rows[i].old) & S_IFMT, rows[i].old & S_IFMT);
        copy_mode_release(&mode);
    }
}

static void what_is_no_mode_is_refused(void **state)
{
    static const char *const wrong[] = {"999", "10000", "u", "u+q", "u=r,", "z=r", "+ "};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct copy_mode mode;
        autoerror err = ERROR_INIT;
        assert_int_equal(copy_mode_parse(wrong[i], &mode, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
}

static void directories_made_on_the_way_take_an_octal_mode_without_set_id_bits(void **state)
{
    struct copy_mode octal, symbolic;
    (void)state;
    assert_int_equal(copy_mode_parse("4750", &octal, NULL), 0);
    assert_int_equal(copy_mode_parse("u=rwx", &symbolic, NULL), 0);
    assert_int_equal(copy_mode_made(&octal), 0750);
    assert_int_equal(copy_mode_made(&symbolic), 0755);
    assert_int_equal(copy_mode_made(NULL), 0755);
    copy_mode_release(&octal);
    copy_mode_release(&symbolic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_come_out_as_chmod_makes_them),
        cmocka_unit_test(what_is_no_mode_is_refused),
        cmocka_unit_test(directories_made_on_the_way_take_an_octal_mode_without_set_id_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
