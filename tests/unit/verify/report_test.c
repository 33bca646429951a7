#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report.h"

#include <base/mem.h>

#include <string.h>

/* Three checks, one of each verdict. */
static void make_result(struct image_result *r)
{
    *r = (struct image_result){.reference = mem_strdup("ghcr.io/o/n:t"),
                               .digest = {"sha256:00"},
                               .platform = "linux/amd64",
                               .variant = "dev",
                               .layers = 2,
                               .left_out = 1,
                               .seconds = 1.5};
    strv_add(&r->files, "checks.yaml");
    checks_add(&r->checks, CHECK_COMMAND, "good", "checks.yaml", 3);
    checks_add(&r->checks, CHECK_COMMAND, "bäd", "checks.yaml", 5);
    checks_add(&r->checks, CHECK_FILE, "not here", "checks.yaml", 7);
    r->results = mem_zalloc(3, sizeof *r->results);
    r->results[0] = (struct check_result){.verdict = VERDICT_PASSED, .seconds = 0.1, .ran = true};
    r->results[1] = (struct check_result){
        .verdict = VERDICT_FAILED, .seconds = 0.2, .ran = true, .exit_code = 3};
    str_add(&r->results[1].detail, "exited 3: \033[1mno");
    output_add(&r->results[1].output, false, "one\ntwo\xff\n", 9);
    output_add(&r->results[1].output, true, "no\n", 3);
    r->results[2] = (struct check_result){.verdict = VERDICT_SKIPPED};
    str_add(&r->results[2].detail, "needs a network, and this host has none");
}

static void the_terminal_report_shows_all_and_failures_in_full(void **state)
{
    (void)state;
    struct image_result r;
    make_result(&r);
    autofree char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    report_terminal(&r, 1, false, out);
    fclose(out);
    assert_string_equal(
        text, "ghcr.io/o/n:t\n  sha256:00\n  linux/amd64, 2 layers, dev checks of checks.yaml\n\n"
              "  ✓ good        100 ms\n"
              "  ✗ bäd         200 ms  exited 3: no\n"
              "  – not here      0 ms  skipped: needs a network, and this host has none\n"
              "\n  Failed: bäd (checks.yaml:5)\n    exited 3: no\n"
              "      | one\n      | two\xef\xbf\xbd\n      | no\n"
              "\n  3 checks: 1 passed, 1 failed, 1 skipped (1 more left out), in 1.5 s\n");
    image_result_release(&r);
}

static void only_the_last_lines_of_a_failure_are_repeated(void **state)
{
    (void)state;
    struct image_result r;
    make_result(&r);
    for (int i = 0; i < 30; i++)
        output_add(&r.results[1].output, false, "line\n", 5);
    autofree char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    report_terminal(&r, 1, false, out);
    fclose(out);
    size_t lines = 0;
    for (const char *p = text; (p = strstr(p, "| line\n")); p++)
        lines++;
    assert_int_equal(lines, 20);
    assert_non_null(strstr(text, "      | …\n      | line\n"));
    image_result_release(&r);
}

static void the_json_report_holds_verdicts_and_output(void **state)
{
    (void)state;
    struct image_result r;
    make_result(&r);
    autojson *json = report_to_json(&r, 1);
    const json_t *image = json_array_get(json_object_get(json, "images"), 0);
    const json_t *bad = json_array_get(json_object_get(image, "checks"), 1);
    const json_t *run = json_object_get(bad, "run");
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "failed");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json, "totals"), "skipped")), 1);
    assert_string_equal(json_string_value(json_object_get(bad, "verdict")), "failed");
    assert_int_equal(json_integer_value(json_object_get(bad, "line")), 5);
    assert_int_equal(json_integer_value(json_object_get(run, "exit_code")), 3);
    assert_string_equal(json_string_value(json_object_get(run, "stdout")),
                        "one\ntwo\xef\xbf\xbd\n");
    assert_string_equal(json_string_value(json_object_get(run, "stderr")), "no\n");
    assert_null(json_object_get(json_array_get(json_object_get(image, "checks"), 2), "run"));
    image_result_release(&r);
}

static void require_all_makes_a_skip_a_failure(void **state)
{
    (void)state;
    struct image_result r;
    make_result(&r);
    image_result_require_all(&r);
    struct result_totals totals = {0};
    image_result_count(&r, &totals);
    assert_int_equal(totals.failed, 2);
    assert_int_equal(totals.skipped, 0);
    assert_string_equal(str_text(&r.results[2].detail),
                        "could not run, and --require-all asks for it: needs a network, and this "
                        "host has none");
    image_result_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_terminal_report_shows_all_and_failures_in_full),
        cmocka_unit_test(only_the_last_lines_of_a_failure_are_repeated),
        cmocka_unit_test(the_json_report_holds_verdicts_and_output),
        cmocka_unit_test(require_all_makes_a_skip_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
