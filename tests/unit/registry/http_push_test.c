/* Pushing to a registry that misbehaves. */
#include "server_fixture.h"
#include "transport_ops.h"

#include <pthread.h> /* for the thread sanitizer: blobs go in parallel */

struct ground {
    struct fixture *f;
    struct server server;
    struct digest manifest;
};

static int setup(void **state)
{
    const char *const argv[] = {"python3", FAULT_REGISTRY, NULL};
    struct ground *g = mem_zalloc(1, sizeof *g);
    void *fixture;
    *state = g;
    if (fixture_setup(&fixture))
        return -1;
    g->f = fixture;
    forget_environment(g->f);
    server_start(g->f, &g->server, 2, argv);
    g->manifest = make_layout(g->f, "l", 3, true);
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

static int push(const struct ground *g, const char *name, struct error *err)
{
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    autoreference to = parse_ref("%s/%s", g->server.host, name);
    return copy_with(&from, &to, NULL, err);
}

static void expect_pulled(const struct ground *g, const char *name)
{
    autoerror err = ERROR_INIT;
    autoreference ref = parse_ref("%s/%s", g->server.host, name);
    assert_done(pull_with(&ref, NULL, &err), &err);
}

static void a_push_sends_each_blob_once(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    size_t before = count_descriptors();
    assert_done(push(g, "repo:v1", &err), &err);
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(count_requests(&g->server, "HEAD", "/blobs/"), 4);
    assert_int_equal(count_requests(&g->server, "POST", "/blobs/uploads/"), 4);
    assert_int_equal(count_requests(&g->server, "PUT", "/blobs/uploads/"), 4);
    assert_int_equal(count_requests(&g->server, "PUT", "/manifests/"), 1);
    expect_pulled(g, "repo:v1");
    assert_done(push(g, "repo:v2", &err), &err); /* all is there */
    assert_int_equal(count_requests(&g->server, "POST", "/blobs/uploads/"), 4);
}

static void blobs_go_at_the_same_time(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','times':4,'gather':4}]");
    assert_done(push(g, "repo:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "/blobs/uploads/"), 4);
}

static void many_tags_are_one_upload_with_latest_last(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    static const char *const given[] = {"latest", "1.2.3", "latest-test", "abc"};
    static const char *const order[] = {"1.2.3", "abc", "latest-test", "latest"};
    autostrv tags = STRV_INIT;
    for (size_t i = 0; i < COUNT_OF(given); i++)
        strv_add(&tags, given[i]);
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    autoreference to = parse_ref("%s/repo", g->server.host);
    assert_done(copy(&from, &to, &tags, false, NULL, &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "/blobs/uploads/"), 4);
    autojson *log = requests(&g->server);
    size_t i, n = 0;
    const json_t *request;
    json_array_foreach (log, i, request) {
        const char *at = strstr(member(request, "path"), "/manifests/");
        if (at && str_eq(member(request, "method"), "PUT"))
            assert_string_equal(at + strlen("/manifests/"), order[n++]);
    }
    assert_int_equal(n, COUNT_OF(order));
    expect_pulled(g, "repo:latest");
}

static void an_answer_that_is_lost_is_settled_by_asking(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','close':'after','times':1}]");
    assert_done(push(g, "repo:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "HEAD", "/blobs/"), 5);
    assert_int_equal(count_requests(&g->server, "PUT", "/blobs/uploads/"), 4);
    expect_pulled(g, "repo:v1");
}

static void a_broken_upload_starts_afresh(void **state)
{
    struct ground *g = *state;
    static const char *const ways[] = {
        "'close':'before'", "'read':10,'close':'before'",
        "'status':502",     "'status':404",
        "'status':416",     "'status':429,'headers':{'Retry-After':'20ms'}"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        autoerror err = ERROR_INIT;
        autofree char *name = mem_printf("repo%zu:v1", i);
        ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
        rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','times':1,%s}]", ways[i]);
        assert_done(push(g, name, &err), &err);
        assert_int_equal(count_requests(&g->server, "POST", "/blobs/uploads/"), 5);
        expect_pulled(g, name);
    }
}

static void a_slow_commit_is_waited_for_and_a_404_after_it_settled(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','stall':1,'times':2},"
                      "{'method':'PUT','path':'/blobs/uploads/','then':404,'times':2}]");
    assert_done(push(g, "repo:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "/blobs/uploads/"), 4);
    expect_pulled(g, "repo:v1");
}

static void no_upload_is_sent_to_twice(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','status':500,'times':3}]");
    assert_done(push(g, "repo:v1", &err), &err);
    autojson *log = requests(&g->server);
    size_t i, j;
    const json_t *a, *b;
    json_array_foreach (log, i, a)
        json_array_foreach (log, j, b)
            assert_false(i != j && str_eq(member(a, "method"), "PUT") &&
                         strstr(member(a, "path"), "/uploads/") &&
                         str_eq(member(a, "path"), member(b, "path")));
}

static void an_upload_that_never_works_is_told(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'method':'PUT','path':'/blobs/uploads/','status':500,'body':'disk full'}]");
    assert_int_equal(push(g, "repo:v1", &err), -1);
    assert_int_equal(err.kind, ERROR_NETWORK);
    assert_non_null(strstr(err.message, "(500)"));
    assert_non_null(strstr(err.message, "disk full"));
    rules(&g->server, "[]");
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','status':413}]");
    assert_error(push(g, "repo:v1", &err), &err, ERROR_NETWORK, "that large (413)");
    assert_int_equal(count_requests(&g->server, "PUT", "/manifests/"), 0);
}

static void locations_may_be_relative_or_absolute(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'POST','path':'/blobs/uploads/','location':'{1}{path}'}]");
    assert_done(push(g, "absolute:v1", &err), &err);
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server,
          "[{'method':'POST','path':'/blobs/uploads/','location':'{path}?state=x%%26y'}]");
    assert_done(push(g, "query:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "?state=x%26y&digest=sha256%3A"), 4);
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server, "[{'method':'POST','path':'/blobs/uploads/','location':'gopher://x/'}]");
    assert_error(push(g, "bad:v1", &err), &err, ERROR_NETWORK, "bad address");
}

static void a_blob_of_a_neighbour_is_mounted(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    assert_done(push(g, "base:v1", &err), &err);
    autoreference from = parse_ref("%s/base:v1", g->server.host);
    autoreference to = parse_ref("%s/mine:v1", g->server.host);
    assert_done(copy_with(&from, &to, NULL, &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "/v2/mine/blobs/"), 0);
    expect_pulled(g, "mine:v1");
    /* Where it isn't, the upload that was opened instead is used. */
    rules(&g->server, "[{'method':'POST','path':'mount=','status':202,"
                      "'headers':{'Location':'/v2/x/blobs/uploads/none'},'times':1}]");
    autoreference again = parse_ref("%s/again:v1", g->server.host);
    assert_done(copy_with(&from, &again, NULL, &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "/v2/x/blobs/uploads/none"), 1);
    rules(&g->server, "[{'method':'POST','path':'mount=','status':403}]");
    autoreference third = parse_ref("%s/third:v1", g->server.host);
    assert_done(copy_with(&from, &third, NULL, &err), &err);
    expect_pulled(g, "third:v1");
}

static void a_registry_may_find_the_blob_by_itself(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    /* It has all of them in another repository, and says so without being told where. */
    assert_done(push(g, "base:v1", &err), &err);
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server, "[{'method':'POST','path':'mount=','find':true}]");
    assert_done(push(g, "mine:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "/v2/mine/blobs/"), 0);
    expect_pulled(g, "mine:v1");
    /* One that doesn't know the question is asked for an upload as ever. */
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server, "[{'method':'POST','path':'mount=','status':400}]");
    assert_done(push(g, "other:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "/v2/other/blobs/"), 4);
}

static void a_manifest_is_read_back(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'GET','path':'/manifests/v1','corrupt':true}]");
    assert_error(push(g, "repo:v1", &err), &err, ERROR_INTEGRITY, "was put there");
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server, "[{'method':'GET','path':'/manifests/v2','status':404,'times':2}]");
    assert_done(push(g, "repo:v2", &err), &err); /* some know it a moment later */
}

static void a_manifest_whose_blobs_are_not_known_yet_is_put_again(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/manifests/','status':400,'times':2,'body':"
                      "'{\\'errors\\':[{\\'code\\':\\'MANIFEST_BLOB_UNKNOWN\\'}]}'}]");
    assert_done(push(g, "repo:v1", &err), &err);
    rules(&g->server, "[{'method':'PUT','path':'/manifests/','status':400,'body':"
                      "'{\\'errors\\':[{\\'code\\':\\'MANIFEST_INVALID\\'}]}'}]");
    assert_error(push(g, "repo:v2", &err), &err, ERROR_NETWORK, "manifest_invalid");
}

static void a_spoiled_blob_is_not_sent_whole(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    struct image_source *s;
    automanifest m = {0};
    assert_done(image_source_open(&from, NULL, &s, &err), &err);
    assert_done(image_source_manifest(s, &m, &err), &err);
    image_source_close(s);
    autoclose int fd = open_layout(g->f, "l");
    spoil_blob(fd, &m.items[2].digest);
    assert_int_equal(push(g, "repo:v1", &err), -1);
    assert_int_equal(err.kind, ERROR_INTEGRITY);
    autostr text = STR_INIT;
    ask(&g->server, "GET", "/_fault/state", NULL, &text);
    assert_null(strstr(str_text(&text), m.items[2].digest.text));
    assert_int_equal(count_requests(&g->server, "PUT", "/manifests/"), 0);
}

static void a_registry_that_takes_other_bytes_is_told(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','digest':'sha256:other'}]");
    assert_error(push(g, "repo:v1", &err), &err, ERROR_INTEGRITY, "the registry took");
}

static void what_a_target_has_is_a_yes_in_many_ways(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct image_target *t;
    struct descriptor d = {.digest = g->manifest, .size = 5};
    autoreference to = parse_ref("%s/repo:v1", g->server.host);
    assert_done(image_target_open(&to, NULL, &t, &err), &err);
    assert_int_equal(image_target_has_blob(t, &d, &err), 0);
    rules(&g->server, "[{'method':'HEAD','status':307,'times':1,'headers':{'Location':'{2}/x'}},"
                      "{'method':'HEAD','status':200,'times':1}]");
    assert_int_equal(image_target_has_blob(t, &d, &err), 1);
    assert_int_equal(image_target_has_blob(t, &d, &err), 1);
    assert_int_equal(count_requests(&g->server, NULL, "/x"), 0);
    image_target_close(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (!program_exists("python3")) {
        print_message("1..1\nok 1 # SKIP needs python3\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_push_sends_each_blob_once),
        TEST(blobs_go_at_the_same_time),
        TEST(many_tags_are_one_upload_with_latest_last),
        TEST(an_answer_that_is_lost_is_settled_by_asking),
        TEST(a_broken_upload_starts_afresh),
        TEST(a_slow_commit_is_waited_for_and_a_404_after_it_settled),
        TEST(no_upload_is_sent_to_twice),
        TEST(an_upload_that_never_works_is_told),
        TEST(locations_may_be_relative_or_absolute),
        TEST(a_blob_of_a_neighbour_is_mounted),
        TEST(a_registry_may_find_the_blob_by_itself),
        TEST(a_manifest_is_read_back),
        TEST(a_manifest_whose_blobs_are_not_known_yet_is_put_again),
        TEST(a_spoiled_blob_is_not_sent_whole),
        TEST(a_registry_that_takes_other_bytes_is_told),
        TEST(what_a_target_has_is_a_yes_in_many_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
