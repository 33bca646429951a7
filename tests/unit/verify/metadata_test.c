#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check_metadata.h"
#include "checks.h"

#include <base/mem.h>

#include <string.h>

static const char config_text[] =
    "{\"config\": {\"User\": \"client\", \"WorkingDir\": \"/app\", \"Cmd\": [\"/bin/bash\", "
    "\"-c\"],"
    " \"Env\": [\"A=1\", \"B=x=y\", \"A=2\", \"E=\"],"
    " \"Labels\": {\"version\": \"1.2.3\"}, \"ExposedPorts\": {\"5000/tcp\": {}},"
    " \"Volumes\": {\"/config\": {}}}}";

struct row {
    const char *metadata;
    const char *detail; /* NULL: holds */
};

static const struct row rows[] = {
    {"user: client", NULL},
    {"user: root", "user is “client”, not “root”"},
    {"user: ~", "user is “client” but must not be set"},
    {"user: {matches: '^cl'}", NULL},
    {"workdir: /app", NULL},
    {"workdir: {matches: '^/srv'}", "workdir is “/app”, which does not match “^/srv”"},
    {"cmd: [/bin/bash, -c]", NULL},
    {"cmd: [/bin/bash]", "cmd is [\"/bin/bash\",\"-c\"], not [\"/bin/bash\"]"},
    {"cmd: ~", "cmd is [\"/bin/bash\",\"-c\"] but must not be set"},
    {"entrypoint: ~", NULL},
    {"entrypoint: [a]", "entrypoint is not set, not [\"a\"]"},
    {"env: {A: 2, B: x=y, E: '', F: ~}", NULL},
    {"env: {A: 1}", "variable A is “2”, not “1”"},
    {"env: {F: 1}", "variable F is not set"},
    {"env: {F: ''}", "variable F is not set"},
    {"env: {A: ~}", "variable A is “2” but must not be set"},
    {"labels: {version: {matches: '^1\\.'}}", NULL},
    {"labels: {other: x}", "label other is not set"},
    {"ports: 5000", NULL},
    {"ports: [5000/udp]", "port 5000/udp is not declared"},
    {"volumes: [/config]", NULL},
    {"volumes: [/data]", "volume /data is not declared"},
    {"user: a, workdir: b", "user is “client”, not “a”; workdir is “/app”, not “b”"},
};

static void each_field_is_compared(void **state)
{
    (void)state;
    autojson *config = NULL;
    assert_int_equal(json_parse(config_text, strlen(config_text), "config", &config, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autofree char *text = mem_printf("checks: [{name: m, metadata: {%s}}]", rows[i].metadata);
        autochecks checks = {0};
        autostr detail = STR_INIT;
        assert_int_equal(checks_parse(text, strlen(text), "f", ".", false, &checks, NULL), 0);
        bool holds = metadata_rules_hold(config, &checks.items[0].metadata, &detail);
        if (holds != !rows[i].detail || (!holds && strcmp(detail.data, rows[i].detail) != 0))
            fail_msg("%s: %s", rows[i].metadata, str_text(&detail));
    }
}

static void an_empty_config_has_nothing_set(void **state)
{
    (void)state;
    autojson *config = json_object();
    static const char text[] =
        "checks: [{name: m, metadata: {user: '', cmd: ~, env: {A: ~}, workdir: ~}}]";
    autochecks checks = {0};
    autostr detail = STR_INIT;
    assert_int_equal(checks_parse(text, strlen(text), "f", ".", false, &checks, NULL), 0);
    assert_true(metadata_rules_hold(config, &checks.items[0].metadata, &detail));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_compared),
        cmocka_unit_test(an_empty_config_has_nothing_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
