#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "verdict.h"

#include <base/mem.h>

#include <string.h>

#define TRACEBACK "Traceback (most recent call last):\n  File \"x\"\n"

/* How a program ended and what the verdict must be. */
struct row {
    enum check_kind kind;
    int wanted_exit;         /* of a command */
    const char *allow_error; /* of a start */
    bool timed_out;
    int exit_code, signal;
    const char *out, *err;
    enum check_verdict verdict;
    const char *detail;
};

static const struct row rows[] = {
    /* commands */
    {CHECK_COMMAND, 0, NULL, false, 0, 0, "", "", VERDICT_PASSED, ""},
    {CHECK_COMMAND, 0, NULL, false, 2, 0, "a\nb\n", "", VERDICT_FAILED, "exited 2: b"},
    {CHECK_COMMAND, 0, NULL, false, 2, 0, "a\n", "why\n", VERDICT_FAILED, "exited 2: why"},
    {CHECK_COMMAND, 3, NULL, false, 3, 0, "", "", VERDICT_PASSED, ""},
    {CHECK_COMMAND, 3, NULL, false, 0, 0, "", "", VERDICT_FAILED,
     "should have exited 3 but exited 0"},
    {CHECK_COMMAND, 0, NULL, false, 139, 11, "", "", VERDICT_FAILED,
     "was ended by signal 11 (Segmentation fault)"},
    {CHECK_COMMAND, 0, NULL, true, 137, 0, "", "", VERDICT_FAILED, "did not end within 60 s"},
    /* a traceback never passes, whatever the exit code */
    {CHECK_COMMAND, 0, NULL, false, 0, 0, "", TRACEBACK "ValueError: no\n", VERDICT_FAILED,
     "traceback: ValueError: no"},
    {CHECK_COMMAND, 0, NULL, false, 0, 0, TRACEBACK "ValueError: no\n", "", VERDICT_FAILED,
     "traceback: ValueError: no"},
    {CHECK_COMMAND, 1, NULL, false, 1, 0, "", "ImportError: x\n", VERDICT_FAILED,
     "traceback: ImportError: x"},
    /* started programs */
    {CHECK_START, 0, NULL, false, 0, 0, "hello", "", VERDICT_PASSED, "exited 0"},
    {CHECK_START, 0, NULL, true, 137, 0, "hello", "", VERDICT_PASSED, "alive after 2 s"},
    {CHECK_START, 0, NULL, true, 137, 0, "", "on stderr", VERDICT_PASSED, "alive after 2 s"},
    {CHECK_START, 0, NULL, true, 137, 0, "", "", VERDICT_FAILED, "printed nothing within 60 s"},
    {CHECK_START, 0, NULL, true, 137, 0, " \n", "", VERDICT_FAILED, "printed nothing but blanks"},
    {CHECK_START, 0, NULL, false, 0, 0, " \n", "", VERDICT_FAILED, "exited 0 but printed nothing"},
    {CHECK_START, 0, NULL, false, 1, 0, "", "no server\n", VERDICT_FAILED, "exited 1: no server"},
    {CHECK_START, 0, NULL, false, 1, 0, "", "", VERDICT_FAILED, "exited 1"},
    {CHECK_START, 0, "no server", false, 1, 0, "", "no server\n", VERDICT_PASSED,
     "exited 1 with an error that is allowed"},
    {CHECK_START, 0, "no client", false, 1, 0, "", "no server\n", VERDICT_FAILED,
     "exited 1: no server"},
    {CHECK_START, 0, ".", false, 127, 0, "", "not found\n", VERDICT_FAILED,
     "exited 127: not found"},
    {CHECK_START, 0, ".", false, 126, 0, "", "denied\n", VERDICT_FAILED, "exited 126: denied"},
    {CHECK_START, 0, ".", false, 139, 11, "x", "", VERDICT_FAILED,
     "was ended by signal 11 (Segmentation fault): x"},
    {CHECK_START, 0, ".", false, 1, 0, "", TRACEBACK "KeyError: 1\n", VERDICT_FAILED,
     "traceback: KeyError: 1"},
    {CHECK_START, 0, NULL, true, 137, 0, "", TRACEBACK "KeyError: 1\n", VERDICT_FAILED,
     "traceback: KeyError: 1"},
    {CHECK_START, 0, NULL, false, 0, 0, "", "ModuleNotFoundError: No module named 'x'",
     VERDICT_FAILED, "traceback: ModuleNotFoundError: No module named 'x'"},
};

static void add_pattern(struct patterns *list, const char *text)
{
    struct pattern *pattern = NULL;
    assert_int_equal(pattern_new(text, &pattern, NULL), 0);
    patterns_add(list, pattern);
}

static void each_end_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        autochecks checks = {0};
        struct check *check = checks_add(&checks, row->kind, "c", "f", 1);
        check->run.exit_code = row->wanted_exit;
        check->run.stop_after_ms = 2000;
        if (row->allow_error)
            add_pattern(&check->run.allow_errors, row->allow_error);
        struct check_result r = {
            .timed_out = row->timed_out, .exit_code = row->exit_code, .signal = row->signal};
        output_add(&r.output, false, row->out, strlen(row->out));
        output_add(&r.output, true, row->err, strlen(row->err));
        verdict_decide(check, 60000, &r);
        if (r.verdict != row->verdict || strcmp(str_text(&r.detail), row->detail) != 0)
            fail_msg("row %zu: %s “%s”, not %s “%s”", i, verdict_name(r.verdict),
                     str_text(&r.detail), verdict_name(row->verdict), row->detail);
        check_result_release(&r);
    }
}

static void check_patterns(size_t list, const char *pattern, const char *detail)
{
    autochecks checks = {0};
    struct check *check = checks_add(&checks, CHECK_COMMAND, "c", "f", 1);
    struct check_run_rule *run = &check->run;
    struct patterns *const lists[] = {&run->stdout_has,   &run->stdout_lacks, &run->stderr_has,
                                      &run->stderr_lacks, &run->output_has,   &run->output_lacks};
    add_pattern(lists[list], pattern);
    struct check_result r = {0};
    output_add(&r.output, false, "version 15.2\n", 13);
    output_add(&r.output, true, "a warning\n", 10);
    verdict_decide(check, 1000, &r);
    assert_int_equal(r.verdict, detail ? VERDICT_FAILED : VERDICT_PASSED);
    if (detail)
        assert_string_equal(str_text(&r.detail), detail);
    check_result_release(&r);
}

static void patterns_hold_of_their_stream_alone(void **state)
{
    (void)state;
    check_patterns(0, "15", NULL);
    check_patterns(0, "warning", "stdout does not match “warning”");
    check_patterns(1, "15", "stdout matches “15”, which it must not");
    check_patterns(1, "warning", NULL);
    check_patterns(2, "warn", NULL);
    check_patterns(2, "15", "stderr does not match “15”");
    check_patterns(3, "warn", "stderr matches “warn”, which it must not");
    check_patterns(4, "15.2\na warn", NULL);
    check_patterns(5, "15", "output matches “15”, which it must not");
}

static void more_output_than_can_be_judged_fails(void **state)
{
    (void)state;
    autochecks checks = {0};
    struct check *check = checks_add(&checks, CHECK_COMMAND, "c", "f", 1);
    struct check_result r = {.output = {.too_long = true}};
    verdict_decide(check, 1000, &r);
    assert_int_equal(r.verdict, VERDICT_FAILED);
    assert_string_equal(str_text(&r.detail), "wrote more than 4 MiB, too much to be judged");
    check_result_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_has_its_verdict),
        cmocka_unit_test(patterns_hold_of_their_stream_alone),
        cmocka_unit_test(more_output_than_can_be_judged_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
