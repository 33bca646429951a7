/* registry/platform. */
#include "image_fixture.h"
#include "platform.h"

static void names_become_the_normal_form(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"linux/amd64", "linux/amd64"},
        {"x86_64", "linux/amd64"},
        {"linux/amd64/v1", "linux/amd64"},
        {"amd64/v2", "linux/amd64/v2"},
        {"aarch64", "linux/arm64"},
        {"linux/arm64/v8", "linux/arm64"},
        {"linux/arm", "linux/arm/v7"},
        {"arm/6", "linux/arm/v6"},
        {"armhf", "linux/arm/v7"},
        {"linux/arm/v6", "linux/arm/v6"},
        {"i686", "linux/386"},
        {"linux/riscv64", "linux/riscv64"},
        {"windows/amd64", "windows/amd64"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoerror err = ERROR_INIT;
        struct platform p;
        char text[48];
        assert_done(platform_parse(rows[i][0], &p, &err), &err);
        assert_string_equal(platform_text(&p, '/', text), rows[i][1]);
    }
}

static void what_is_no_platform_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "/",
                                      "linux",
                                      "linux/",
                                      "linux//v7",
                                      "/amd64",
                                      "linux/a/b/c",
                                      "Linux/amd64",
                                      "a b",
                                      "linux/../x",
                                      "linux/averyveryverylongarchitecture",
                                      "linux/arm/v7verylong"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        autoerror err = ERROR_INIT;
        struct platform p;
        if (!platform_parse(bad[i], &p, &err))
            fail_msg("“%s” was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
}

static bool runs(const char *image, const char *host)
{
    struct platform a, b;
    assert_int_equal(platform_parse(image, &a, NULL), 0);
    assert_int_equal(platform_parse(host, &b, NULL), 0);
    return platform_runs_on(&a, &b);
}

static void a_machine_runs_its_own_and_what_it_contains(void **state)
{
    (void)state;
    assert_true(runs("linux/amd64", "linux/amd64"));
    assert_true(runs("linux/386", "linux/amd64"));
    assert_true(runs("linux/amd64", "linux/amd64/v3"));
    assert_false(runs("linux/amd64/v3", "linux/amd64"));
    assert_true(runs("linux/arm/v6", "linux/arm/v7"));
    assert_false(runs("linux/arm/v7", "linux/arm/v6"));
    assert_false(runs("linux/arm64", "linux/amd64"));
    assert_false(runs("windows/amd64", "linux/amd64"));
}

static void separators_suit_tags_and_overlong_words_are_cut(void **state)
{
    (void)state;
    struct platform p;
    char text[48];
    platform_from("linux", "arm", "v7", &p);
    assert_string_equal(platform_text(&p, '-', text), "linux-arm-v7");
    platform_from("an-operating-system-without-end", "x", "variant-without-end", &p);
    assert_true(strlen(p.os) < sizeof p.os && strlen(p.variant) < sizeof p.variant);
    platform_host(&p);
    assert_string_equal(p.os, "linux");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_the_normal_form),
        cmocka_unit_test(what_is_no_platform_is_refused),
        cmocka_unit_test(a_machine_runs_its_own_and_what_it_contains),
        cmocka_unit_test(separators_suit_tags_and_overlong_words_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
