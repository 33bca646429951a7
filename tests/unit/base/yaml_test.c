/* base/yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "yaml.h"

#include <stdlib.h>
#include <string.h>

static struct yaml_file *parsed(const char *text)
{
    struct yaml_file *file = NULL;
    autoerror err = ERROR_INIT;
    if (yaml_parse(text, strlen(text), "t.yaml", &file, &err))
        fail_msg("%s", err.message);
    return file;
}

static void a_file_becomes_a_tree_that_knows_its_lines(void **state)
{
    (void)state;
    autoyaml *f = parsed("# comment\na: b\nlist:\n  - x\n  - \"1\"\n  - {k: v}\nempty:\n");
    assert_int_equal(f->root->kind, YAML_MAPPING);
    assert_int_equal(f->root->count, 3);
    const struct yaml_node *list = yaml_get(f->root, "list");
    assert_int_equal(list->kind, YAML_SEQUENCE);
    assert_int_equal(list->count, 3);
    assert_int_equal(list->items[1]->line, 5);
    assert_int_equal(list->items[1]->column, 5);
    assert_false(list->items[1]->plain);
    assert_true(list->items[0]->plain);
    assert_string_equal(yaml_get(list->items[2], "k")->text, "v");
    assert_null(yaml_get(f->root, "absent"));
    assert_null(yaml_get(list, "k"));
}

static void json_is_read_too(void **state)
{
    (void)state;
    autoyaml *f = parsed("{\"a\": [1, true, null, \"x\\n\"]}");
    assert_string_equal(yaml_get(f->root, "a")->items[3]->text, "x\n");
}

static void an_empty_file_has_no_root(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n\n", "# only this\n", "---\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < COUNT_OF(empty); i++) {
        autoyaml *f = parsed(empty[i]);
        assert_null(f->root);
    }
    struct yaml_file *file = NULL;
    assert_int_equal(yaml_parse(NULL, 0, "t", &file, NULL), 0);
    yaml_file_free(file);
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    autoyaml *f = parsed("\xef\xbb\xbf"
                         "a: b\n");
    assert_string_equal(yaml_get(f->root, "a")->text, "b");
}

static void assert_refused(const char *text, size_t n, unsigned line, const char *message)
{
    autoerror err = ERROR_INIT;
    struct yaml_file *file = (struct yaml_file *)1;
    if (!yaml_parse(text, n, "t.yaml", &file, &err))
        fail_msg("taken: %.60s", text);
    assert_ptr_equal(file, (struct yaml_file *)1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.file, "t.yaml");
    if (line)
        assert_int_equal(err.line, line);
    if (message && !strstr(err.message, message))
        fail_msg("%s", err.message);
}

static void what_we_do_not_read_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
        const char *message;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", 3, "given twice, first in line 1"},
        {"a: &x 1\n", 1, "anchors"},
        {"b: 1\na: *x\n", 2, "aliases"},
        {"a: !!str 1\n", 1, "tags"},
        {"a: 1\n---\nb: 2\n", 2, "one document"},
        {"a: [1\nb: 2\n", 0, NULL},
        {"\ta: 1\n", 1, NULL},
        {"a: b: c\n", 1, NULL},
        {"? [a]\n: b\n", 1, "key must be a word"},
        {"a: \"\\0\"\n", 1, "NUL"},
        {"a: \"\xff\"\n", 0, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].line, cases[i].message);
    assert_refused("a: b\0c\n", 7, 0, NULL);
}

static void size_and_depth_have_limits(void **state)
{
    (void)state;
    autostr deep = STR_INIT, wide = STR_INIT, keys = STR_INIT;
    for (int i = 0; i < 10000; i++)
        str_add_char(&deep, '[');
    assert_refused(str_text(&deep), deep.len, 1, "64 deep");
    for (int i = 0; i < 100001; i++)
        str_add(&wide, "- x\n");
    assert_refused(str_text(&wide), wide.len, 0, "100,000");
    for (int i = 0; i < 5001; i++)
        str_addf(&keys, "k%d: x\n", i);
    assert_refused(str_text(&keys), keys.len, 5001, "5,000 keys");
    autostr fair = STR_INIT;
    for (int i = 0; i < 64; i++)
        str_add_char(&fair, '[');
    for (int i = 0; i < 64; i++)
        str_add_char(&fair, ']');
    autoyaml *f = parsed(str_text(&fair));
    assert_non_null(f->root);
}

static void an_unknown_key_is_shown_with_the_nearest_known(void **state)
{
    (void)state;
    static const char *const allowed[] = {"repository", "package", "context"};
    autoyaml *f = parsed("repository: x\ncontxt: .\n");
    autoerror err = ERROR_INIT;
    assert_int_equal(yaml_allow_keys(f, f->root, allowed, 3, &err), -1);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 1);
    assert_string_equal(err.source_line, "contxt: .");
    assert_string_equal(err.hint, "did you mean “context”?");
    assert_int_equal(yaml_allow_keys(f, yaml_get(f->root, "repository"), allowed, 3, &err), -1);
    assert_int_equal(
        yaml_allow_keys(f, f->root, (const char *const[]){"repository", "contxt"}, 2, &err), 0);
}

static void members_are_read_by_type(void **state)
{
    (void)state;
    autoyaml *f = parsed("s: text\nq: \"5\"\ni: -12\nt: yes\nn: null\ne:\nl: [a, b]\nm: {a: b}\n"
                         "big: 99999999999999999999\nlm: [a, [b]]\n");
    const char *s = NULL;
    int64_t i = 0;
    bool b = false;
    autostrv v = STRV_INIT;
    autoerror err = ERROR_INIT;
    assert_int_equal(yaml_get_string(f, f->root, "s", NULL, &s, &err), 0);
    assert_string_equal(s, "text");
    assert_int_equal(yaml_get_string(f, f->root, "n", "fallback", &s, &err), 0);
    assert_string_equal(s, "fallback");
    assert_int_equal(yaml_get_string(f, f->root, "e", "fallback", &s, &err), 0);
    assert_string_equal(s, "fallback");
    assert_int_equal(yaml_get_int(f, f->root, "i", 0, &i, &err), 0);
    assert_int_equal(i, -12);
    assert_int_equal(yaml_get_int(f, f->root, "absent", 9, &i, &err), 0);
    assert_int_equal(i, 9);
    assert_int_equal(yaml_get_bool(f, f->root, "t", false, &b, &err), 0);
    assert_true(b);
    assert_int_equal(yaml_get_strings(f, f->root, "l", &v, &err), 0);
    assert_int_equal(yaml_get_strings(f, f->root, "e", &v, &err), 0);
    assert_int_equal(v.count, 2);

    assert_int_equal(yaml_get_string(f, f->root, "l", NULL, &s, &err), -1);
    assert_int_equal(err.line, 7);
    assert_int_equal(yaml_get_int(f, f->root, "q", 0, &i, &err), -1);
    assert_int_equal(yaml_get_int(f, f->root, "big", 0, &i, &err), -1);
    assert_int_equal(yaml_get_bool(f, f->root, "s", 0, &b, &err), -1);
    assert_string_equal(err.message, "“s” must be true or false, not “text”");
    assert_int_equal(yaml_get_strings(f, f->root, "m", &v, &err), -1);
    assert_int_equal(yaml_get_strings(f, f->root, "lm", &v, &err), -1);
    assert_int_equal(v.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_a_tree_that_knows_its_lines),
        cmocka_unit_test(json_is_read_too),
        cmocka_unit_test(an_empty_file_has_no_root),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(what_we_do_not_read_is_refused_with_its_line),
        cmocka_unit_test(size_and_depth_have_limits),
        cmocka_unit_test(an_unknown_key_is_shown_with_the_nearest_known),
        cmocka_unit_test(members_are_read_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
