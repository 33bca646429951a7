/* Modes by name, subordinate ids from their file, and what entering leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mode.h"
#include "user_namespace.h"

#include <base/mem.h>

#include <string.h>
#include <unistd.h>

static void every_name_is_parsed_and_no_other(void **state)
{
    (void)state;
    static const char *const names[] = {"auto", "root", "userns", "single", "chroot", "takeover"};
    enum mode_name name;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(mode_parse(names[i], &name, NULL), 0);
        assert_string_equal(mode_text(name), names[i]);
    }
    assert_int_equal(mode_parse(NULL, &name, NULL), 0);
    assert_int_equal(name, MODE_AUTO);
    autoerror err = ERROR_INIT;
    assert_int_equal(mode_parse("none", &name, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
}

static void subordinate_ids_are_the_users_in_order(void **state)
{
    (void)state;
    static const char file[] = "other:100000:65536\n"
                               "me:200000:65536\n"
                               "1000:300000:10\n"
                               "mean:400000:65536\n"
                               "me:bad:65536\n"
                               "me:1:0\n"
                               "me:500000:5";
    autostrv args = STRV_INIT;
    assert_true(subordinate_ids(file, "me", 1000, &args));
    autofree char *joined = strv_join(&args, " ");
    assert_string_equal(joined, "1 200000 65536 65537 300000 10 65547 500000 5");
    autostrv none = STRV_INIT;
    assert_false(subordinate_ids(file, "m", 10, &none));
    assert_int_equal(none.count, 0);
}

static void a_probe_says_why_and_leaves_the_process_as_it_was(void **state)
{
    (void)state;
    uid_t before = geteuid();
    bool first = user_namespace_is_first();
    for (int name = MODE_ROOT; name < MODE_NAMES; name++) {
        autofinding f = {.why = NULL};
        mode_probe((enum mode_name)name, &f);
        assert_non_null(f.why);
        assert_int_equal(f.allowed, !*f.why);
    }
    assert_int_equal(geteuid(), before);
    assert_int_equal(user_namespace_is_first(), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_parsed_and_no_other),
        cmocka_unit_test(subordinate_ids_are_the_users_in_order),
        cmocka_unit_test(a_probe_says_why_and_leaves_the_process_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
