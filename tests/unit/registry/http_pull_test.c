/* Pulling from a registry that misbehaves: what passes is waited for, what is wrong is told. */
#include "server_fixture.h"
#include "transport_ops.h"

#include <pthread.h> /* for the thread sanitizer: layers come in parallel */

/* A registry that holds repo:v1, three layers. */
struct ground {
    struct fixture *f;
    struct server server;
    struct digest manifest, layer;
    int64_t layer_size;
};

static struct reference remote(const struct ground *g, const char *name)
{
    return parse_ref("%s/%s", g->server.host, name);
}

static int setup(void **state)
{
    const char *const argv[] = {"python3", FAULT_REGISTRY, NULL};
    struct ground *g = mem_zalloc(1, sizeof *g);
    void *fixture;
    autoerror err = ERROR_INIT;
    *state = g;
    if (fixture_setup(&fixture))
        return -1;
    g->f = fixture;
    forget_environment(g->f);
    server_start(g->f, &g->server, 2, argv);
    g->manifest = make_layout(g->f, "l", 3, true);
    autoreference from = fixture_ref(g->f, "oci", "l:v1"), to = remote(g, "repo:v1");
    assert_done(copy_with(&from, &to, NULL, &err), &err);
    struct image_source *s;
    automanifest m = {0};
    assert_done(image_source_open(&to, NULL, &s, &err), &err);
    assert_done(image_source_manifest(s, &m, &err), &err);
    g->layer = m.items[2].digest;
    g->layer_size = m.items[2].size;
    image_source_close(s);
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
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

static int pull(const struct ground *g, const char *name, struct error *err)
{
    struct transport_options options = {.jobs = 2};
    autoreference ref = remote(g, name);
    return pull_with(&ref, &options, err);
}

static void a_pull_asks_for_each_thing_once(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    size_t before = count_descriptors();
    assert_done(pull(g, "repo:v1", &err), &err);
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(count_requests(&g->server, "GET", "/manifests/"), 1);
    assert_int_equal(count_requests(&g->server, "GET", "/blobs/"), 4);
    assert_int_equal(count_requests(&g->server, NULL, "/"), 6); /* and one to find the scheme */
}

static void trouble_that_passes_is_waited_for(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    static const int statuses[] = {408, 500, 502, 503, 504, 522};
    for (size_t i = 0; i < COUNT_OF(statuses); i += 3) {
        rules(&g->server,
              "[{'path':'/blobs/','status':%d,'times':1},{'path':'/blobs/','status':%d,'times':1},"
              "{'path':'/blobs/','status':%d,'times':1}]",
              statuses[i], statuses[i + 1], statuses[i + 2]);
        assert_done(pull(g, "repo:v1", &err), &err);
    }
    rules(&g->server, "[{'path':'/manifests/','close':'before','times':2}]");
    assert_done(pull(g, "repo:v1", &err), &err);
}

static void too_many_requests_are_followed_by_the_wait_asked_for(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'path':'/manifests/','status':429,'headers':{'Retry-After':'1'},'times':1},"
          "{'path':'/manifests/','status':429,'times':1,'body':"
          "'{\\'errors\\':[{\\'message\\':\\'retry-after: 400.3ms, allowed: 9/minute\\'}]}'},"
          "{'path':'/manifests/','status':429,'headers':{'Retry-After':'10.3ms'},'times':1},"
          "{'path':'/manifests/','status':429,'times':1,"
          "'headers':{'Retry-After':'Sun, 06 Nov 1994 08:49:37 GMT'}}]");
    int64_t before = retry_clock();
    assert_done(pull(g, "repo:v1", &err), &err);
    assert_true(retry_clock() - before >= 1400);
    assert_int_equal(count_requests(&g->server, "GET", "/manifests/"), 5);
}

static void a_wait_that_nobody_has_time_for_ends_the_tries(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/manifests/','status':429,'headers':{'Retry-After':'86400'}}]");
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_NETWORK, "slow down (429)");
    assert_int_equal(count_requests(&g->server, "GET", "/manifests/"), 1);
}

static void trouble_that_stays_is_told_after_six_tries(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/manifests/','status':503,'body':'down for repairs'}]");
    assert_int_equal(pull(g, "repo:v1", &err), -1);
    assert_int_equal(err.kind, ERROR_NETWORK);
    assert_non_null(strstr(err.message, "(503)"));
    assert_non_null(strstr(err.message, "down for repairs"));
    assert_non_null(err.hint);
    assert_int_equal(count_requests(&g->server, "GET", "/manifests/"), 6);
}

/* The requests for the biggest layer, in their order. */
static void expect_ranges(const struct ground *g, const char *const *ranges, size_t n)
{
    autojson *log = requests(&g->server);
    size_t i, found = 0;
    const json_t *request;
    json_array_foreach (log, i, request) {
        if (!strstr(member(request, "path"), g->layer.text))
            continue;
        assert_true(found < n);
        assert_string_equal(member(request, "range"), ranges[found++]);
    }
    assert_int_equal(found, n);
}

static void a_cut_transfer_goes_on_where_it_stopped(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'%s','cut':100,'times':1},{'path':'%s','cut':50,'times':1}]",
          g->layer.text, g->layer.text);
    assert_done(pull(g, "repo:v1", &err), &err);
    const char *const ranges[] = {"", "bytes=100-", "bytes=150-"};
    expect_ranges(g, ranges, 3);
}

static void a_server_without_ranges_is_read_from_the_start(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'path':'%s','cut':100,'times':1},{'path':'%s','no_range':true,'cut':50,'times':2},"
          "{'path':'%s','no_range':true,'times':1}]",
          g->layer.text, g->layer.text, g->layer.text);
    assert_done(pull(g, "repo:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "GET", g->layer.text), 4);
}

static void layers_come_at_the_same_time(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options three = {.jobs = 3};
    autoreference ref = remote(g, "repo:v1");
    rules(&g->server, "[{'path':'/blobs/','skip':1,'times':3,'gather':3}]"); /* after the config */
    assert_done(pull_with(&ref, &three, &err), &err);
    assert_int_equal(count_requests(&g->server, "GET", "/blobs/"), 4);
}

/* A layer is compressed as it is: what is hashed is what is sent. */
static void no_further_encoding_is_asked_for(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    assert_done(pull(g, "repo:v1", &err), &err);
    autojson *log = requests(&g->server);
    size_t i;
    const json_t *request;
    json_array_foreach (log, i, request)
        assert_string_equal(member(request, "accept_encoding"), "");
}

static void a_transfer_that_never_gets_further_fails(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'%s','cut':0}]", g->layer.text);
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_NETWORK, g->layer.text);
    assert_int_equal(count_requests(&g->server, "GET", g->layer.text), 6);
}

static void wrong_bytes_are_never_taken(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    static const char *const ways[] = {"'corrupt':true", "'truncate':100", "'append':1"};
    static const char *const words[] = {"has the digest", "cut short", "larger than"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        rules(&g->server, "[{'path':'%s',%s,'times':1}]", g->layer.text, ways[i]);
        assert_error(pull(g, "repo:v1", &err), &err, ERROR_INTEGRITY, words[i]);
    }
}

static void a_header_does_not_vouch_for_a_manifest(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    autofree char *name = mem_printf("repo@%s", g->manifest.text);
    assert_done(pull(g, name, &err), &err);
    rules(&g->server, "[{'path':'/manifests/','corrupt':true,'digest':'%s','times':1}]",
          g->manifest.text);
    assert_error(pull(g, name, &err), &err, ERROR_INTEGRITY, "has the digest");
}

static void a_manifest_is_what_its_content_type_says(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/manifests/','times':1,'content_type':"
                      "'application/vnd.oci.image.index.v1+json'}]");
    assert_int_equal(pull(g, "repo:v1", &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    rules(&g->server, "[{'path':'/manifests/','times':1,'content_type':'%s; charset=utf-8'}]",
          MEDIA_OCI_MANIFEST);
    assert_done(pull(g, "repo:v1", &err), &err);
}

static void bodies_over_their_cap_are_refused(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/manifests/','status':200,'huge':5242880,'times':1}]");
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_INPUT, "larger than");
    rules(&g->server, "[{'path':'/manifests/','status':403,'huge':5242880,'times':1}]");
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_AUTH, "(403)");
    autostr big = STR_INIT;
    for (int i = 0; i < 60000; i++)
        str_add(&big, "x");
    rules(&g->server,
          "[{'path':'/manifests/','status':200,'headers':{'A':'%s','B':'%s','C':'%s','D':'%s',"
          "'E':'%s'},'times':1}]",
          big.data, big.data, big.data, big.data, big.data);
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_NETWORK, "headers are larger");
}

static void bodies_without_an_end_are_left(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/manifests/','endless':200,'times':1}]");
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_INPUT, "larger than");
    rules(&g->server, "[{'path':'/manifests/','endless':403,'times':1}]");
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_AUTH, "(403)");
    rules(&g->server, "[{'path':'%s','endless':200,'times':1}]", g->layer.text);
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_INTEGRITY, "larger than");
}

static void what_a_registry_cannot_do_is_not_asked_again(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/manifests/','status':501}]");
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_NETWORK, "(501)");
    assert_int_equal(count_requests(&g->server, "GET", "/manifests/"), 1);
}

static void what_is_not_there_is_missing(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    assert_int_equal(pull(g, "repo:v2", &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_non_null(strstr(err.message, "manifest_unknown"));
    assert_non_null(strstr(err.hint, "imgbuild login"));
}

static void a_registry_that_is_down_is_told_soon(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    autofree char *name = mem_printf("%s/repo:v1", g->server.host);
    server_stop(&g->server);
    autoreference ref = parse_ref("%s", name);
    assert_error(pull_with(&ref, NULL, &err), &err, ERROR_NETWORK, "connect");
}

static void a_digest_is_asked_with_a_head_alone(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct digest d;
    struct image_source *s;
    autoreference ref = remote(g, "repo:v1");
    assert_done(image_source_open(&ref, NULL, &s, &err), &err);
    assert_done(image_source_digest(s, &d, &err), &err);
    assert_string_equal(d.text, g->manifest.text);
    assert_int_equal(count_requests(&g->server, "GET", "/manifests/"), 0);
    rules(&g->server, "[{'method':'HEAD','path':'/manifests/','digest':'','times':1},"
                      "{'method':'HEAD','path':'/manifests/','digest':'sha256:x','times':1},"
                      "{'method':'HEAD','path':'/manifests/','status':403,'times':1}]");
    for (int i = 0; i < 3; i++) {
        assert_done(image_source_digest(s, &d, &err), &err);
        assert_string_equal(d.text, g->manifest.text);
    }
    assert_int_equal(count_requests(&g->server, "GET", "/manifests/"), 3);
    image_source_close(s);
}

static void redirects_are_followed_five_times(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/blobs/','origin':1,'redirect':'{2}{path}'}]");
    assert_done(pull(g, "repo:v1", &err), &err);
    rules(&g->server, "[{'path':'/manifests/','redirect':'{1}{path}'}]");
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_NETWORK, "more than 5 times");
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    static const char *const bad[] = {"file:///etc/passwd", "http://u:p@127.0.0.1/", "http://:x/"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        rules(&g->server, "[{'path':'/manifests/','redirect':'%s','times':1}]", bad[i]);
        assert_error(pull(g, "repo:v1", &err), &err, ERROR_NETWORK, "bad address");
    }
    rules(&g->server, "[{'path':'/manifests/','status':302,'times':1}]");
    assert_error(pull(g, "repo:v1", &err), &err, ERROR_NETWORK, "without saying where");
}

static void *cancel_soon(void *context)
{
    _Atomic bool *cancel = context;
    nap(300);
    *cancel = true;
    return NULL;
}

static void a_transfer_that_stands_still_can_be_cancelled(void **state)
{
    struct ground *g = *state;
    static const char *const ways[] = {"'path':'/manifests/','stall':3600",
                                       "'path':'/blobs/','cut':10,'stall':3600",
                                       ("'path':'/manifests/','status':503,"
                                        "'headers':{'Retry-After':'300'}")};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        _Atomic bool cancel = false;
        pthread_t thread;
        autoerror err = ERROR_INIT;
        struct transport_options options = {.cancel = &cancel};
        autoreference ref = remote(g, "repo:v1");
        rules(&g->server, "[{%s,'times':1}]", ways[i]);
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
        assert_error(pull_with(&ref, &options, &err), &err, ERROR_INTERRUPTED, "interrupted");
        pthread_join(thread, NULL);
        ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (!program_exists("python3")) {
        print_message("1..1\nok 1 # SKIP needs python3\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_pull_asks_for_each_thing_once),
        TEST(trouble_that_passes_is_waited_for),
        TEST(too_many_requests_are_followed_by_the_wait_asked_for),
        TEST(a_wait_that_nobody_has_time_for_ends_the_tries),
        TEST(trouble_that_stays_is_told_after_six_tries),
        TEST(a_cut_transfer_goes_on_where_it_stopped),
        TEST(a_server_without_ranges_is_read_from_the_start),
        TEST(layers_come_at_the_same_time),
        TEST(no_further_encoding_is_asked_for),
        TEST(a_transfer_that_never_gets_further_fails),
        TEST(wrong_bytes_are_never_taken),
        TEST(a_header_does_not_vouch_for_a_manifest),
        TEST(a_manifest_is_what_its_content_type_says),
        TEST(bodies_over_their_cap_are_refused),
        TEST(bodies_without_an_end_are_left),
        TEST(what_a_registry_cannot_do_is_not_asked_again),
        TEST(what_is_not_there_is_missing),
        TEST(a_registry_that_is_down_is_told_soon),
        TEST(a_digest_is_asked_with_a_head_alone),
        TEST(redirects_are_followed_five_times),
        TEST(a_transfer_that_stands_still_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
