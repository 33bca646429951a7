#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check_python.h"
#include "checks.h"

#include <base/mem.h>

#include <string.h>

static int parse(const char *text, bool dev, struct checks *out, struct error *err)
{
    return checks_parse(text, strlen(text), "checks.yaml", "/src", dev, out, err);
}

struct mistake {
    const char *text;
    unsigned line;
    const char *message;
};

static const struct mistake mistakes[] = {
    {"", 0, "checks.yaml holds no check for the variant prod"},
    {"checks: []\n", 0, "checks.yaml holds no check for the variant prod"},
    {"dev:\n  checks:\n  - {name: a, command: a}\n", 0,
     "checks.yaml holds no check for the variant prod"},
    {"cheks: []\n", 1, "the key “cheks” is not known here"},
    {"schemaVersion: 2.0.0\ncommandTests: []\n", 0,
     "checks.yaml holds no check for the variant prod"},
    {"schemaVersion: 2.0.0\nchecks: []\n", 2, "the key “checks” is not known here"},
    {"- a\n", 1, "this must be a mapping (key: value)"},
    {"checks: {}\n", 1, "“checks” must be a list"},
    {"checks:\n- a\n", 2, "a check must be a mapping (key: value)"},
    {"checks:\n- {name: a}\n", 2, "a check needs one of “command”, “start”, “file” and “metadata”"},
    {"checks:\n- {name: a, command: a, file: /b}\n", 2,
     "a check has either “command” or “file”, not both"},
    {"checks:\n- {command: a}\n", 2, "a check needs a “name”"},
    {"checks:\n- {name: a, command: a}\n- {name: a, command: b}\n", 3,
     "a check is already called “a”, in line 2"},
    {"checks:\n- name: a\n  command: a\n  absent: true\n", 4, "the key “absent” is not known here"},
    {"checks:\n- name: a\n  start: a\n  exit: 1\n", 4, "the key “exit” is not known here"},
    {"checks:\n- name: a\n  start: a\n  exit: 1\n", 4, "the key “exit” is not known here"},
    {"checks:\n- {name: a, command: []}\n", 2,
     "“command” must be a text for a shell or a list of arguments"},
    {"checks:\n- {name: a, command: ['']}\n", 2, "the program of “command” must not be empty"},
    {"checks:\n- {name: a, command: ''}\n", 2, "“command” must not be empty"},
    {"checks:\n- name: a\n  command: a\n  stdout:\n  - x\n  - a(b\n", 6,
     "the pattern “a(b” is wrong at character 4: missing closing parenthesis"},
    {"checks:\n- {name: a, command: a, stdout: []}\n", 2, "“stdout” must not be empty"},
    {"checks:\n- {name: a, command: a, stdout: ''}\n", 2, "“stdout” must not be empty"},
    {"checks:\n- {name: a, command: a, exit: 256}\n", 2, "“exit” must be 0 to 255"},
    {"checks:\n- {name: a, command: a, timeout: 0}\n", 2,
     "“timeout” must be a number of seconds, more than 0 and at most a day"},
    {"checks:\n- {name: a, command: a, timeout: 86401}\n", 2,
     "“timeout” must be a number of seconds, more than 0 and at most a day"},
    {"checks:\n- {name: a, start: a, stop_after: 2s}\n", 2,
     "“stop_after” must be a number of seconds, more than 0 and at most a day"},
    {"checks:\n- {name: a, command: a, network: bridge}\n", 2, "“network” must be none or host"},
    {"checks:\n- {name: a, command: a, env: [A]}\n", 2, "“env” must be a mapping (NAME: value)"},
    {"checks:\n- {name: a, command: a, mounts: a}\n", 2,
     "a mount must be SOURCE:TARGET with an absolute TARGET, not “a”"},
    {"checks:\n- {name: a, command: a, mounts: ['a:b']}\n", 2,
     "a mount must be SOURCE:TARGET with an absolute TARGET, not “a:b”"},
    {"checks:\n- {name: a, command: a, mounts: ['a:/b:rw']}\n", 2,
     "a mount that can be written is not supported: a check changes no host"},
    {"checks:\n- {name: a, command: a, venv: app}\n", 2, "“venv” must be an absolute path"},
    {"checks:\n- {name: a, command: a, writes: x}\n", 2,
     "an item of “writes” must be an absolute path, or a mapping with “path”"},
    {"checks:\n- {name: a, command: a, writes: ['/x*']}\n", 2, "“writes” takes no globs"},
    {"checks:\n- {name: a, command: a, writes: []}\n", 2, "“writes” must not be empty"},
    {"checks:\n- {name: a, command: a, writes: [{contains: x}]}\n", 2, "“path” is missing"},
    {"checks:\n- {name: a, file: x}\n", 2, "“file” must be an absolute path"},
    {"checks:\n- {name: a, file: /a/**/b}\n", 2,
     "“**” is not supported: each * stays in its folder"},
    {"checks:\n- {name: a, file: /x, absent: true, mode: 755}\n", 2,
     "a file that must be absent can have no other property"},
    {"checks:\n- {name: a, file: /x, mode: 789}\n", 2,
     "“mode” must be octal permission bits, as 0755"},
    {"checks:\n- {name: a, file: /x, type: socket}\n", 2,
     "“type” must be file, directory or symlink"},
    {"checks:\n- {name: a, metadata: {}}\n", 2, "“metadata” asks for nothing"},
    {"checks:\n- {name: a, metadata: {user: [x]}}\n", 2,
     "“user” must be a text, null (not set) or {matches: PATTERN}"},
    {"checks:\n- {name: a, metadata: {cmd: x}}\n", 2,
     "“cmd” must be a list, or null for “not set”"},
    {"checks:\n- {name: a, metadata: {labels: {x: {matches: [a, b]}}}}\n", 2,
     "“x” needs one pattern in “matches”"},
    {"python: {imports: [a]}\n", 1, "“python” needs a “venv”, here or in “defaults”"},
    {"python: {venv: /v, imports: ['a b']}\n", 1, "“a b” is no module or module:attribute"},
    {"python: {venv: /v, entry_points: true}\n", 1,
     "“entry_points” needs “scripts”, whose targets it checks"},
    /* also in the section of the other variant */
    {"checks:\n- {name: a, command: a}\ndev:\n  checks:\n  - {name: b, comand: b}\n", 5,
     "a check needs one of “command”, “start”, “file” and “metadata”"},
    {"checks:\n- {name: a, command: a}\ndev:\n  checks:\n  - {name: a, command: b}\n", 5,
     "a check is already called “a”, in line 2"},
};

static void a_script_may_have_any_name_that_is_no_longer_than_its_limit(void **state)
{
    (void)state;
    autochecks checks = {0};
    const char *text = "python: {venv: /v, scripts: ['a\\E(+*', 'ö b'], dev: '[x'}\n";
    assert_int_equal(checks_parse(text, strlen(text), "f", ".", false, &checks, NULL), 0);
    assert_int_equal(checks.count, 4);
    const struct patterns *wanted = &checks.items[1].run.stdout_has;
    assert_int_equal(wanted->count, 1);
    assert_int_equal(pattern_find(wanted->items[0], "/v/a\\E(+*\n", 10, NULL), 1);
    assert_int_equal(pattern_find(wanted->items[0], "/v/aE(+*\n", 9, NULL), 0);

    autostr longer = STR_INIT;
    str_add(&longer, "python: {venv: /v, scripts: [");
    for (size_t i = 0; i <= PYTHON_SUBJECT_MAX; i++)
        str_add(&longer, "a");
    str_add(&longer, "]}\n");
    autoerror err = ERROR_INIT;
    assert_int_equal(checks_parse(longer.data, longer.len, "f", ".", false, &checks, &err), -1);
    assert_non_null(strstr(err.message, "must not be longer than 1000 bytes"));
}

static void each_mistake_is_shown_where_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        autochecks checks = {0};
        autoerror err = ERROR_INIT;
        assert_int_equal(parse(mistakes[i].text, false, &checks, &err), -1);
        if (strcmp(err.message, mistakes[i].message) != 0 || err.line != mistakes[i].line)
            fail_msg("%zu: line %u “%s”, not line %u “%s”", i, err.line, err.message,
                     mistakes[i].line, mistakes[i].message);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_int_equal(checks.count, 0);
    }
}

static void an_unknown_key_names_the_nearest(void **state)
{
    (void)state;
    autochecks checks = {0};
    autoerror err = ERROR_INIT;
    assert_int_equal(parse("checks:\n- {name: a, command: a, stdot: x}\n", false, &checks, &err),
                     -1);
    assert_string_equal(err.hint, "did you mean “stdout”?");
}

static void a_command_has_all_its_parts(void **state)
{
    (void)state;
    autochecks checks = {0};
    autoerror err = ERROR_INIT;
    const char *text = "defaults: {user: nobody, env: {A: 1, B: 2}, timeout: 5, venv: /v}\n"
                       "checks:\n"
                       "- name: everything\n"
                       "  command: [a, b c, '']\n"
                       "  exit: 3\n"
                       "  env: {B: 3, C: ~}\n"
                       "  timeout: 0.25\n"
                       "  network: host\n"
                       "  workdir: /w\n"
                       "  mounts: ['x/y:/z', '/q:/r:ro']\n"
                       "  setup: [[s, t], echo u]\n"
                       "  teardown: echo v\n"
                       "  stdout: a\n"
                       "  not_stderr: [b, c]\n"
                       "  writes: [/o, {path: /p, contains: q}]\n"
                       "- {name: plain, command: a, venv: ''}\n";
    assert_int_equal(parse(text, false, &checks, &err), 0);
    assert_int_equal(checks.count, 2);
    const struct check_run_rule *run = &checks.items[0].run;
    assert_int_equal(checks.items[0].kind, CHECK_COMMAND);
    assert_int_equal(checks.items[0].line, 3);
    assert_string_equal(checks.items[0].file, "checks.yaml");
    assert_false(run->program.shell);
    assert_int_equal(run->program.argv.count, 3);
    assert_string_equal(run->program.argv.items[1], "b c");
    assert_int_equal(run->exit_code, 3);
    assert_string_equal(run->user, "nobody");
    assert_string_equal(env_get(&run->env, "A"), "1");
    assert_string_equal(env_get(&run->env, "B"), "3");
    assert_string_equal(env_get(&run->env, "C"), "");
    assert_int_equal(run->timeout_ms, 250);
    assert_int_equal(run->network, CHECK_NETWORK_HOST);
    assert_string_equal(run->mounts[0].source, "/src/x/y");
    assert_string_equal(run->mounts[0].target, "/z");
    assert_string_equal(run->mounts[1].source, "/q");
    assert_int_equal(run->setup.count, 2);
    assert_true(run->setup.items[1].shell);
    assert_int_equal(run->teardown.count, 1);
    assert_int_equal(run->stdout_has.count, 1);
    assert_int_equal(run->stderr_lacks.count, 2);
    assert_int_equal(run->writes.count, 2);
    assert_string_equal(run->writes.items[1].path, "/p");
    assert_string_equal(run->venv, "/v");
    assert_null(checks.items[1].run.venv);
    assert_int_equal(checks.items[1].run.timeout_ms, 5000);
}

static void a_start_a_file_and_metadata(void **state)
{
    (void)state;
    autochecks checks = {0};
    autoerror err = ERROR_INIT;
    const char *text = "checks:\n"
                       "- {name: s, start: run me, stop_after: 1.5, allow_error: [x, y]}\n"
                       "- {name: f, file: /a/*.so, owner: 'a:b', mode: 4755, type: file}\n"
                       "- {name: g, file: /b, absent: true}\n"
                       "- name: m\n"
                       "  metadata:\n"
                       "    user: client\n"
                       "    entrypoint: ~\n"
                       "    cmd: [a, b]\n"
                       "    env: {A: '', B: {matches: '^x'}, C: ~}\n"
                       "    ports: [5000, 53/udp]\n";
    assert_int_equal(parse(text, false, &checks, &err), 0);
    assert_int_equal(checks.count, 4);
    assert_int_equal(checks.items[0].kind, CHECK_START);
    assert_int_equal(checks.items[0].run.stop_after_ms, 1500);
    assert_int_equal(checks.items[0].run.allow_errors.count, 2);
    assert_true(checks.items[1].look.is_glob);
    assert_int_equal(checks.items[1].look.mode, 04755);
    assert_true(checks.items[2].look.absent);
    assert_int_equal(checks.items[2].look.mode, -1);
    const struct metadata_rules *rules = &checks.items[3].metadata;
    assert_int_equal(rules->count, 8);
    assert_true(rules->items[1].unset);
    assert_int_equal(rules->items[2].values.count, 2);
    assert_string_equal(rules->items[3].value, "");
    assert_non_null(rules->items[4].pattern);
    assert_true(rules->items[5].unset);
    assert_string_equal(rules->items[6].key, "5000/tcp");
    assert_string_equal(rules->items[7].key, "53/udp");
}

static const char python_text[] = "python:\n"
                                  "  venv: /app/.venv\n"
                                  "  scripts: [one, two]\n"
                                  "  imports:\n"
                                  "  - a.b:main\n"
                                  "  - c\n"
                                  "  entry_points: true\n"
                                  "  uv: true\n"
                                  "prod:\n"
                                  "  checks:\n"
                                  "  - {name: only prod, file: /p}\n"
                                  "dev:\n"
                                  "  python:\n"
                                  "    dev: [pytest, ruff]\n"
                                  "    editable: pkg\n";

static void check_names(bool dev, const char *const *names, size_t n)
{
    autochecks checks = {0};
    autoerror err = ERROR_INIT;
    assert_int_equal(parse(python_text, dev, &checks, &err), 0);
    for (size_t i = 0; i < n && i < checks.count; i++)
        assert_string_equal(checks.items[i].name, names[i]);
    assert_int_equal(checks.count, n);
}

static void a_python_group_becomes_single_checks_of_its_variant(void **state)
{
    (void)state;
    static const char *const prod[] = {"venv activates",
                                       "script one is on PATH",
                                       "script two is on PATH",
                                       "import a.b:main",
                                       "import c",
                                       "entry point one is callable",
                                       "entry point two is callable",
                                       "uv runs",
                                       "only prod"};
    static const char *const dev[] = {"venv activates",
                                      "script one is on PATH",
                                      "script two is on PATH",
                                      "import a.b:main",
                                      "import c",
                                      "entry point one is callable",
                                      "entry point two is callable",
                                      "uv runs",
                                      "dev dependency pytest",
                                      "dev dependency ruff",
                                      "pkg is installed editable"};
    check_names(false, prod, COUNT_OF(prod));
    check_names(true, dev, COUNT_OF(dev));
}

static void a_python_check_knows_its_own_line_and_venv(void **state)
{
    (void)state;
    autochecks checks = {0};
    assert_int_equal(parse(python_text, true, &checks, NULL), 0);
    assert_int_equal(checks_find(&checks, "import c")->line, 6);
    assert_int_equal(checks_find(&checks, "dev dependency ruff")->line, 14);
    assert_string_equal(checks_find(&checks, "dev dependency ruff")->run.venv, "/app/.venv");
}

static void checks_are_selected_by_globs(void **state)
{
    (void)state;
    autochecks checks = {0};
    autostrv only = STRV_INIT, skip = STRV_INIT;
    assert_int_equal(parse(python_text, false, &checks, NULL), 0);
    strv_add(&only, "import *");
    strv_add(&only, "uv*");
    strv_add(&skip, "* c");
    assert_int_equal(checks_select(&checks, &only, &skip), 7);
    assert_int_equal(checks.count, 2);
    assert_string_equal(checks.items[0].name, "import a.b:main");
    assert_string_equal(checks.items[1].name, "uv runs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_shown_where_it_is),
        cmocka_unit_test(a_script_may_have_any_name_that_is_no_longer_than_its_limit),
        cmocka_unit_test(an_unknown_key_names_the_nearest),
        cmocka_unit_test(a_command_has_all_its_parts),
        cmocka_unit_test(a_start_a_file_and_metadata),
        cmocka_unit_test(a_python_group_becomes_single_checks_of_its_variant),
        cmocka_unit_test(a_python_check_knows_its_own_line_and_venv),
        cmocka_unit_test(checks_are_selected_by_globs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
