/* Templates and tags. */
#include "tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const struct template_values some = {
    .owner = "lab", .suffix = "", .platform = "linux-amd64"};

static void variables_are_replaced_and_unknown_ones_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *result;
        bool complete;
    } cases[] = {
        {"", "", true},
        {"plain $ text", "plain $ text", true},
        {"${platform}-x${suffix}", "linux-amd64-x", true},
        {"$${owner} $$", "${owner} $", true},
        {"${owner}/${version}", "lab/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        autofree char *text = NULL;
        bool complete = false;
        autoerror err = ERROR_INIT;
        assert_int_equal(template_expand(cases[i].text, &some, &text, &complete, &err), 0);
        assert_string_equal(text, cases[i].result);
        assert_int_equal(complete, cases[i].complete);
    }
}

static void a_template_names_only_what_it_expands(void **state)
{
    (void)state;
    assert_true(template_names("a-${platform}", "platform"));
    assert_false(template_names("a-$${platform}", "platform"));
    assert_false(template_names("a-${platforms}", "platform"));
    assert_false(template_names("a-$", "platform"));
    assert_true(template_names("$$${sha}", "sha"));
}

static void characters_that_no_tag_holds_become_one_dash(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1.0+local", "1.0-local"}, {"a/b", "a-b"},       {"a b\tc", "a-b-c"},
        {"a///b", "a-b"},           {"_x.Y-z", "_x.Y-z"}, {"caf\xc3\xa9", "caf-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        autofree char *tag = NULL;
        autoerror err = ERROR_INIT;
        assert_int_equal(tag_clean(cases[i][0], &tag, &err), 0);
        assert_string_equal(tag, cases[i][1]);
    }
}

static void what_can_t_be_a_tag_is_an_error(void **state)
{
    (void)state;
    char longest[130];
    memset(longest, 'a', sizeof longest);
    longest[129] = '\0';
    const char *const cases[] = {"", ".a", "-a", "/a", longest};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *tag = NULL;
        autoerror err = ERROR_INIT;
        assert_int_equal(tag_clean(cases[i], &tag, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_null(tag);
    }
    longest[128] = '\0';
    autofree char *tag = NULL;
    assert_int_equal(tag_clean(longest, &tag, NULL), 0);
}

static void a_template_without_its_value_gives_no_tag(void **state)
{
    (void)state;
    const struct tag_choice all = {true, true, true, true};
    autostrv templates = STRV_INIT, common = STRV_INIT, platform = STRV_INIT;
    autoerror err = ERROR_INIT;
    strv_add(&templates, "v${version}");
    strv_add(&templates, "nightly");
    strv_add(&templates, "latest"); /* a computed one as well: once is enough */
    strv_add(&templates, "${platform}-${sha}");
    assert_int_equal(tags_common(&all, &templates, &some, &common, &err), 0);
    assert_int_equal(tags_platform(&all, &templates, &some, &platform, &err), 0);
    autofree char *common_text = strv_join(&common, " ");
    autofree char *platform_text = strv_join(&platform, " ");
    assert_string_equal(common_text, "nightly latest");
    assert_string_equal(platform_text, "linux-amd64 linux-amd64-latest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_replaced_and_unknown_ones_told),
        cmocka_unit_test(a_template_names_only_what_it_expands),
        cmocka_unit_test(characters_that_no_tag_holds_become_one_dash),
        cmocka_unit_test(what_can_t_be_a_tag_is_an_error),
        cmocka_unit_test(a_template_without_its_value_gives_no_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
