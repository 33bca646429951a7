/* base/cli: what command lines mean, and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli.h"
#include "cli_fixture.h"

#include <stdlib.h>
#include <string.h>

/* Split at blanks, parse as the main job (or as push). */
static int parse(const struct cli_command *command, const char *line, struct fixture_values *values,
                 struct strv *operands, struct error *err)
{
    autostrv argv = STRV_INIT;
    autofree char *all = mem_printf("imgtest%s%s", *line ? " " : "", line);
    strv_split(&argv, all, ' ');
    return cli_parse(command, (int)argv.count, argv.items, values, operands, err);
}

static void options_take_their_values_in_every_form(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--file Df --tag a --tag=b --jobs 4 --quiet x y",
        "-f Df -ta -t b -j4 -q x y",
        "x -fDf --tag=a -tb y --jobs=4 -q",
        "-qj4 -f=Df -ta -tb -- x y",
        "--quiet=false --quiet=true --file old --file Df -t a -t b -qj 4 x y",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct fixture_values v = {0};
        autostrv operands = STRV_INIT;
        autoerror err = ERROR_INIT;
        if (parse(&fixture_main, lines[i], &v, &operands, &err))
            fail_msg("%s: %s", lines[i], err.message);
        autofree char *tags = strv_join(&v.tags, ",");
        autofree char *rest = strv_join(&operands, ",");
        assert_string_equal(v.file, "Df");
        assert_string_equal(tags, "a,b");
        assert_string_equal(rest, "x,y");
        assert_int_equal(v.jobs, 4);
        assert_true(v.quiet);
        assert_false(v.push);
        cli_release(&fixture_main, &v);
        assert_null(v.file);
        assert_int_equal(v.tags.count, 0);
    }
}

static void what_follows_two_dashes_is_an_operand(void **state)
{
    (void)state;
    struct fixture_values v = {0};
    autostrv operands = STRV_INIT;
    assert_int_equal(parse(&fixture_main, "-- --push -", &v, &operands, NULL), 0);
    assert_false(v.push);
    assert_string_equal(operands.items[0], "--push");
    assert_string_equal(operands.items[1], "-");
    autostrv single = STRV_INIT;
    assert_int_equal(parse(&fixture_main, "-", &v, &single, NULL), 0);
    assert_string_equal(single.items[0], "-");
}

static void a_value_may_look_like_an_option_or_be_empty(void **state)
{
    (void)state;
    struct fixture_values v = {0};
    assert_int_equal(parse(&fixture_main, "--file --push -t  --tag=", &v, NULL, NULL), 0);
    assert_string_equal(v.file, "--push");
    assert_int_equal(v.tags.count, 2);
    assert_string_equal(v.tags.items[0], "");
    cli_release(&fixture_main, &v);
}

static void a_wrong_line_changes_nothing_and_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message, *hint;
    } cases[] = {
        {"--qiet", "unknown option --qiet", "did you mean --quiet?"},
        {"--zzzzzzzz", "unknown option --zzzzzzzz", "see “imgtest --help”"},
        {"--pushy=x", "unknown option --pushy", "did you mean --push?"},
        {"-qx", "unknown option -x", "see “imgtest --help”"},
        {"-q --file", "option --file needs a value (FILE)", "see “imgtest --help”"},
        {"-t", "option --tag needs a value (REF)", "see “imgtest --help”"},
        {"--jobs many", "option --jobs takes a number, not “many”", "see “imgtest --help”"},
        {"--jobs -1", "option --jobs takes a number, not “-1”", "see “imgtest --help”"},
        {"--jobs=", "option --jobs takes a number, not “”", "see “imgtest --help”"},
        {"--push=1", "option --push takes true or false, not “1”", "see “imgtest --help”"},
        {"--progress fancy", "option --progress takes one of auto|plain|tty|json, not “fancy”",
         "see “imgtest --help”"},
        {"--progress=pla", "option --progress takes one of auto|plain|tty|json, not “pla”",
         "see “imgtest --help”"},
        {"--progress auto|plain",
         "option --progress takes one of auto|plain|tty|json, not “auto|plain”",
         "see “imgtest --help”"},
        {"-q a b c", "imgtest: too many operands: 3 given, at most 2 wanted",
         "usage: imgtest [OPTIONS] [NAME | -f Dockerfile CONTEXT]"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture_values v = {.file = NULL};
        autostrv operands = STRV_INIT;
        autoerror err = ERROR_INIT;
        autofree char *line = mem_printf("--push first %s", cases[i].line);
        assert_int_equal(parse(&fixture_main, line, &v, &operands, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (!strstr(cases[i].line, "a b c"))
            assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.hint, cases[i].hint);
        assert_false(v.push);
        assert_int_equal(operands.count, 0);
    }
}

static void too_few_operands_are_told_with_the_usage(void **state)
{
    (void)state;
    struct fixture_values v = {0};
    autostrv operands = STRV_INIT;
    autoerror err = ERROR_INIT;
    assert_int_equal(parse(&fixture_push, "one", &v, &operands, &err), -1);
    assert_string_equal(err.message, "imgtest push: too few operands: 1 given, at least 2 wanted");
    assert_string_equal(err.hint, "usage: imgtest push [OPTIONS] SOURCE TARGET…");
    assert_int_equal(parse(&fixture_push, "one two three four", &v, &operands, &err), 0);
    assert_int_equal(operands.count, 4);
    assert_int_equal(parse(&fixture_doctor, "--quiet", &v, &operands, &err), -1);
}

static void help_is_wanted_before_two_dashes_alone(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool wanted;
    } cases[] = {{"p x -h", true}, {"p --help", true}, {"p -- --help", false}, {"p help", false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        autostrv argv = STRV_INIT;
        strv_split(&argv, cases[i].line, ' ');
        assert_int_equal(cli_wants_help((int)argv.count, argv.items), cases[i].wanted);
    }
    assert_false(cli_wants_help(0, NULL));
}

static void the_nearest_word_is_near_indeed(void **state)
{
    (void)state;
    static const char *const words[] = {"push", "pull", "prune", "inspect", "x"};
    static const char *const cases[][2] = {
        {"puhs", "push"},  {"pul", "pull"}, {"inspekt", "inspect"},
        {"prun", "prune"}, {"zzz", NULL},   {"completely", NULL},
        {"", NULL},        {"y", NULL},     {"push", "push"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *near = cli_nearest(cases[i][0], words, COUNT_OF(words));
        if (!str_eq(near, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], near ? near : "nothing");
    }
    char longer[200];
    memset(longer, 'p', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(cli_nearest(longer, words, COUNT_OF(words)));
    assert_null(cli_nearest("x", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_take_their_values_in_every_form),
        cmocka_unit_test(what_follows_two_dashes_is_an_operand),
        cmocka_unit_test(a_value_may_look_like_an_option_or_be_empty),
        cmocka_unit_test(a_wrong_line_changes_nothing_and_says_what_is_wrong),
        cmocka_unit_test(too_few_operands_are_told_with_the_usage),
        cmocka_unit_test(help_is_wanted_before_two_dashes_alone),
        cmocka_unit_test(the_nearest_word_is_near_indeed),
    };
    (void)fixture_commands;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
