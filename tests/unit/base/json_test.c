/* base/json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"

#include <stdlib.h>
#include <string.h>

static json_t *parsed(const char *text)
{
    json_t *json = NULL;
    autoerror err = ERROR_INIT;
    if (json_parse(text, strlen(text), "t", &json, &err))
        fail_msg("%s", err.message);
    return json;
}

static void a_mistake_is_shown_where_it_stands(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    json_t *json = (json_t *)1;
    const char text[] = "{\n  \"ü\": 1,\n  \"b\": x\n}";
    assert_int_equal(json_parse(text, sizeof text - 1, "config.json", &json, &err), -1);
    assert_ptr_equal(json, (json_t *)1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.file, "config.json");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 8);
    assert_string_equal(err.source_line, "  \"b\": x");
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    autofree char *deep = mem_alloc(200001);
    memset(deep, '[', 200000);
    deep[200000] = '\0';
    const char *const wrong[] = {
        "",
        "{",
        "{\"a\":1,\"a\":2}",
        "[1,]",
        "{} x",
        "[\"\xff\"]",
        "[\"\\u0000\"]",
        "null",
        "[01]",
        "[1e999]",
        "['a']",
        "\n\n",
        "[\"\\ud800\"]",
        deep,
        "[99999999999999999999]",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        autoerror err = ERROR_INIT;
        json_t *json;
        if (!json_parse(wrong[i], strlen(wrong[i]), "t", &json, &err))
            fail_msg("taken: %.40s", wrong[i]);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_string_equal(err.file, "t");
    }
    assert_int_equal(json_parse(NULL, 0, "t", NULL, NULL), -1);
}

static void members_have_their_type_or_an_error_that_names_them(void **state)
{
    (void)state;
    autojson *o = parsed("{\"s\":\"x\",\"i\":-5,\"b\":true,\"o\":{},\"a\":[\"p\",\"q\"],\"n\":null,"
                         "\"mixed\":[\"p\",1]}");
    const char *s = NULL;
    int64_t i = 0;
    bool b = false;
    json_t *child = NULL;
    autostrv v = STRV_INIT;
    assert_int_equal(json_get_string(o, "s", "d", "w", &s, NULL), 0);
    assert_string_equal(s, "x");
    assert_int_equal(json_get_string(o, "n", "d", "w", &s, NULL), 0);
    assert_string_equal(s, "d");
    assert_int_equal(json_get_int(o, "i", 7, "w", &i, NULL), 0);
    assert_int_equal(i, -5);
    assert_int_equal(json_get_int(o, "absent", 7, "w", &i, NULL), 0);
    assert_int_equal(i, 7);
    assert_int_equal(json_get_bool(o, "b", false, "w", &b, NULL), 0);
    assert_true(b);
    assert_int_equal(json_get_object(o, "o", "w", &child, NULL), 0);
    assert_true(json_is_object(child));
    assert_int_equal(json_get_array(o, "n", "w", &child, NULL), 0);
    assert_null(child);
    assert_int_equal(json_get_strings(o, "a", "w", &v, NULL), 0);
    assert_int_equal(v.count, 2);
    assert_int_equal(json_get_strings(o, "absent", "w", &v, NULL), 0);

    autoerror err = ERROR_INIT;
    assert_int_equal(json_get_strings(o, "mixed", "config of x", &v, &err), -1);
    assert_int_equal(v.count, 2);
    assert_string_equal(err.message,
                        "config of x: item 2 of “mixed” must be a string, not a number");
    assert_int_equal(json_get_int(o, "s", 0, "config of x", &i, &err), -1);
    assert_string_equal(err.message, "config of x: “s” must be a whole number, not a string");
    assert_int_equal(json_get_object(o, "a", "w", &child, &err), -1);
    assert_int_equal(json_get_bool(o, "i", 0, "w", &b, &err), -1);
    assert_int_equal(json_get_string(o, "b", 0, "w", &s, &err), -1);
    assert_int_equal(json_get_string(json_object_get(o, "a"), "b", 0, "w", &s, &err), -1);
    assert_int_equal(json_get_string(NULL, "b", 0, "w", &s, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
}

static void texts_keep_the_order_and_are_compact_or_pretty(void **state)
{
    (void)state;
    autojson *o = parsed("{ \"z\": 1, \"a\": [ true ] }");
    autofree char *compact = json_text(o);
    autofree char *pretty = json_pretty(o);
    assert_string_equal(compact, "{\"z\":1,\"a\":[true]}");
    assert_string_equal(pretty, "{\n  \"z\": 1,\n  \"a\": [\n    true\n  ]\n}\n");
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    autostrv v = STRV_INIT;
    strv_add(&v, "ü€😀");
    strv_add(&v, "a\xff\xc3");
    strv_add(&v, "\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe0\x80\x80");
    autojson *array = json_from_strings(&v);
    assert_string_equal(json_string_value(json_array_get(array, 0)), "ü€😀");
    assert_string_equal(json_string_value(json_array_get(array, 1)), "a��");
    assert_string_equal(json_string_value(json_array_get(array, 2)), "��|���|����|���");
}

static void the_place_in_received_json_is_told_not_shown(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    json_t *json = NULL;
    assert_int_equal(json_parse_received("{\n]", 3, "manifest x", &json, &err), -1);
    assert_null(err.file);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "manifest x, line 2: not the JSON expected"));
    error_at(&err, "Dockerfile", 7, 1, "FROM x");
    assert_int_equal(err.line, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistake_is_shown_where_it_stands),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(the_place_in_received_json_is_told_not_shown),
        cmocka_unit_test(members_have_their_type_or_an_error_that_names_them),
        cmocka_unit_test(texts_keep_the_order_and_are_compact_or_pretty),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
