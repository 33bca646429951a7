/* Reading image.yaml: what is there, and what each mistake says. */
#include "definition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int parse(const char *yaml, struct definition *out, struct error *err)
{
    return definition_parse(yaml, strlen(yaml), "thing", "images/thing", out, err);
}

#define MINIMUM "repository: r.io/${owner}/thing\nvariants: {prod: {dockerfile: Dockerfile}}\n"

static void a_short_definition_has_defaults(void **state)
{
    (void)state;
    autodefinition d = {0};
    autoerror err = ERROR_INIT;
    assert_int_equal(parse(MINIMUM, &d, &err), 0);
    assert_string_equal(d.name, "thing");
    assert_string_equal(d.file, "images/thing/image.yaml");
    assert_string_equal(d.context, ".");
    assert_int_equal(d.platforms.count, 1);
    assert_string_equal(d.platforms.items[0], "linux/amd64");
    assert_true(d.prod.present);
    assert_false(d.dev.present);
    assert_string_equal(d.prod.suffix, "");
    assert_null(d.package);
    assert_null(d.checks);
}

static void a_whole_definition_is_read_whole(void **state)
{
    (void)state;
    autodefinition d = {0};
    autoerror err = ERROR_INIT;
    assert_int_equal(parse("repository: ghcr.io/${owner}/thing\n"
                           "package: thing-service\n"
                           "context: ./sub/\n"
                           "platforms: [linux/amd64, linux/arm64]\n"
                           "variants:\n"
                           "  prod: {dockerfile: a/Dockerfile, args: {V: \"${version}\", X: y=z}}\n"
                           "  dev: {dockerfile: a/Dockerfile.dev, target: dev}\n"
                           "tags: [\"${platform}-x${suffix}\"]\n"
                           "checks: checks.yaml\n",
                           &d, &err),
                     0);
    assert_string_equal(d.package, "thing-service");
    assert_string_equal(d.context, "sub");
    assert_int_equal(d.platforms.count, 2);
    assert_string_equal(d.prod.args.items[0], "V=${version}");
    assert_string_equal(d.prod.args.items[1], "X=y=z");
    assert_string_equal(d.dev.suffix, "-test");
    assert_string_equal(d.dev.target, "dev");
    assert_string_equal(d.tags.items[0], "${platform}-x${suffix}");
    assert_string_equal(d.checks, "checks.yaml");
}

static void each_mistake_is_shown_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        unsigned line;
        const char *says;
    } cases[] = {
        {"", 1, "must be a mapping"},
        {"- a\n", 1, "must be a mapping"},
        {MINIMUM "plattforms: [linux/amd64]\n", 3, "plattforms"},
        {"repository: r.io/o/n\nvariants:\n  prod: {dockerfile: D, dokcerfile: E}\n", 3,
         "dokcerfile"},
        {"repository: r.io/o/n\nvariants:\n  staging: {dockerfile: D}\n", 3, "staging"},
        {"variants: {prod: {dockerfile: D}}\n", 1, "no repository"},
        {"repository: thing\nvariants: {prod: {dockerfile: D}}\n", 1, "must be HOST/"},
        {"repository: r.io/${name}\nvariants: {prod: {dockerfile: D}}\n", 1, "no variable in NAME"},
        {"repository: r.io/o/n\n", 1, "variants must hold"},
        {"repository: r.io/o/n\nvariants: {prod: {suffix: x}}\n", 2, "has no dockerfile"},
        {"repository: r.io/o/n\nvariants:\n  prod: {dockerfile: ../D}\n", 3, "stays below"},
        {"repository: r.io/o/n\nvariants:\n  prod: {dockerfile: /D}\n", 3, "stays below"},
        {MINIMUM "context: a/../..\n", 3, "stays below"},
        {MINIMUM "checks: /etc/checks.yaml\n", 3, "stays below"},
        {MINIMUM "platforms: []\n", 3, "platforms is empty"},
        {MINIMUM "platforms:\n  - linux/amd64\n  - not a platform\n", 5, "not a platform"},
        {MINIMUM "tags:\n  - fine\n  - \"${flavour}\"\n", 5, "unknown variable \"flavour\""},
        {MINIMUM "tags: [\"${platform\"]\n", 3, "without its"},
        {"repository: r.io/o/n\nvariants:\n  prod:\n    dockerfile: D\n    args:\n      A-B: c\n",
         6, "build argument's name"},
        {"repository: r.io/o/n\nvariants:\n  prod: {dockerfile: D}\n  dev: {dockerfile: E, "
         "suffix: \"\"}\n",
         3, "same suffix"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        autoerror err = ERROR_INIT;
        struct definition d = {0};
        assert_int_equal(parse(cases[i].yaml, &d, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (!strstr(err.message, cases[i].says) || err.line != cases[i].line)
            fail_msg("case %zu: line %u: %s", i, err.line, err.message);
        assert_string_equal(err.file, "images/thing/image.yaml");
        assert_null(d.name); /* outputs are untouched */
    }
}

static char *make_folder(const char *root, const char *name, const char *yaml)
{
    autofree char *parent = mem_printf("%s/%s", root, name);
    autofree char *path = mem_printf("%s/image.yaml", parent);
    autofree char *command = mem_printf("mkdir -p %s", parent);
    assert_int_equal(system(command), 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(yaml, f);
    fclose(f);
    return mem_strdup(parent);
}

static void the_first_folder_that_has_a_name_wins(void **state)
{
    (void)state;
    char root[] = "/tmp/definition_test.XXXXXX";
    assert_non_null(mkdtemp(root));
    autofree char *first = make_folder(root, "one/thing", MINIMUM);
    autofree char *second = make_folder(root, "two/thing", "broken: [");
    autofree char *third = make_folder(root, "two/other", MINIMUM);
    autofree char *broken = make_folder(root, "two/broken", "broken: [");

    autostrv folders = STRV_INIT, names = STRV_INIT;
    strv_addf(&folders, "%s/absent", root);
    strv_addf(&folders, "%s/one", root);
    strv_addf(&folders, "%s/two", root);
    autodefinition d = {0};
    autoerror err = ERROR_INIT;
    assert_int_equal(definition_load(&folders, "thing", &d, &err), 0);
    assert_string_equal(d.directory, first);

    assert_int_equal(definition_list(&folders, &names, &err), 0);
    autofree char *list = strv_join(&names, " ");
    assert_string_equal(list, "broken other thing");

    struct definition none = {0};
    assert_int_equal(definition_load(&folders, "thin", &none, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_string_equal(err.hint, "there are: broken, other, thing");
    assert_int_equal(definition_load(&folders, "../thing", &none, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);

    autofree char *command = mem_printf("rm -r %s", root);
    assert_int_equal(system(command), 0);
}

static void a_reference_finds_its_definition_whatever_host_and_owner(void **state)
{
    (void)state;
    autostrv folders = STRV_INIT;
    strv_add(&folders, FIXTURES "/../../images");
    static const char *const repositories[] = {
        "ghcr.io/talmolab/lablink-client-base-image",
        "127.0.0.1:5000/lablink-client-base-image",
    };
    for (size_t i = 0; i < sizeof repositories / sizeof *repositories; i++) {
        autodefinition d = {0};
        assert_true(definition_find(&folders, repositories[i], &d));
        assert_string_equal(d.name, "client");
    }
    struct definition none = {0};
    assert_false(definition_find(&folders, "docker.io/library/debian", &none));
    assert_null(none.name);
}

static void every_shipped_definition_is_right(void **state)
{
    (void)state;
    autostrv folders = STRV_INIT, names = STRV_INIT;
    autoerror err = ERROR_INIT;
    strv_add(&folders, FIXTURES "/../../images");
    assert_int_equal(definition_list(&folders, &names, &err), 0);
    assert_true(strv_contains(&names, "allocator"));
    assert_true(strv_contains(&names, "client"));
    for (size_t i = 0; i < names.count; i++) {
        autodefinition d = {0};
        if (definition_load(&folders, names.items[i], &d, &err) < 0)
            fail_msg("%s: %s", names.items[i], err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_definition_has_defaults),
        cmocka_unit_test(a_whole_definition_is_read_whole),
        cmocka_unit_test(each_mistake_is_shown_where_it_stands),
        cmocka_unit_test(the_first_folder_that_has_a_name_wins),
        cmocka_unit_test(a_reference_finds_its_definition_whatever_host_and_owner),
        cmocka_unit_test(every_shipped_definition_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
