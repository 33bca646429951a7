/* Reading the CI's variables and payloads; the rows themselves are in plan_test.c. */
#include "trigger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/mem.h>
#include <base/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *lookup(void *context, const char *name)
{
    const char *const *pairs = context;
    for (; pairs && pairs[0]; pairs += 2)
        if (strcmp(pairs[0], name) == 0)
            return pairs[1];
    return NULL;
}

static int read_trigger(const char *const *pairs, const char *payload, struct trigger *out,
                        struct error *err)
{
    return trigger_read(lookup, (void *)pairs, payload, payload ? strlen(payload) : 0, out, err);
}

static void no_variables_mean_no_ci(void **state)
{
    (void)state;
    autotrigger t = {0};
    autoerror err = ERROR_INIT;
    assert_int_equal(read_trigger(NULL, NULL, &t, &err), 0);
    assert_int_equal(t.kind, TRIGGER_LOCAL);
    assert_null(t.sha);
    assert_null(t.owner);
    assert_null(t.source);
}

static void owner_and_source_come_from_the_repository(void **state)
{
    (void)state;
    autotrigger t = {0};
    autoerror err = ERROR_INIT;
    const char *const pairs[] = {"GITHUB_REPOSITORY",
                                 "Lab/link",
                                 "GITHUB_SERVER_URL",
                                 "https://git.example",
                                 "GITHUB_EVENT_NAME",
                                 "",
                                 NULL,
                                 NULL};
    assert_int_equal(read_trigger(pairs, NULL, &t, &err), 0);
    assert_int_equal(t.kind, TRIGGER_LOCAL); /* an empty variable is an unset one */
    assert_string_equal(t.owner, "Lab");
    assert_string_equal(t.source, "https://git.example/Lab/link");
}

static void a_release_tag_splits_at_its_last_v(void **state)
{
    (void)state;
    static const struct {
        const char *tag, *package, *version;
    } cases[] = {
        {"lablink-allocator-service_v0.0.2a0", "lablink-allocator-service", "0.0.2a0"},
        {"my_video_v1.2", "my_video", "1.2"},
        {"a_v1_v2", "a_v1", "2"},
        {"_v1", NULL, NULL},
        {"a_v", NULL, NULL},
        {"a_vlatest", NULL, NULL},
        {"v1.0", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        autotrigger t = {0};
        autoerror err = ERROR_INIT;
        char ref[100];
        snprintf(ref, sizeof ref, "refs/tags/%s", cases[i].tag);
        const char *const pairs[] = {"GITHUB_EVENT_NAME", "push", "GITHUB_REF", ref, NULL, NULL};
        assert_int_equal(read_trigger(pairs, NULL, &t, &err), 0);
        assert_int_equal(t.kind, cases[i].package ? TRIGGER_RELEASE : TRIGGER_OTHER);
        assert_true(str_eq(t.package, cases[i].package));
        assert_true(str_eq(t.version, cases[i].version));
    }
}

static void bad_payloads_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *event, *payload, *says;
    } cases[] = {
        {"repository_dispatch", NULL, "without its payload"},
        {"repository_dispatch", "{", "JSON"},
        {"repository_dispatch", "[]", "no JSON object"},
        {"repository_dispatch", "{\"action\":\"package-published\"}", "names no package"},
        {"repository_dispatch",
         "{\"action\":\"package-published\",\"client_payload\":{\"version\":\"1\"}}",
         "names no package"},
        {"repository_dispatch",
         "{\"action\":\"package-published\",\"client_payload\":{\"package\":\"p\"}}",
         "names no version"},
        {"repository_dispatch",
         "{\"action\":\"package-published\",\"client_payload\":{\"package\":\"p\",\"version\":1}}",
         "version"},
        {"repository_dispatch",
         "{\"action\":\"package-published\",\"client_payload\":{\"package\":\"p\",\"version\":"
         "\"1$(id)\"}}",
         "is no version"},
        {"workflow_dispatch", "{\"inputs\":{\"environment\":\"staging\"}}", "staging"},
        {"workflow_dispatch", "{\"inputs\":{\"version\":\"1;2\"}}", "is no version"},
        {"workflow_dispatch", "{\"inputs\":[]}", "inputs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trigger t = {0};
        autoerror err = ERROR_INIT;
        const char *const pairs[] = {"GITHUB_EVENT_NAME", cases[i].event, NULL, NULL};
        assert_int_equal(read_trigger(pairs, cases[i].payload, &t, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (!strstr(err.message, cases[i].says))
            fail_msg("case %zu: %s", i, err.message);
        assert_null(t.event); /* outputs are untouched */
    }
}

static void a_pull_request_of_another_repository_is_a_fork_s(void **state)
{
    (void)state;
    static const struct {
        const char *event, *head;
        bool fork;
    } cases[] = {{"pull_request", "{\"full_name\":\"them/p\"}", true},
                 {"pull_request", "{\"full_name\":\"us/p\"}", false},
                 {"pull_request", "null", true}, /* deleted since */
                 {"pull_request_target", "{\"full_name\":\"them/p\"}", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        autotrigger t = {0};
        autoerror err = ERROR_INIT;
        const char *const pairs[] = {"GITHUB_EVENT_NAME", cases[i].event, NULL, NULL};
        autofree char *payload = mem_printf("{\"pull_request\":{\"head\":{\"repo\":%s},"
                                            "\"base\":{\"repo\":{\"full_name\":\"us/p\"}}}}",
                                            cases[i].head);
        assert_int_equal(read_trigger(pairs, payload, &t, &err), 0);
        assert_int_equal(t.kind, TRIGGER_PULL_REQUEST);
        assert_int_equal(t.fork, cases[i].fork);
    }
    autotrigger t = {0};
    autoerror err = ERROR_INIT;
    const char *const pairs[] = {"GITHUB_EVENT_NAME", "pull_request", NULL, NULL};
    assert_int_equal(read_trigger(pairs, "{]", &t, &err), 0);
    assert_false(t.fork);
}

static void a_version_holds_nothing_that_a_shell_reads(void **state)
{
    (void)state;
    static const char *const good[] = {"0.0.2a0", "1", "v1.0", "1!2.0", "1.0+local-x_1"};
    static const char *const bad[] = {"",     "a",   "latest", "-1",   "1 2",  "1;2", "1$x", "1`x`",
                                      "1\n2", "1/2", "1'",     "1\"x", "1\\x", "v",   ".1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(trigger_version_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(trigger_version_valid(bad[i]));
}

static void the_environment_names_the_payload_s_file(void **state)
{
    (void)state;
    char path[] = "/tmp/trigger_test.XXXXXX";
    static const char payload[] = "{\"action\":\"package-published\",\"client_payload\":"
                                  "{\"package\":\"p\",\"version\":\"1.0\"}}";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, payload, strlen(payload)), strlen(payload));
    close(fd);
    setenv("GITHUB_EVENT_NAME", "repository_dispatch", 1);
    setenv("GITHUB_EVENT_PATH", path, 1);
    autotrigger t = {0};
    autoerror err = ERROR_INIT;
    assert_int_equal(trigger_from_environment(&t, &err), 0);
    assert_int_equal(t.kind, TRIGGER_PACKAGE);
    assert_string_equal(t.package, "p");

    unlink(path);
    struct trigger none = {0};
    assert_int_equal(trigger_from_environment(&none, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_non_null(strstr(err.message, "GITHUB_EVENT_PATH"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_variables_mean_no_ci),
        cmocka_unit_test(owner_and_source_come_from_the_repository),
        cmocka_unit_test(a_release_tag_splits_at_its_last_v),
        cmocka_unit_test(bad_payloads_are_errors),
        cmocka_unit_test(a_pull_request_of_another_repository_is_a_fork_s),
        cmocka_unit_test(a_version_holds_nothing_that_a_shell_reads),
        cmocka_unit_test(the_environment_names_the_payload_s_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
