/* Templates of bake files: what they come to, and what is refused. */
#include "bake_expression.h"

#include <base/str.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *variable(void *context, const char *name, struct error *err)
{
    json_t *value = json_object_get(context, name);
    if (!value)
        error_set(err, ERROR_INPUT, "there is no variable %s", name);
    return json_incref(value);
}

static const char VARIABLES[] =
    "{\"s\": \"text\", \"e\": \"\", \"n\": 3, \"f\": 1.5, \"t\": true, \"z\": null,"
    " \"l\": [\"a\", \"b\"], \"o\": {\"k\": {\"d-e\": \"deep\"}}}";

static void expect(const char *text, const char *wanted)
{
    autoerror err = ERROR_INIT;
    autojson *variables = NULL;
    assert_int_equal(json_parse(VARIABLES, strlen(VARIABLES), "variables", &variables, &err), 0);
    struct bake_names names = {.variable = variable, .context = variables};
    autojson *value = bake_template(text, &names, &err);
    if (!value)
        fail_msg("%s: %s", text, err.message);
    autofree char *found = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    assert_string_equal(found, wanted);
}

static void expect_refused(const char *text, const char *part)
{
    autoerror err = ERROR_INIT;
    autojson *variables = NULL;
    assert_int_equal(json_parse(VARIABLES, strlen(VARIABLES), "variables", &variables, &err), 0);
    struct bake_names names = {.variable = variable, .context = variables};
    autojson *value = bake_template(text, &names, &err);
    assert_null(value);
    assert_int_equal(err.kind, ERROR_INPUT);
    if (!strstr(err.message, part))
        fail_msg("%s: %s", text, err.message);
}

static void test_text_and_interpolation(void **state)
{
    (void)state;
    expect("", "\"\"");
    expect("plain $s %", "\"plain $s %\"");
    expect("a-${s}-${n}-${f}-${t}", "\"a-text-3-1.5-true\"");
    expect("$${s} %%{x}", "\"${s} %{x}\"");
    expect("${ s }", "\"text\"");
    expect("${\"in ${s} \\\"q\\\"\"}", "\"in text \\\"q\\\"\"");
}

static void test_one_interpolation_keeps_its_type(void **state)
{
    (void)state;
    expect("${n}", "3");
    expect("${l}", "[\"a\",\"b\"]");
    expect("${z}", "null");
    expect("${o.k[\"d-e\"]}", "\"deep\"");
    expect("${o.k.d-e}", "\"deep\"");
    expect("${l[1]}", "\"b\"");
    expect("${[1, s,]}", "[1,\"text\"]");
}

static void test_operators_bind_as_in_hcl(void **state)
{
    (void)state;
    expect("${1 + 2 * 3 - 4 / 2}", "5");
    expect("${(1 + 2) * 3 % 4}", "1");
    expect("${-n + 1}", "-2");
    expect("${1 < 2 && 2 <= 2 || false}", "true");
    expect("${!t || n != 3}", "false");
    expect("${n == 3 ? \"three\" : nope}", "\"three\"");
    expect("${e == \"\" ? t ? \"a\" : \"b\" : \"c\"}", "\"a\"");
    expect("${1 / 4}", "0.25");
}

static void test_functions(void **state)
{
    (void)state;
    expect("${upper(s)}${lower(\"ABC\")}", "\"TEXTabc\"");
    expect("${replace(\"1.2.3\", \".\", \"-\")}", "\"1-2-3\"");
    expect("${join(\",\", concat(l, [\"c\"]))}", "\"a,b,c\"");
    expect("${split(\".\", \"x.y\")}", "[\"x\",\"y\"]");
    expect("${coalesce(z, e, \"d\")}", "\"d\"");
    expect("${contains(l, \"b\")}", "true");
    expect("${length(l)}", "2");
    expect("${sanitize(\"a/b:c\")}", "\"a_b_c\"");
    expect("${trimprefix(\"v1\", \"v\")}${trimsuffix(\"a.c\", \".c\")}${trimspace(\" x \")}",
           "\"1ax\"");
    expect("${and(equal(n, 3), not(notequal(s, \"text\")))}", "true");
    expect("${or(false, false)}", "false");
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    expect_refused("${", "missing");
    expect_refused("${s", "} is missing");
    expect_refused("${s + 1}", "no number");
    expect_refused("${1 / 0}", "zero");
    expect_refused("${1 % 0.5}", "whole numbers");
    expect_refused("${\"open}", "quote");
    expect_refused("${l[7]}", "there is no");
    expect_refused("${l.*.x}", "splat");
    expect_refused("${for}", "for");
    expect_refused("x${l}", "a list");
    expect_refused("x${z}", "null");
    expect_refused("${upper()}", "argument");
    expect_refused("${length(1)}", "wrong kind");
    expect_refused("${t ? 1}", ": is missing");
    expect_refused("${n ? 1 : 2}", "neither true nor false");
    expect_refused("%{if t}", "directives");
    expect_refused("${~s}", "strip");
    autofree char *deep = mem_zalloc(1000, 1);
    memset(deep, '(', 999);
    autofree char *text = mem_printf("${%s", deep);
    expect_refused(text, "too deep");
    memset(deep, '!', 999);
    autofree char *nots = mem_printf("${%s", deep);
    expect_refused(nots, "too deep");
    autostr nested = STR_INIT;
    for (int i = 0; i < 200; i++)
        str_add(&nested, "${\"");
    expect_refused(str_text(&nested), "too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_interpolation),
        cmocka_unit_test(test_one_interpolation_keeps_its_type),
        cmocka_unit_test(test_operators_bind_as_in_hcl),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
