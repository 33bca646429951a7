/* What a plan holds beside its tags, and what makes none. */
#include "plan_fixture.h"
#include "plan_json.h"

#include <base/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct row published = {
    .image = "allocator",
    .event = "repository_dispatch",
    .ref = "refs/heads/main",
    .payload = "{\"action\":\"package-published\",\"client_payload\":"
               "{\"package\":\"lablink-allocator-service\",\"version\":\"0.0.2a0\"}}",
    .kind = TRIGGER_PACKAGE,
};

static void the_owner_is_lower_case_and_labels_say_where_from(void **state)
{
    (void)state;
    autoplan p = {0};
    plan(&published, &p);
    assert_string_equal(p.repository, "ghcr.io/talmolab/lablink-allocator-image");
    assert_true(p.pushable);
    assert_string_equal(env_get(&p.labels, "org.opencontainers.image.source"),
                        "https://github.com/TalmoLab/lablink");
    assert_string_equal(env_get(&p.labels, "org.opencontainers.image.revision"), SHA);
    assert_string_equal(env_get(&p.labels, "org.opencontainers.image.version"), "0.0.2a0");
}

static void registry_replaces_host_or_all_but_the_name(void **state)
{
    (void)state;
    static const struct {
        const char *event, *registry, *repository;
        bool pushable;
    } cases[] = {
        {NULL, NULL, "localhost/lablink-allocator-image", false},
        {NULL, "127.0.0.1:5000", "127.0.0.1:5000/lablink-allocator-image", true},
        {"push", "127.0.0.1:5000", "127.0.0.1:5000/talmolab/lablink-allocator-image", true},
        {"push", "quay.io/lab/x/", "quay.io/lab/x/lablink-allocator-image", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct row row = {.image = "allocator", .event = cases[i].event, .ref = "refs/heads/main"};
        row.kind = cases[i].event ? TRIGGER_MAIN : TRIGGER_LOCAL;
        row.options.registry = cases[i].registry;
        autoplan p = {0};
        plan(&row, &p);
        assert_string_equal(p.repository, cases[i].repository);
        assert_int_equal(p.pushable, cases[i].pushable);
    }
}

static void several_platforms_have_tags_of_their_own(void **state)
{
    (void)state;
    struct row row = {
        .image = "allocator", .event = "push", .ref = "refs/heads/main", .kind = TRIGGER_MAIN};
    autostrv platforms = STRV_INIT;
    strv_add(&platforms, "linux/amd64");
    strv_add(&platforms, "linux/arm64");
    strv_add(&platforms, "linux/arm/v7");
    strv_add(&platforms, "linux/arm64"); /* once is enough */
    row.options.platforms = &platforms;
    autoplan p = {0};
    plan(&row, &p);
    autofree char *common = strv_join(&p.tags, " ");
    autofree char *arm = strv_join(&p.platforms[2].tags, " ");
    assert_int_equal(p.platform_count, 3);
    assert_string_equal(common, SHA " latest");
    assert_string_equal(arm, "linux-arm-v7 linux-arm-v7-latest linux-arm-v7-terraform-1.4.6 "
                             "linux-arm-v7-postgres-15");
}

static void options_replace_arguments_and_labels(void **state)
{
    (void)state;
    struct row row = {.image = "allocator", .options.version = "1.0"};
    autostrv args = STRV_INIT, labels = STRV_INIT;
    strv_add(&args, "PACKAGE_VERSION=2.0");
    strv_add(&args, "BASE=debian:12");
    strv_add(&labels, "org.opencontainers.image.version=mine");
    row.options.build_args = &args;
    row.options.labels = &labels;
    autoplan p = {0};
    plan(&row, &p);
    autofree char *joined = strv_join(&p.build_args, " ");
    autofree char *label = strv_join(&p.labels, " ");
    assert_string_equal(joined, "PACKAGE_VERSION=2.0 BASE=debian:12");
    assert_string_equal(label, "org.opencontainers.image.version=mine");
}

static void contradictions_are_errors(void **state)
{
    (void)state;
    autodefinition d = {0};
    autotrigger t = {0};
    load("allocator", &d);
    read_trigger(NULL, NULL, NULL, &t);
    const struct {
        struct plan_options options;
        enum error_kind kind;
        const char *says;
    } cases[] = {
        {{.variant = PLAN_DEV, .version = "1.0"}, ERROR_USAGE, "contradict"},
        {{.version = "1.0; rm -rf /"}, ERROR_USAGE, "is no version"},
        {{.registry = "https://ghcr.io"}, ERROR_USAGE, "without a scheme"},
        {{.registry = "ghcr.io/Upper"}, ERROR_INPUT, "repository of image allocator"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        autoerror err = ERROR_INIT;
        struct build_plan p = {0};
        assert_int_equal(plan_make(&d, &t, &cases[i].options, &p, &err), -1);
        assert_int_equal(err.kind, cases[i].kind);
        assert_non_null(strstr(err.message, cases[i].says));
        assert_null(p.name); /* outputs are untouched */
    }
}

static void a_tag_that_is_too_long_is_an_error(void **state)
{
    (void)state;
    autofree char *yaml = NULL;
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    yaml = mem_printf("repository: r.io/o/n\nvariants: {prod: {dockerfile: D}}\ntags: [\"%s\"]\n",
                      longest);
    autodefinition d = {0};
    autotrigger t = {0};
    autoerror err = ERROR_INIT;
    struct build_plan p = {0};
    assert_int_equal(definition_parse(yaml, strlen(yaml), "n", "images/n", &d, &err), 0);
    assert_int_equal(plan_make(&d, &t, NULL, &p, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "no valid tag"));
}

static void write_file(const char *directory, const char *name)
{
    autofree char *path = mem_printf("%s/%s", directory, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void the_source_tree_s_dockerfile_comes_before_the_definition_s(void **state)
{
    (void)state;
    char source[] = "/tmp/plan_test.XXXXXX";
    assert_non_null(mkdtemp(source));
    struct row row = {.image = "allocator"};
    autoerror err = ERROR_INIT;
    autoplan p = {0};
    plan(&row, &p);
    free(p.definition_directory);
    p.definition_directory = mem_printf("%s/none", source);

    assert_int_equal(plan_locate(&p, source, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_non_null(strstr(err.message, "none/Dockerfile.dev"));
    assert_null(p.dockerfile_path);

    autofree char *folder = mem_printf("%s/none", source);
    assert_int_equal(mkdir(folder, 0755), 0);
    write_file(folder, "Dockerfile.dev");
    assert_int_equal(plan_locate(&p, source, &err), 0);
    assert_true(str_ends(p.dockerfile_path, "/none/Dockerfile.dev"));
    assert_string_equal(p.context_path, source);

    autofree char *inner = mem_printf("%s/lablink-allocator", source);
    assert_int_equal(mkdir(inner, 0755), 0);
    write_file(inner, "Dockerfile.dev");
    assert_int_equal(plan_locate(&p, source, &err), 0);
    assert_true(str_ends(p.dockerfile_path, "/lablink-allocator/Dockerfile.dev"));

    autofree char *command = mem_printf("rm -r %s", source);
    assert_int_equal(system(command), 0);
}

static void json_has_what_the_plan_has(void **state)
{
    (void)state;
    autoplan p = {0};
    autoerror err = ERROR_INIT;
    plan(&published, &p);
    autojson *json = plan_to_json(&p);
    const char *text = NULL;
    json_t *args = NULL;
    assert_int_equal(json_get_string(json, "version", NULL, "plan", &text, &err), 0);
    assert_string_equal(text, "0.0.2a0");
    assert_int_equal(json_get_object(json, "build_args", "plan", &args, &err), 0);
    assert_int_equal(json_get_string(args, "PACKAGE_VERSION", NULL, "args", &text, &err), 0);
    assert_string_equal(text, "0.0.2a0");
    assert_true(json_is_null(json_object_get(json, "target")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_is_lower_case_and_labels_say_where_from),
        cmocka_unit_test(registry_replaces_host_or_all_but_the_name),
        cmocka_unit_test(several_platforms_have_tags_of_their_own),
        cmocka_unit_test(options_replace_arguments_and_labels),
        cmocka_unit_test(contradictions_are_errors),
        cmocka_unit_test(a_tag_that_is_too_long_is_an_error),
        cmocka_unit_test(the_source_tree_s_dockerfile_comes_before_the_definition_s),
        cmocka_unit_test(json_has_what_the_plan_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
