/* Artifacts attached to images, lists of tags, and deleting: on registries with and without the
 * referrers API. */
#include "server_fixture.h"
#include "transport_ops.h"

#include "artifact.h"
#include "link.h"
#include "tag_list.h"

#include <pthread.h> /* for the thread sanitizer: sessions are shared */

struct ground {
    struct fixture *f;
    struct server server;
};

static int setup(void **state)
{
    struct ground *g = mem_zalloc(1, sizeof *g);
    void *fixture;
    *state = g;
    if (fixture_setup(&fixture))
        return -1;
    g->f = fixture;
    forget_environment(g->f);
    make_layout(g->f, "l", 2, true);
    return 0;
}

static int teardown(void **state)
{
    struct ground *g = *state;
    server_stop(&g->server);
    void *fixture = g->f;
    free(g);
    return fixture_teardown(&fixture);
}

/* The fault registry with further options, and the image as repo:v1. */
static void start(struct ground *g, const char *const *options)
{
    const char *argv[8] = {"python3", FAULT_REGISTRY};
    for (size_t i = 0; options && options[i]; i++)
        argv[2 + i] = options[i];
    autoerror err = ERROR_INIT;
    server_start(g->f, &g->server, 2, argv);
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    autoreference to = parse_ref("%s/repo:v1", g->server.host);
    assert_done(copy_with(&from, &to, NULL, &err), &err);
}

static void attach(const struct reference *to, const char *type, const char *text,
                   struct digest *digest)
{
    autoerror err = ERROR_INIT;
    struct artifact_file file = {"checks.yaml", ARTIFACT_CHECKS_FILE, text, strlen(text)};
    assert_done(artifact_attach(to, type, &file, 1, NULL, digest, &err), &err);
}

static size_t count_artifacts(const struct reference *ref, const char *type)
{
    autoerror err = ERROR_INIT;
    autoartifacts list = {0};
    assert_done(artifact_list(ref, type, NULL, &list, &err), &err);
    for (size_t i = 0; type && i < list.count; i++)
        assert_string_equal(list.items[i].type, type);
    return list.count;
}

static void attach_and_find(struct ground *g)
{
    autoerror err = ERROR_INIT;
    autostr found = STR_INIT;
    struct digest first, again, other;
    autoreference ref = parse_ref("%s/repo:v1", g->server.host);
    assert_int_equal(artifact_find(&ref, ARTIFACT_CHECKS, 1000, NULL, &found, &err), 0);
    attach(&ref, ARTIFACT_CHECKS, "checks: []\n", &first);
    attach(&ref, "application/x.other", "other", &other);
    assert_int_equal(count_artifacts(&ref, NULL), 2);
    assert_int_equal(count_artifacts(&ref, ARTIFACT_CHECKS), 1);
    /* The same again is the same; more of it are one list. */
    attach(&ref, ARTIFACT_CHECKS, "checks: []\n", &again);
    assert_true(digest_equal(&first, &again));
    assert_int_equal(count_artifacts(&ref, NULL), 2);
    assert_int_equal(artifact_find(&ref, ARTIFACT_CHECKS, 1000, NULL, &found, &err), 1);
    assert_string_equal(str_text(&found), "checks: []\n");
    assert_error(artifact_find(&ref, ARTIFACT_CHECKS, 5, NULL, &found, &err), &err, ERROR_INPUT,
                 "larger than the 5 bytes");
}

static void an_artifact_is_found_by_the_fallback_tag(void **state)
{
    struct ground *g = *state;
    start(g, NULL);
    attach_and_find(g);
    assert_in_range(count_requests(&g->server, "PUT", "/manifests/sha256-"), 2, 2);
}

static void an_artifact_is_found_by_the_referrers_api(void **state)
{
    struct ground *g = *state;
    static const char *const options[] = {"--referrers", NULL};
    start(g, options);
    attach_and_find(g);
    assert_int_equal(count_requests(&g->server, NULL, "/manifests/sha256-"), 0);
}

static void a_referrers_api_that_sends_us_elsewhere_is_none(void **state)
{
    struct ground *g = *state;
    start(g, NULL);
    rules(&g->server, "[{'path':'/referrers/','status':303,'headers':{'Location':'{2}/page'}}]");
    attach_and_find(g);
    assert_int_equal(count_requests(&g->server, NULL, "/page"), 0);
}

static void what_others_attach_at_the_same_time_is_kept(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct digest digest;
    start(g, NULL);
    autoreference ref = parse_ref("%s/repo:v1", g->server.host);
    attach(&ref, "application/x.one", "one", &digest);
    /* Somebody puts the list as it was before ours, once: ours is noted again. */
    rules(&g->server, "[{'method':'PUT','path':'/manifests/sha256-','times':1,'status':201}]");
    attach(&ref, "application/x.two", "two", &digest);
    assert_int_equal(count_artifacts(&ref, NULL), 2);
    (void)err;
}

static void artifacts_need_a_registry_and_an_image(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct artifact_file file = {"f", NULL, "x", 1};
    start(g, NULL);
    autoreference layout = fixture_ref(g->f, "oci", "l:v1");
    assert_error(artifact_attach(&layout, "t/t", &file, 1, NULL, NULL, &err), &err, ERROR_USAGE,
                 "not in files");
    assert_int_equal(count_artifacts(&layout, NULL), 0);
    autoreference none = parse_ref("%s/repo:none", g->server.host);
    assert_error(artifact_attach(&none, "t/t", &file, 1, NULL, NULL, &err), &err, ERROR_MISSING,
                 "none");
    autoreference ref = parse_ref("%s/repo:v1", g->server.host);
    rules(&g->server, "[{'path':'/referrers/','status':200,'body':'{}'},"
                      "{'path':'/manifests/sha256-','status':403}]");
    autoartifacts list = {0};
    assert_int_equal(artifact_list(&ref, NULL, NULL, &list, &err), -1);
}

static void tags_are_listed_page_by_page(void **state)
{
    struct ground *g = *state;
    static const char *const options[] = {"--page", "2", NULL};
    autoerror err = ERROR_INIT;
    start(g, options);
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    for (int i = 2; i < 6; i++) {
        autoreference to = parse_ref("%s/repo:v%d", g->server.host, i);
        assert_done(copy_with(&from, &to, NULL, &err), &err);
    }
    autostrv tags = STRV_INIT;
    autoreference ref = parse_ref("%s/repo", g->server.host);
    assert_done(image_tags(&ref, NULL, &tags, &err), &err);
    autofree char *all = strv_join(&tags, " ");
    assert_string_equal(all, "v1 v2 v3 v4 v5");
    assert_int_equal(count_requests(&g->server, "GET", "/tags/list"), 3);
    autoreference none = parse_ref("%s/none", g->server.host);
    assert_int_equal(image_tags(&none, NULL, &tags, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    autostrv names = STRV_INIT;
    autoreference layout = fixture_ref(g->f, "oci", "l");
    assert_done(image_tags(&layout, NULL, &names, &err), &err);
    assert_string_equal(names.items[0], "v1");
}

static void a_page_elsewhere_is_not_asked_for(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    autostrv tags = STRV_INIT;
    start(g, NULL);
    autoreference ref = parse_ref("%s/repo", g->server.host);
    rules(&g->server, "[{'path':'/tags/list','add_headers':{'Link':'<{2}/v2/repo/tags/list>; "
                      "rel=\\'next\\''}}]");
    assert_done(image_tags(&ref, NULL, &tags, &err), &err);
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server, "[{'path':'/tags/list','status':200,'huge':5000000}]");
    assert_error(image_tags(&ref, NULL, &tags, &err), &err, ERROR_INPUT, "larger than");
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server,
          "[{'path':'/tags/list','status':200,'body':'{\\'tags\\':[\\'a\\\\u001b[2J\\']}'}]");
    assert_error(image_tags(&ref, NULL, &tags, &err), &err, ERROR_INPUT, "no tag");
    autofree char *next = link_parse("</v2/a?n=1&last=x>; rel=\"next\"");
    assert_string_equal(next, "/v2/a?n=1&last=x");
    autofree char *second = link_parse("</x>; rel=\"prev\", </y>; rel=next");
    assert_string_equal(second, "/y");
    assert_null(link_parse("</x>; rel=\"prev\""));
    assert_null(link_parse("</x"));
}

static void a_tag_is_deleted_alone_and_a_digest_with_all(void **state)
{
    struct ground *g = *state;
    static const char *const options[] = {"--auth", "none", NULL};
    autoerror err = ERROR_INIT;
    start(g, options);
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    autoreference v1 = parse_ref("%s/repo:v1", g->server.host);
    autoreference v2 = parse_ref("%s/repo:v2", g->server.host);
    assert_done(copy_with(&from, &v2, NULL, &err), &err);
    assert_done(image_delete(&v1, NULL, &err), &err);
    assert_done(pull_with(&v2, NULL, &err), &err);
    assert_error(image_delete(&v1, NULL, &err), &err, ERROR_MISSING, "v1");
    struct digest digest;
    struct image_source *source;
    assert_done(image_source_open(&v2, NULL, &source, &err), &err);
    assert_done(image_source_digest(source, &digest, &err), &err);
    image_source_close(source);
    autoreference whole = parse_ref("%s/repo@%s", g->server.host, digest.text);
    assert_done(image_delete(&whole, NULL, &err), &err);
    assert_int_equal(pull_with(&v2, NULL, &err), -1);
    autoreference layout = fixture_ref(g->f, "oci", "l:v1");
    assert_done(image_delete(&layout, NULL, &err), &err);
    assert_error(image_delete(&layout, NULL, &err), &err, ERROR_MISSING, "v1");
}

static void a_registry_that_does_not_delete_says_what_to_do(void **state)
{
    struct ground *g = *state;
    static const char *const options[] = {"--no-delete", NULL};
    autoerror err = ERROR_INIT;
    start(g, options);
    autoreference ref = parse_ref("%s/repo:v1", g->server.host);
    assert_int_equal(image_delete(&ref, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.hint, "@DIGEST"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (!program_exists("python3")) {
        print_message("1..1\nok 1 # SKIP needs python3\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(an_artifact_is_found_by_the_fallback_tag),
        TEST(an_artifact_is_found_by_the_referrers_api),
        TEST(a_referrers_api_that_sends_us_elsewhere_is_none),
        TEST(what_others_attach_at_the_same_time_is_kept),
        TEST(artifacts_need_a_registry_and_an_image),
        TEST(tags_are_listed_page_by_page),
        TEST(a_page_elsewhere_is_not_asked_for),
        TEST(a_tag_is_deleted_alone_and_a_digest_with_all),
        TEST(a_registry_that_does_not_delete_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
