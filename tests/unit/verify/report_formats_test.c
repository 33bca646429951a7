#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report.h"
#include "report_text.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

/* One check of each verdict, with all that the formats must quote. */
static int make(void **state)
{
    struct image_result *r = mem_zalloc(1, sizeof *r);
    *r = (struct image_result){.reference = mem_strdup("ghcr.io/o/n:t"),
                               .digest = {"sha256:00"},
                               .platform = "linux/amd64",
                               .variant = "dev",
                               .layers = 2,
                               .seconds = 1.5};
    strv_add(&r->files, "./checks/a b.yaml");
    checks_add(&r->checks, CHECK_COMMAND, "good", "checks.yaml", 3);
    checks_add(&r->checks, CHECK_COMMAND, "bad <&\"> # 100%, a:b", "/src/checks.yaml", 5);
    checks_add(&r->checks, CHECK_FILE, "not here", "./checks/a b.yaml", 7);
    r->results = mem_zalloc(3, sizeof *r->results);
    r->results[0] = (struct check_result){.verdict = VERDICT_PASSED, .seconds = 0.25, .ran = true};
    r->results[1] = (struct check_result){
        .verdict = VERDICT_FAILED, .seconds = 0.5, .ran = true, .exit_code = 3};
    str_add(&r->results[1].detail, "exited 3: \033[1m<no>\r\n50%");
    output_add(&r->results[1].output, false, "one ``` | two\n", 14);
    output_add(&r->results[1].output, true, "n\xffo & ]]>\x01\n", 11);
    r->results[2] = (struct check_result){.verdict = VERDICT_SKIPPED};
    str_add(&r->results[2].detail, "needs a network");
    *state = r;
    return 0;
}

static int unmake(void **state)
{
    image_result_release(*state);
    free(*state);
    return 0;
}

static char *report(void (*write)(const struct image_result *, size_t, FILE *),
                    const struct image_result *r)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    write(r, 1, out);
    fclose(out);
    return text;
}

static void junit_has_what_jenkins_asks_of_a_suite_and_quotes_all(void **state)
{
    autofree char *text = report(report_junit, *state);
    assert_non_null(strstr(text, "<testsuite name=\"ghcr.io/o/n:t\" tests=\"3\" failures=\"1\" "
                                 "errors=\"0\" skipped=\"1\" time=\"1.500\">"));
    assert_non_null(strstr(text, "name=\"bad &lt;&amp;&quot;&gt; # 100%, a:b\""));
    assert_non_null(strstr(text, "message=\"exited 3: &lt;no&gt; 50%\" type=\"command\""));
    assert_non_null(strstr(text, "<skipped message=\"needs a network\"/>"));
    assert_non_null(strstr(text, "n\xef\xbf\xbdo &amp; ]]&gt;\xef\xbf\xbd\n</system-err>"));
}

static void tap_numbers_skips_and_explains(void **state)
{
    autofree char *text = report(report_tap, *state);
    assert_string_equal(text, "TAP version 13\n1..3\n# ghcr.io/o/n:t sha256:00 linux/amd64\n"
                              "ok 1 - good\n"
                              "not ok 2 - bad <&\"> \\# 100%, a:b\n"
                              "  ---\n  message: \"exited 3: <no>\\n50%\"\n  severity: \"fail\"\n"
                              "  image: \"ghcr.io/o/n:t\"\n  file: \"/src/checks.yaml\"\n"
                              "  line: 5\n  duration_ms: 500\n  output: |2\n"
                              "    one ``` | two\n    n\xef\xbf\xbdo & ]]>\xef\xbf\xbd\n  ...\n"
                              "ok 3 - not here # SKIP needs a network\n");
}

static void sarif_has_a_result_for_each_check_that_did_not_pass(void **state)
{
    autofree char *text = report(report_sarif, *state);
    autojson *log = json_loads(text, 0, NULL);
    json_t *run = json_array_get(json_object_get(log, "runs"), 0);
    json_t *results = json_object_get(run, "results");
    assert_int_equal(json_array_size(results), 2);
    const char *kind, *level, *uri, *second;
    int line, rule;
    assert_int_equal(json_unpack(results, "[{s:s,s:s,s:i,s:[{s:{s:{s:s},s:{s:i}}}]},{s:s}]", "kind",
                                 &kind, "level", &level, "ruleIndex", &rule, "locations",
                                 "physicalLocation", "artifactLocation", "uri", &uri, "region",
                                 "startLine", &line, "kind", &second),
                     0);
    assert_string_equal(kind, "fail");
    assert_string_equal(level, "error");
    assert_string_equal(uri, "file:///src/checks.yaml");
    assert_int_equal(line, 5);
    assert_int_equal(rule, 1);
    assert_string_equal(second, "notApplicable");
    json_t *third = json_array_get(results, 1), *places = json_object_get(third, "locations");
    autofree char *place = json_dumps(places, JSON_COMPACT);
    assert_non_null(strstr(place, "\"checks/a%20b.yaml\""));
}

static void annotations_are_escaped_and_relative_to_the_workspace(void **state)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    report_github(*state, 1, "/src/", out);
    fclose(out);
    assert_string_equal(
        text, "::error file=checks.yaml,line=5,title=imgverify%3A bad <&\"> # 100%25%2C a%3Ab::"
              "exited 3: <no>%0A50%25%0Aghcr.io/o/n:t%0Aone ``` | two%0An\xef\xbf\xbdo & "
              "]]>\xef\xbf\xbd%0Achecks.yaml:5\n"
              "::notice file=checks/a b.yaml,line=7,title=imgverify%3A not here::skipped: needs a "
              "network%0Aghcr.io/o/n:t%0Achecks/a b.yaml:7\n"
              "ghcr.io/o/n:t: 3 checks: 1 passed, 1 failed, 1 skipped\n");
    free(text);
}

static void a_failure_is_shown_at_the_instruction_behind_it(void **state)
{
    struct image_result *r = *state;
    struct check_result *failed = &r->results[1];
    r->dockerfile = mem_strdup("app/Dockerfile");
    MEM_PUSH(failed->blames, failed->blame_count, failed->blame_cap) =
        (struct check_blame){.path = mem_strdup("/app/x"),
                             .layer = 3,
                             .instruction = mem_strdup("RUN make"),
                             .created_by = mem_strdup("RUN make"),
                             .line = 12};
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    report_github(r, 1, NULL, out);
    fclose(out);
    assert_non_null(strstr(text, "::error file=app/Dockerfile,line=12,title="));
    assert_non_null(strstr(text, "/app/x: from layer 3, RUN make (line 12 of the Dockerfile)%0A"));
    free(text);
    text = report(report_sarif, r);
    assert_non_null(strstr(text, "\"relatedLocations\""));
    free(text);
}

static void the_summary_fences_output_whatever_it_holds(void **state)
{
    autofree char *text = report(report_markdown, *state);
    assert_non_null(strstr(text, "| ❌ | bad &lt;&\"> # 100%, a:b | 0.50 s | "));
    assert_non_null(strstr(text, "\n````\none ``` | two\n"));
}

static void the_page_quotes_outputs_and_opens_failures_alone(void **state)
{
    autofree char *text = report(report_html, *state);
    assert_non_null(strstr(text, "<pre>one ``` | two\n</pre>"));
    assert_non_null(strstr(text, "<pre>n\xef\xbf\xbdo &amp; ]]&gt;\xef\xbf\xbd\n</pre>"));
    assert_null(strstr(text, "<no>"));
    const char *open = strstr(text, "<details open>");
    assert_non_null(open);
    assert_null(strstr(open + 1, "<details open>"));
    assert_null(strstr(text, "http://"));
    assert_null(strstr(text, "https://"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(junit_has_what_jenkins_asks_of_a_suite_and_quotes_all),
        cmocka_unit_test(tap_numbers_skips_and_explains),
        cmocka_unit_test(sarif_has_a_result_for_each_check_that_did_not_pass),
        cmocka_unit_test(annotations_are_escaped_and_relative_to_the_workspace),
        cmocka_unit_test_setup_teardown(a_failure_is_shown_at_the_instruction_behind_it, make,
                                        unmake),
        cmocka_unit_test(the_summary_fences_output_whatever_it_holds),
        cmocka_unit_test(the_page_quotes_outputs_and_opens_failures_alone),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
