/* Which of ARG, ENV, --build-arg and what is predefined wins. */
#include "scope.h"

#include <base/mem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A global scope with --build-arg given=cli, over=cli, http_proxy=p, and what a stage starts from.
 */
struct world {
    struct strv build_args, platform, base_env;
    struct scope global, stage;
};

static int setup(void **state)
{
    struct world *w = mem_zalloc(1, sizeof *w);
    strv_add(&w->build_args, "given=cli");
    strv_add(&w->build_args, "http_proxy=p");
    strv_add(&w->build_args, "BUILDARCH=mine");
    scope_platform_args(&w->platform, "linux/arm64/v8", "linux/amd64", NULL);
    strv_add(&w->base_env, "PATH=/bin");
    strv_add(&w->base_env, "base=image");
    scope_init_global(&w->global, &w->build_args, &w->platform);
    scope_init_stage(&w->stage, &w->global, NULL, &w->base_env);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    scope_release(&w->stage);
    scope_release(&w->global);
    strv_release(&w->build_args);
    strv_release(&w->platform);
    strv_release(&w->base_env);
    free(w);
    return 0;
}

static void is(const struct scope *scope, const char *name, const char *want)
{
    const char *got = scope_get(scope, name);
    if (want)
        assert_string_equal(got ? got : "(not set)", want);
    else
        assert_null(got);
}

static void platform_arguments_are_global_and_can_be_overridden(void **state)
{
    struct world *w = *state;
    is(&w->global, "TARGETPLATFORM", "linux/arm64/v8");
    is(&w->global, "TARGETOS", "linux");
    is(&w->global, "TARGETARCH", "arm64");
    is(&w->global, "TARGETVARIANT", "v8");
    is(&w->global, "TARGETSTAGE", "default");
    is(&w->global, "BUILDPLATFORM", "linux/amd64");
    is(&w->global, "BUILDVARIANT", "");
    is(&w->global, "BUILDARCH", "mine");
    is(&w->global, "given", NULL);
}

static void a_stage_sees_a_global_only_once_it_declares_it(void **state)
{
    struct world *w = *state;
    scope_arg(&w->global, "version", "1");
    is(&w->stage, "version", NULL);
    is(&w->stage, "TARGETARCH", NULL);
    scope_arg(&w->stage, "version", NULL);
    scope_arg(&w->stage, "TARGETARCH", NULL);
    is(&w->stage, "version", "1");
    is(&w->stage, "TARGETARCH", "arm64");
}

static void a_default_in_the_stage_beats_the_global_and_the_command_line_beats_both(void **state)
{
    struct world *w = *state;
    scope_arg(&w->global, "a", "global");
    scope_arg(&w->stage, "a", "stage");
    is(&w->stage, "a", "stage");
    scope_arg(&w->global, "given", "global");
    is(&w->global, "given", "cli");
    assert_false(scope_arg_wants_default(&w->stage, "given"));
    assert_true(scope_arg_wants_default(&w->stage, "a"));
    is(&w->stage, "given", NULL);
    scope_arg(&w->stage, "given", "stage");
    is(&w->stage, "given", "cli");
}

static void an_argument_without_a_value_is_declared_and_not_set(void **state)
{
    struct world *w = *state;
    scope_arg(&w->stage, "nothing", NULL);
    is(&w->stage, "nothing", NULL);
    assert_true(strv_contains(&w->stage.declared, "nothing"));
    scope_arg(&w->stage, "empty", "");
    is(&w->stage, "empty", "");
}

static void the_later_of_env_and_arg_counts_and_both_beat_what_the_base_hands_on(void **state)
{
    struct world *w = *state;
    scope_arg(&w->stage, "a", "arg");
    scope_env(&w->stage, "a", "env");
    is(&w->stage, "a", "env");
    scope_env(&w->stage, "b", "env");
    scope_arg(&w->stage, "b", "arg");
    is(&w->stage, "b", "arg");
    is(&w->stage, "base", "image");
    scope_arg(&w->stage, "base", "arg");
    is(&w->stage, "base", "arg");
    scope_arg(&w->stage, "PATH", NULL);
    is(&w->stage, "PATH", "/bin");
}

static void a_stage_built_on_another_sees_what_that_saw(void **state)
{
    struct world *w = *state;
    scope_arg(&w->stage, "arg", "1");
    scope_env(&w->stage, "env", "2");
    struct scope child;
    scope_init_stage(&child, &w->global, &w->stage, NULL);
    is(&child, "arg", "1");
    is(&child, "env", "2");
    is(&child, "base", "image");
    scope_arg(&child, "env", "3");
    is(&child, "env", "3");
    autostrv args = STRV_INIT;
    scope_run_args(&child, &args);
    autofree char *joined = strv_join(&args, " ");
    assert_string_equal(joined, "arg=1 env=3");
    scope_release(&child);
}

static void a_run_finds_all_of_it_in_its_environment(void **state)
{
    struct world *w = *state;
    scope_arg(&w->stage, "a", "1");
    scope_arg(&w->stage, "unset", NULL);
    scope_arg(&w->stage, "base", "arg");
    scope_env(&w->stage, "PATH", "/opt:/bin");
    autostrv env = STRV_INIT;
    scope_run_env(&w->stage, &env);
    autofree char *joined = strv_join(&env, " ");
    assert_string_equal(joined, "a=1 base=arg PATH=/opt:/bin");
    autostrv args = STRV_INIT;
    scope_run_args(&w->stage, &args);
    autofree char *history = strv_join(&args, " ");
    assert_string_equal(history, "a=1 unset= base=arg");
}

static void proxies_reach_a_run_without_leaving_a_trace(void **state)
{
    struct world *w = *state;
    is(&w->stage, "http_proxy", NULL);
    autostrv args = STRV_INIT;
    scope_run_args(&w->stage, &args);
    assert_int_equal(args.count, 0);
    autostrv env = STRV_INIT;
    scope_run_env(&w->stage, &env);
    assert_null(env_get(&env, "http_proxy"));
    scope_proxy_env(&w->stage, &env);
    assert_string_equal(env_get(&env, "http_proxy"), "p");
    assert_null(env_get(&env, "given"));
    assert_string_equal(env_get(&env, "HTTP_PROXY"), "p");
    /* As BuildKit has it, also over what the Dockerfile says itself. */
    autostrv own = STRV_INIT;
    strv_add(&own, "http_proxy=own");
    scope_proxy_env(&w->stage, &own);
    assert_string_equal(env_get(&own, "http_proxy"), "p");
}

static void arguments_that_nothing_declares_are_told(void **state)
{
    (void)state;
    autostrv given = STRV_INIT, declared = STRV_INIT, unused = STRV_INIT;
    static const char *const items[] = {"a=1",
                                        "b=2",
                                        "HTTPS_PROXY=x",
                                        "no_proxy=x",
                                        "TARGETARCH=x",
                                        "BUILDKIT_INLINE_CACHE=1",
                                        "SOURCE_DATE_EPOCH=0",
                                        "b=3"};
    for (size_t i = 0; i < COUNT_OF(items); i++)
        strv_add(&given, items[i]);
    strv_add(&declared, "a");
    scope_unused_args(&given, &declared, &unused);
    assert_int_equal(unused.count, 1);
    assert_string_equal(unused.items[0], "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(platform_arguments_are_global_and_can_be_overridden, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stage_sees_a_global_only_once_it_declares_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_default_in_the_stage_beats_the_global_and_the_command_line_beats_both, setup,
            teardown),
        cmocka_unit_test_setup_teardown(an_argument_without_a_value_is_declared_and_not_set, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            the_later_of_env_and_arg_counts_and_both_beat_what_the_base_hands_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stage_built_on_another_sees_what_that_saw, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_run_finds_all_of_it_in_its_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(proxies_reach_a_run_without_leaving_a_trace, setup,
                                        teardown),
        cmocka_unit_test(arguments_that_nothing_declares_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
