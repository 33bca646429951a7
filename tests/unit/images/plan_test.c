/* Every row of the trigger table, against the definitions that are shipped. */
#include "plan.h"
#include "plan_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"
#define CUDA "linux-amd64-nvidia-cuda-12.8.1-cudnn-devel-ubuntu22.04"
#define TOOLS "linux-amd64-ubuntu22.04-nvm-0.40.2-uv-0.6.8-miniforge3-24.11.3"

#define ALLOCATOR_TEST                                                                             \
    "linux-amd64-test linux-amd64-latest-test linux-amd64-terraform-1.4.6-test "                   \
    "linux-amd64-postgres-15-test"
#define ALLOCATOR_PROD                                                                             \
    "linux-amd64 linux-amd64-latest linux-amd64-terraform-1.4.6 linux-amd64-postgres-15"
#define CLIENT_MOVING_TEST CUDA "-test " TOOLS "-test"

struct row {
    const char *what;
    const char *image;
    const char *event, *ref; /* NULL: no CI */
    const char *payload;
    struct plan_options options;
    /* What is expected. */
    enum trigger_kind kind;
    bool skipped;
    const char *variant, *dockerfile, *args, *tags;
};

#define DISPATCH(package, version)                                                                 \
    "{\"action\":\"package-published\",\"client_payload\":{\"package\":\"" package                 \
    "\",\"version\":\"" version "\"}}"

static const struct row rows[] = {
    {"a pull request builds dev from local code",
     "allocator",
     "pull_request",
     "refs/pull/7/merge",
     NULL,
     {0},
     TRIGGER_PULL_REQUEST,
     false,
     "dev",
     "lablink-allocator/Dockerfile.dev",
     "",
     ALLOCATOR_TEST " " SHA "-test"},
    {"so does the branch test",
     "allocator",
     "push",
     "refs/heads/test",
     NULL,
     {0},
     TRIGGER_BRANCH_TEST,
     false,
     "dev",
     "lablink-allocator/Dockerfile.dev",
     "",
     ALLOCATOR_TEST " " SHA "-test"},
    {"the client's pull request has P-latest-test, which its verify job pulls",
     "client",
     "pull_request",
     "refs/pull/7/merge",
     NULL,
     {0},
     TRIGGER_PULL_REQUEST,
     false,
     "dev",
     "lablink-client-base/lablink-client-base-image/Dockerfile.dev",
     "",
     "linux-amd64-test linux-amd64-latest-test linux-amd64-" SHA "-test " CLIENT_MOVING_TEST " " SHA
     "-test"},
    {"main builds prod at the Dockerfile's version, latest last",
     "allocator",
     "push",
     "refs/heads/main",
     NULL,
     {0},
     TRIGGER_MAIN,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "",
     ALLOCATOR_PROD " " SHA " latest"},
    {"main of the client",
     "client",
     "push",
     "refs/heads/main",
     NULL,
     {0},
     TRIGGER_MAIN,
     false,
     "prod",
     "lablink-client-base/lablink-client-base-image/Dockerfile",
     "",
     "linux-amd64 linux-amd64-latest linux-amd64-" SHA " " CUDA " " TOOLS " " SHA " latest"},
    {"a published package builds its image at that version",
     "allocator",
     "repository_dispatch",
     "refs/heads/main",
     DISPATCH("lablink-allocator-service", "0.0.2a0"),
     {0},
     TRIGGER_PACKAGE,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "PACKAGE_VERSION=0.0.2a0",
     "linux-amd64-0.0.2a0 " ALLOCATOR_PROD " 0.0.2a0 " SHA " latest"},
    {"a published package builds no other image",
     "client",
     "repository_dispatch",
     "refs/heads/main",
     DISPATCH("lablink-allocator-service", "0.0.2a0"),
     {0},
     TRIGGER_PACKAGE,
     true,
     "prod",
     NULL,
     NULL,
     ""},
    {"a dispatch of another type is any other event",
     "allocator",
     "repository_dispatch",
     "refs/heads/main",
     "{\"action\":\"other\"}",
     {0},
     TRIGGER_OTHER,
     false,
     "dev",
     NULL,
     "",
     SHA "-test"},
    {"a manual run with a version",
     "allocator",
     "workflow_dispatch",
     "refs/heads/main",
     "{\"inputs\":{\"environment\":\"prod\",\"version\":\"0.0.2a0\"}}",
     {0},
     TRIGGER_MANUAL,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "PACKAGE_VERSION=0.0.2a0",
     "linux-amd64-0.0.2a0 " ALLOCATOR_PROD " 0.0.2a0 " SHA " latest"},
    {"a manual run without a version leaves the argument out",
     "allocator",
     "workflow_dispatch",
     "refs/heads/main",
     "{\"inputs\":{\"environment\":\"prod\",\"version\":\"\"}}",
     {0},
     TRIGGER_MANUAL,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "",
     ALLOCATOR_PROD " " SHA " latest"},
    {"a manual run without inputs",
     "allocator",
     "workflow_dispatch",
     "refs/heads/main",
     "{\"inputs\":null}",
     {0},
     TRIGGER_MANUAL,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "",
     ALLOCATOR_PROD " " SHA " latest"},
    {"a manual run for test is prod with the suffix everywhere",
     "allocator",
     "workflow_dispatch",
     "refs/heads/main",
     "{\"inputs\":{\"environment\":\"test\",\"version\":\"0.0.2a0\"}}",
     {0},
     TRIGGER_MANUAL,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "PACKAGE_VERSION=0.0.2a0",
     "linux-amd64-0.0.2a0-test " ALLOCATOR_TEST " 0.0.2a0-test " SHA "-test latest-test"},
    {"a manual run for test without a version",
     "client",
     "workflow_dispatch",
     "refs/heads/main",
     "{\"inputs\":{\"environment\":\"test\"}}",
     {0},
     TRIGGER_MANUAL,
     false,
     "prod",
     NULL,
     "",
     "linux-amd64-test linux-amd64-latest-test linux-amd64-" SHA "-test " CLIENT_MOVING_TEST " " SHA
     "-test latest-test"},
    {"a manual run that names a package gives no other image its version",
     "client",
     "workflow_dispatch",
     "refs/heads/main",
     "{\"inputs\":{\"package\":\"lablink-allocator-service\",\"version\":\"0.0.2a0\"}}",
     {0},
     TRIGGER_MANUAL,
     true,
     "prod",
     NULL,
     NULL,
     ""},
    {"a release tag names package and version",
     "client",
     "push",
     "refs/tags/lablink-client-service_v0.0.7a0",
     NULL,
     {0},
     TRIGGER_RELEASE,
     false,
     "prod",
     NULL,
     "PACKAGE_VERSION=0.0.7a0",
     "linux-amd64-0.0.7a0 linux-amd64 linux-amd64-latest linux-amd64-" SHA " " CUDA " " TOOLS
     " 0.0.7a0 " SHA " latest"},
    {"a release tag builds no other image",
     "allocator",
     "push",
     "refs/tags/lablink-client-service_v0.0.7a0",
     NULL,
     {0},
     TRIGGER_RELEASE,
     true,
     "prod",
     NULL,
     NULL,
     ""},
    {"a published release is its tag",
     "allocator",
     "release",
     "refs/tags/lablink-allocator-service_v0.0.2a0",
     "{\"action\":\"published\"}",
     {0},
     TRIGGER_RELEASE,
     false,
     "prod",
     NULL,
     "PACKAGE_VERSION=0.0.2a0",
     "linux-amd64-0.0.2a0 " ALLOCATOR_PROD " 0.0.2a0 " SHA " latest"},
    {"a tag of another form is any other ref",
     "allocator",
     "push",
     "refs/tags/v1.0",
     NULL,
     {0},
     TRIGGER_OTHER,
     false,
     "dev",
     "lablink-allocator/Dockerfile.dev",
     "",
     SHA "-test"},
    {"any other branch moves no tag of another",
     "allocator",
     "push",
     "refs/heads/topic",
     NULL,
     {0},
     TRIGGER_OTHER,
     false,
     "dev",
     "lablink-allocator/Dockerfile.dev",
     "",
     SHA "-test"},
    {"and of the client's templates keeps the commit's",
     "client",
     "push",
     "refs/heads/topic",
     NULL,
     {0},
     TRIGGER_OTHER,
     false,
     "dev",
     NULL,
     "",
     "linux-amd64-" SHA "-test " SHA "-test"},
    {"no CI: dev by default, and no commit's tag",
     "allocator",
     NULL,
     NULL,
     NULL,
     {0},
     TRIGGER_LOCAL,
     false,
     "dev",
     "lablink-allocator/Dockerfile.dev",
     "",
     ALLOCATOR_TEST},
    {"no CI, --dev",
     "client",
     NULL,
     NULL,
     NULL,
     {.variant = PLAN_DEV},
     TRIGGER_LOCAL,
     false,
     "dev",
     NULL,
     "",
     "linux-amd64-test linux-amd64-latest-test " CLIENT_MOVING_TEST},
    {"no CI, --prod",
     "allocator",
     NULL,
     NULL,
     NULL,
     {.variant = PLAN_PROD},
     TRIGGER_LOCAL,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "",
     ALLOCATOR_PROD " latest"},
    {"no CI, --version means prod",
     "allocator",
     NULL,
     NULL,
     NULL,
     {.version = "0.0.2a0"},
     TRIGGER_LOCAL,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "PACKAGE_VERSION=0.0.2a0",
     "linux-amd64-0.0.2a0 " ALLOCATOR_PROD " 0.0.2a0 latest"},
    {"--prod in a pull request keeps the suffix and takes no latest",
     "allocator",
     "pull_request",
     "refs/pull/7/merge",
     NULL,
     {.variant = PLAN_PROD},
     TRIGGER_PULL_REQUEST,
     false,
     "prod",
     "lablink-allocator/Dockerfile",
     "",
     ALLOCATOR_TEST " " SHA "-test"},
    {"--dev on main takes none of main's tags",
     "allocator",
     "push",
     "refs/heads/main",
     NULL,
     {.variant = PLAN_DEV},
     TRIGGER_MAIN,
     false,
     "dev",
     NULL,
     "",
     ALLOCATOR_TEST " " SHA "-test"},
    {"--version beats the dispatch's",
     "allocator",
     "repository_dispatch",
     "refs/heads/main",
     DISPATCH("lablink-allocator-service", "0.0.1"),
     {.version = "0.0.2a0"},
     TRIGGER_PACKAGE,
     false,
     "prod",
     NULL,
     "PACKAGE_VERSION=0.0.2a0",
     "linux-amd64-0.0.2a0 " ALLOCATOR_PROD " 0.0.2a0 " SHA " latest"},
    {"a local version's + becomes a -",
     "allocator",
     NULL,
     NULL,
     NULL,
     {.version = "1.0+local.1"},
     TRIGGER_LOCAL,
     false,
     "prod",
     NULL,
     "PACKAGE_VERSION=1.0+local.1",
     "linux-amd64-1.0-local.1 " ALLOCATOR_PROD " 1.0-local.1 latest"},
};

struct variables {
    const char *event, *ref;
};

static const char *lookup(void *context, const char *name)
{
    const struct variables *v = context;
    if (!v->event)
        return NULL;
    const char *const values[][2] = {
        {"GITHUB_EVENT_NAME", v->event},
        {"GITHUB_REF", v->ref},
        {"GITHUB_SHA", SHA},
        {"GITHUB_REPOSITORY", "TalmoLab/lablink"},
        {"GITHUB_REPOSITORY_OWNER", "TalmoLab"},
        {"GITHUB_SERVER_URL", "https://github.com"},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    return NULL;
}

static void load(const char *image, struct definition *out)
{
    autoerror err = ERROR_INIT;
    autostrv folders = STRV_INIT;
    strv_add(&folders, FIXTURES "/../../images");
    if (definition_load(&folders, image, out, &err) < 0)
        fail_msg("%s", err.message);
}

static void read_trigger(const char *event, const char *ref, const char *payload,
                         struct trigger *out)
{
    autoerror err = ERROR_INIT;
    struct variables v = {event, ref};
    if (trigger_read(lookup, &v, payload, payload ? strlen(payload) : 0, out, &err) < 0)
        fail_msg("%s", err.message);
}

static void plan(const struct row *row, struct build_plan *out)
{
    autoerror err = ERROR_INIT;
    autodefinition d = {0};
    autotrigger t = {0};
    load(row->image, &d);
    read_trigger(row->event, row->ref, row->payload, &t);
    assert_int_equal(t.kind, row->kind);
    if (plan_make(&d, &t, &row->options, out, &err) < 0)
        fail_msg("%s: %s", row->what, err.message);
}

static void each_row_gives_its_plan(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        autoplan p = {0};
        autostrv tags = STRV_INIT;
        plan(row, &p);
        plan_all_tags(&p, &tags);
        autofree char *joined = strv_join(&tags, " ");
        autofree char *args = strv_join(&p.build_args, " ");
        if (strcmp(joined, row->tags) != 0)
            fail_msg("%s:\n  %s\nexpected\n  %s", row->what, joined, row->tags);
        assert_int_equal(p.build, !row->skipped);
        assert_string_equal(p.variant == PLAN_DEV ? "dev" : "prod", row->variant);
        if (row->dockerfile)
            assert_string_equal(p.dockerfile, row->dockerfile);
        if (row->args)
            assert_string_equal(args, row->args);
    }
}

static void the_owner_is_lower_case_and_labels_say_where_from(void **state)
{
    (void)state;
    autoplan p = {0};
    plan(&rows[5], &p);
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
    plan(&rows[5], &p);
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
        cmocka_unit_test(each_row_gives_its_plan),
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
