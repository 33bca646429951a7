/* Large blobs: to a registry that doesn't get them in one piece, in chunks, going on after a break;
 * and from one whose connections are slow, over several. */
#include "server_fixture.h"
#include "transport_ops.h"

#include "chunked_upload.h"

#include <pthread.h> /* for the thread sanitizer: blobs go in parallel */

struct ground {
    struct fixture *f;
    struct server server;
    struct digest layer;
    int64_t size; /* of the layer: two chunks and a part of one */
};

/* A layout "l" whose "v1" has one large layer. */
static void make_large_layout(struct ground *g)
{
    autoerror err = ERROR_INIT;
    automanifest m = {0};
    autostr blob = STR_INIT;
    struct digest diff_id;
    autoclose int fd = open_layout(g->f, "l");
    make_layer("0123456789abcdef", 600 * 1000, false, &blob, &diff_id);
    g->size = (int64_t)blob.len;
    struct descriptor layer = {.media_type = mem_strdup(MEDIA_OCI_LAYER), .size = g->size};
    autofree char *config = mem_printf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":"
                                       "{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
                                       diff_id.text);
    struct descriptor c = {.media_type = mem_strdup(MEDIA_OCI_CONFIG),
                           .size = (int64_t)strlen(config)};
    assert_done(layout_put_bytes(fd, blob.data, blob.len, &layer.digest, &err), &err);
    assert_done(layout_put_bytes(fd, config, strlen(config), &c.digest, &err), &err);
    g->layer = layer.digest;
    manifest_make(&c, &layer, 1, NULL, false, &m);
    assert_done(layout_put_bytes(fd, m.bytes, m.size, NULL, &err), &err);
    assert_done(layout_put_manifest(fd, &m, "v1", NULL, &err), &err);
    descriptor_release(&c);
    descriptor_release(&layer);
}

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
    make_large_layout(g);
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

/* The first monolithic PUT of a large blob fails so. */
#define PUT_FAILS "{'method':'PUT','path':'/blobs/uploads/','times':1,'read':1000000,"

static void what_broke_in_one_piece_goes_in_chunks(void **state)
{
    struct ground *g = *state;
    static const char *const ways[] = {"'close':'before'", "'status':413", "'status':502",
                                       "'status':408"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        autoerror err = ERROR_INIT;
        autofree char *name = mem_printf("repo%zu:v1", i);
        ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
        /* the config is small and may come first: its own upload is left alone */
        rules(&g->server, "[" PUT_FAILS "%s,'large':1000000}]", ways[i]);
        assert_done(push(g, name, &err), &err);
        assert_int_equal(count_requests(&g->server, "PATCH", "/blobs/uploads/"), 3);
        expect_pulled(g, name);
    }
}

static void chunks_have_their_place_and_are_none_too_large(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','status':413,'large':1000000},"
                      "{'method':'PATCH','chunk_cap':4194304}]");
    assert_done(push(g, "repo:v1", &err), &err);
    autojson *log = requests(&g->server);
    size_t i;
    const json_t *request;
    int64_t at = 0;
    json_array_foreach (log, i, request) {
        if (!str_eq(member(request, "method"), "PATCH"))
            continue;
        int64_t n = str_number(member(request, "content_length"), INT64_MAX);
        autofree char *range = mem_printf("%lld-%lld", (long long)at, (long long)(at + n - 1));
        assert_string_equal(member(request, "content_range"), range);
        assert_in_range(n, 1, CHUNK_SIZE);
        at += n;
    }
    assert_int_equal(at, g->size);
    expect_pulled(g, "repo:v1");
}

static void a_longer_chunk_is_sent_where_it_is_wanted(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','status':413,'large':1000000},"
                      "{'method':'POST','add_headers':{'OCI-Chunk-Min-Length':'6000000'}}]");
    assert_done(push(g, "repo:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "PATCH", "/blobs/uploads/"), 2);
    expect_pulled(g, "repo:v1");
}

static void a_chunk_that_breaks_goes_on_from_what_arrived(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[" PUT_FAILS "'large':1000000,'close':'before'},"
                      "{'method':'PATCH','skip':1,'times':1,'read':3000000,'keep':true,"
                      "'close':'before'},"
                      "{'method':'PATCH','skip':1,'times':1,'close':'after'},"
                      "{'method':'PATCH','times':1,'status':503}]");
    assert_done(push(g, "repo:v1", &err), &err);
    /* two uploads were opened for it: the broken PUT's and the chunks' */
    assert_int_equal(count_requests(&g->server, "POST", "/blobs/uploads/"), 3);
    assert_in_range(count_requests(&g->server, "GET", "/blobs/uploads/"), 2, 3);
    autojson *log = requests(&g->server);
    size_t i;
    const json_t *request;
    bool resumed = false;
    json_array_foreach (log, i, request)
        resumed |= str_starts(member(request, "content_range"), "7194304-");
    assert_true(resumed);
    expect_pulled(g, "repo:v1");
}

static void a_lost_upload_starts_afresh(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[" PUT_FAILS "'large':1000000,'close':'before'},"
                      "{'method':'PATCH','skip':1,'times':1,'lose':true}]");
    assert_done(push(g, "repo:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "POST", "/blobs/uploads/"), 4);
    expect_pulled(g, "repo:v1");
}

static void a_commit_that_says_404_is_settled_by_asking(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[" PUT_FAILS "'large':1000000,'close':'before'},"
                      "{'method':'PUT','path':'digest=','times':2,'then':404}]");
    assert_done(push(g, "repo:v1", &err), &err);
    assert_int_equal(count_requests(&g->server, "POST", "/blobs/uploads/"), 3);
    expect_pulled(g, "repo:v1");
}

static void chunks_that_never_arrive_are_told(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[" PUT_FAILS "'large':1000000,'close':'before'},"
                      "{'method':'PATCH','status':403}]");
    assert_error(push(g, "repo:v1", &err), &err, ERROR_AUTH, "(403)");
    assert_int_equal(count_requests(&g->server, "PUT", "/manifests/"), 0);
}

static void a_spoiled_blob_is_never_given_its_digest(void **state)
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
    spoil_blob(fd, &m.items[0].digest);
    rules(&g->server, "[" PUT_FAILS "'large':1000000,'close':'before'}]");
    assert_int_equal(push(g, "repo:v1", &err), -1);
    assert_int_equal(err.kind, ERROR_INTEGRITY);
    autofree char *digest = mem_printf("digest=sha256%%3A%s", digest_hex(&m.items[0].digest));
    assert_int_equal(count_requests(&g->server, "PUT", digest), 1); /* the one that broke */
}

static void an_upload_is_sent_on_by_307_and_308(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'method':'POST','origin':1,'path':'/blobs/uploads/','redirect':'{2}{path}'},"
          "{'method':'PUT','origin':2,'path':'/blobs/uploads/','redirect':'{1}{path}'},"
          "{'method':'PUT','origin':1,'path':'/manifests/','status':308,"
          "'redirect':'{2}{path}'}]");
    assert_done(push(g, "repo:v1", &err), &err);
    expect_pulled(g, "repo:v1");
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','redirect':'{1}{path}'}]");
    assert_error(push(g, "endless:v1", &err), &err, ERROR_NETWORK, "more than 5 times");
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server, "[{'method':'PUT','path':'/manifests/','status':303,"
                      "'redirect':'{2}{path}'}]");
    assert_int_equal(push(g, "other:v1", &err), -1); /* not the same method there */
}

/* How many requests for a part of the layer there were. */
static size_t count_ranges(const struct ground *g)
{
    size_t i, n = 0;
    const json_t *request;
    autojson *log = requests(&g->server);
    json_array_foreach (log, i, request)
        n += strstr(member(request, "path"), g->layer.text) && *member(request, "range");
    return n;
}

static void a_slow_connection_is_joined_by_others(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    assert_done(push(g, "repo:v1", &err), &err);
    size_t before = count_descriptors();
    rules(&g->server, "[{'method':'GET','path':'%s','times':1,'pause_at':100000,'pause':1.3}]",
          g->layer.text);
    expect_pulled(g, "repo:v1");
    assert_int_equal(count_ranges(g), 5);
    assert_int_equal(count_descriptors(), before);
    /* One that is fast enough stays alone. */
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    expect_pulled(g, "repo:v1");
    assert_int_equal(count_ranges(g), 0);
}

static void what_the_others_cannot_bring_comes_over_one(void **state)
{
    struct ground *g = *state;
    static const char *const ways[] = {"'cut':100000,'times':3", "'status':404,'times':2",
                                       "'no_range':true", "'truncate':5",
                                       "'add_headers':{'Content-Range':'bytes 7-8/9'}"};
    autoerror err = ERROR_INIT;
    assert_done(push(g, "repo:v1", &err), &err);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
        rules(&g->server,
              "[{'method':'GET','path':'%s','times':1,'pause_at':100000,'pause':1.1},"
              "{'method':'GET','path':'%s','part':true,%s}]",
              g->layer.text, g->layer.text, ways[i]);
        expect_pulled(g, "repo:v1");
        assert_true(count_ranges(g) > 0);
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
        TEST(what_broke_in_one_piece_goes_in_chunks),
        TEST(chunks_have_their_place_and_are_none_too_large),
        TEST(a_longer_chunk_is_sent_where_it_is_wanted),
        TEST(a_chunk_that_breaks_goes_on_from_what_arrived),
        TEST(a_lost_upload_starts_afresh),
        TEST(a_commit_that_says_404_is_settled_by_asking),
        TEST(chunks_that_never_arrive_are_told),
        TEST(a_spoiled_blob_is_never_given_its_digest),
        TEST(an_upload_is_sent_on_by_307_and_308),
        TEST(a_slow_connection_is_joined_by_others),
        TEST(what_the_others_cannot_bring_comes_over_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
