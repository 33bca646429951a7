#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "marker.h"
#include "pep440.h"
#include "wheel.h"

#include <base/mem.h>

#include <stdlib.h>

/* Orders and specifiers as PEP 440 gives them. */
static void versions_are_ordered(void **state)
{
    (void)state;
    static const char *const rising[] = {"1.0.dev456", "1.0a1",    "1.0a2.dev456", "1.0a12.dev456",
                                         "1.0a12",     "1.0b2",    "1.0rc1",       "1.0",
                                         "1.0.post1",  "1.1.dev1", "1.1",          "1!0.1"};
    for (size_t i = 0; i + 1 < COUNT_OF(rising); i++) {
        if (pep440_compare(rising[i], rising[i + 1]) >= 0)
            fail_msg("%s is not before %s", rising[i], rising[i + 1]);
        assert_true(pep440_compare(rising[i + 1], rising[i]) > 0);
    }
    assert_int_equal(pep440_compare("1.0", "1.0.0"), 0);
    assert_int_equal(pep440_compare("v1.0-ALPHA.1", "1.0a1"), 0);
    assert_int_equal(pep440_compare("1.0-1", "1.0.post1"), 0);
    assert_int_equal(pep440_compare("2.7.0+cu128", "2.7.0"), 0);
}

static void specifiers_are_fulfilled(void **state)
{
    (void)state;
    static const struct {
        const char *version, *specifiers;
        bool holds;
    } cases[] = {
        {"1.5", ">=1.0,<2", true},
        {"2.0", ">=1.0,<2", false},
        {"2.0rc1", "<2", false},
        {"1.4.5", "~=1.4.2", true},
        {"1.5.0", "~=1.4.2", false},
        {"1.9", "~=1.4", true},
        {"1.1.3", "==1.1.*", true},
        {"1.2", "!=1.1.*", true},
        {"1.1", "!=1.1.*", false},
        {"1.0.post1", ">1.0", false},
        {"1.0.1", ">1.0", true},
        {"1.0", "(>=1.0)", true},
        {"3", "", true},
        {"3.10", ">=3.9", true},
        {"1.0", "=== 1.0", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (pep440_fulfils(cases[i].version, cases[i].specifiers) != cases[i].holds)
            fail_msg("%s %s", cases[i].version, cases[i].specifiers);
}

static void markers_hold_for_the_images_own_python(void **state)
{
    (void)state;
    autostrv extras = STRV_INIT;
    strv_add(&extras, "dev");
    const struct marker_environment environment = {"3.11", "3.11.2", "aarch64", &extras};
    static const struct {
        const char *marker;
        bool holds, unknown;
    } cases[] = {
        {"python_version >= '3.8'", true, false},
        {"python_version < \"3.11\"", false, false},
        {"python_full_version < '3.11.3' and os_name == 'posix'", true, false},
        {"sys_platform == 'win32' or extra == 'dev'", true, false},
        {"extra == 'test'", false, false},
        {"platform_machine in 'x86_64 aarch64'", true, false},
        {"platform_machine not in 'x86_64'", true, false},
        {"(os_name == 'nt' or extra == 'dev') and python_version > '3'", true, false},
        {"platform_python_implementation != 'PyPy'", true, false},
        {"nonsense == '1'", false, true},
        {"os_name == ", false, true},
        {"(os_name == 'posix'", false, true},
        {"os_name = 'posix", false, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool unknown = false;
        if (marker_holds(cases[i].marker, &environment, &unknown) != cases[i].holds ||
            unknown != cases[i].unknown)
            fail_msg("%s", cases[i].marker);
    }
}

static void names_are_normalised(void **state)
{
    (void)state;
    autofree char *name = wheel_normalise("Ruamel.yaml__Clib-x");
    assert_string_equal(name, "ruamel-yaml-clib-x");
    autofree char *home = wheel_venv_value("a = b\nhome=/usr/bin \n", "home");
    assert_string_equal(home, "/usr/bin");
    assert_null(wheel_venv_value("a = b\n", "home"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_ordered),
        cmocka_unit_test(specifiers_are_fulfilled),
        cmocka_unit_test(markers_hold_for_the_images_own_python),
        cmocka_unit_test(names_are_normalised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
