/* Credentials against a registry with a token server: who gets them, who doesn't, and when. */
#include "server_fixture.h"
#include "transport_ops.h"

#include <pthread.h> /* for the thread sanitizer: tokens are shared */

#define BASIC "Basic dGVzdGVyOnBhc3M6d29yZA=="

static const struct transport_options known = {.user = "tester", .password = "pass:word"};
static const struct transport_options wrong = {.user = "tester", .password = "guess"};
static const struct transport_options nobody;

struct ground {
    struct fixture *f;
    struct server server;
};

static struct reference remote(const struct ground *g, const char *name)
{
    return parse_ref("%s/%s", g->server.host, name);
}

static int push(const struct ground *g, const char *name, const struct transport_options *options,
                struct error *err)
{
    autoreference from = fixture_ref(g->f, "oci", "l:v1"), to = remote(g, name);
    return copy_with(&from, &to, options, err);
}

static int pull(const struct ground *g, const char *name, const struct transport_options *options,
                struct error *err)
{
    autoreference ref = remote(g, name);
    return pull_with(&ref, options, err);
}

/* Start a registry with these options; it has repo:v1 already. */
static struct ground *start(void **state, const char *const *options)
{
    const char *argv[16] = {"python3", FAULT_REGISTRY};
    for (size_t i = 0; options[i]; i++)
        argv[i + 2] = options[i];
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    server_start(g->f, &g->server, 2, argv);
    make_layout(g->f, "l", 3, true);
    assert_done(push(g, "repo:v1", &known, &err), &err);
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    return g;
}

#define START(state, ...) start(state, (const char *const[]){__VA_ARGS__, NULL})

static int setup(void **state)
{
    struct ground *g = mem_zalloc(1, sizeof *g);
    void *fixture;
    *state = g;
    if (fixture_setup(&fixture))
        return -1;
    g->f = fixture;
    forget_environment(g->f);
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

static void without_credentials_we_are_anonymous(void **state)
{
    struct ground *g = START(state, "--auth", "token", "--anonymous-pull");
    autoerror err = ERROR_INIT;
    assert_done(pull(g, "repo:v1", &nobody, &err), &err);
    assert_int_equal(count_requests(&g->server, NULL, "/token"), 1);
    assert_int_equal(push(g, "mine:v1", &nobody, &err), -1);
    assert_int_equal(err.kind, ERROR_AUTH);
    assert_non_null(strstr(err.message, "wants credentials to push to mine (401)"));
    assert_non_null(strstr(err.hint, "imgbuild login 127.0.0.1:"));
}

/* Each of the log's entries whose path has the part has this authorization's start. */
static void expect_authorization(const struct ground *g, const char *part, int origin,
                                 const char *start_of)
{
    autojson *log = requests(&g->server);
    size_t i, n = 0;
    const json_t *r;
    json_array_foreach (log, i, r) {
        if (!strstr(member(r, "path"), part) ||
            json_integer_value(json_object_get(r, "origin")) != origin ||
            json_integer_value(json_object_get(r, "status")) == 401)
            continue;
        n++;
        if (*start_of ? !str_starts(member(r, "authorization"), start_of)
                      : *member(r, "authorization"))
            fail_msg("%s %s has “%s”", member(r, "method"), member(r, "path"),
                     member(r, "authorization"));
    }
    assert_true(n > 0);
}

static void a_password_is_shown_to_the_token_server_alone(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    assert_done(push(g, "mine:v1", &known, &err), &err);
    assert_done(pull(g, "mine:v1", &known, &err), &err);
    expect_authorization(g, "/v2/mine/", 1, "Bearer ");
    expect_authorization(g, "/token", 1, BASIC);
    assert_int_equal(count_requests(&g->server, NULL, "/token"), 2); /* one for each session */
}

static void basic_is_used_once_it_is_asked_for(void **state)
{
    struct ground *g = START(state, "--auth", "basic");
    autoerror err = ERROR_INIT;
    assert_done(pull(g, "repo:v1", &known, &err), &err);
    expect_authorization(g, "/v2/repo/", 1, BASIC);
    assert_int_equal(pull(g, "repo:v1", &wrong, &err), -1);
    assert_int_equal(err.kind, ERROR_AUTH);
    assert_non_null(strstr(err.message, "refuses the credentials from the command line (401)"));
    assert_null(strstr(err.message, "guess"));
    assert_int_equal(pull(g, "repo:v1", &nobody, &err), -1);
    assert_int_equal(err.kind, ERROR_AUTH);
    assert_non_null(strstr(err.message, "wants credentials"));
}

static void a_wrong_password_is_told_by_the_token_server(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    assert_int_equal(pull(g, "repo:v1", &wrong, &err), -1);
    assert_int_equal(err.kind, ERROR_AUTH);
    assert_non_null(strstr(err.message, "incorrect username or password"));
    assert_non_null(err.hint);
    assert_null(strstr(err.message, "guess"));
}

static void a_token_that_runs_out_in_the_middle_is_renewed(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'method':'PUT','path':'/blobs/uploads/','skip':1,'times':2,'expire':true},"
                      "{'method':'PUT','path':'/manifests/','times':1,'expire':true}]");
    assert_done(push(g, "mine:v1", &known, &err), &err);
    rules(&g->server, "[{'method':'GET','path':'/blobs/','skip':1,'times':2,'expire':true}]");
    assert_done(pull(g, "mine:v1", &known, &err), &err);
}

/* Blobs come from a storage behind the registry, whose answers say nothing about the token. */
static void a_token_that_was_only_shown_for_redirects_is_renewed(void **state)
{
    struct ground *g = START(state, "--auth", "token", "--open-storage");
    autoerror err = ERROR_INIT;
    struct transport_options one = known;
    one.jobs = 1;
    rules(&g->server, "[{'path':'/blobs/','origin':1,'skip':1,'times':1,'expire':true},"
                      "{'path':'/blobs/','origin':1,'skip':2,'times':1,'expire':true},"
                      "{'path':'/blobs/','origin':1,'redirect':'{2}{path}'}]");
    assert_done(pull(g, "repo:v1", &one, &err), &err);
    assert_int_equal(count_requests(&g->server, NULL, "/token"), 3);
    expect_authorization(g, "/blobs/", 2, "");
}

static void a_token_is_not_used_beyond_its_time(void **state)
{
    struct ground *g = START(state, "--auth", "token", "--expires-in", "1");
    autoerror err = ERROR_INIT;
    struct image_source *s;
    automanifest first = {0}, second = {0};
    autoreference ref = remote(g, "repo:v1");
    assert_done(image_source_open(&ref, &known, &s, &err), &err);
    assert_done(image_source_manifest(s, &first, &err), &err);
    nap(1100);
    assert_done(image_source_manifest(s, &second, &err), &err);
    image_source_close(s);
    autojson *log = requests(&g->server);
    size_t i, refused = 0;
    const json_t *r;
    json_array_foreach (log, i, r)
        refused +=
            json_integer_value(json_object_get(r, "status")) == 401 && *member(r, "authorization");
    assert_int_equal(refused, 0);
}

static void a_challenge_that_names_more_gets_more(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'path':'/manifests/','skip':1,'times':1,'status':401,'headers':{'WWW-Authenticate':"
          "'Bearer realm=\\'{1}/token\\',service=\\'fault\\',"
          "scope=\\'repository:extra:pull\\',error=\\'insufficient_scope\\''}}]");
    assert_done(pull(g, "repo:v1", &known, &err), &err);
    assert_int_equal(count_requests(&g->server, NULL, "/token"), 2);
    assert_int_equal(count_requests(&g->server, NULL, "scope=repository%3Aextra%3Apull"), 1);
    assert_int_equal(count_requests(&g->server, NULL, "scope=repository%3Arepo%3Apull"), 2);
}

static void a_registry_that_is_never_content_is_asked_few_times(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'path':'/manifests/','status':401,'headers':{'WWW-Authenticate':"
          "'Bearer realm=\\'{1}/token\\',service=\\'fault\\',scope=\\'repository:repo:pull\\''}}]");
    assert_int_equal(pull(g, "repo:v1", &known, &err), -1);
    assert_int_equal(err.kind, ERROR_AUTH);
    assert_int_equal(count_requests(&g->server, "GET", "/manifests/"), 2);
    assert_int_equal(count_requests(&g->server, NULL, "/token"), 1);
}

static void write_identity(const struct ground *g)
{
    autofree char *text =
        mem_printf("{\"auths\":{\"%s\":{\"auth\":\"dTo=\",\"identitytoken\":\"refresh me\"}}}",
                   g->server.host);
    write_file(g->f, ".docker/config.json", 0600, text);
}

static void an_identity_token_is_traded_by_post(void **state)
{
    struct ground *g = START(state, "--auth", "token", "--identity-token", "refresh me");
    autoerror err = ERROR_INIT;
    write_identity(g);
    assert_done(pull(g, "repo:v1", &nobody, &err), &err);
    assert_int_equal(count_requests(&g->server, "POST", "/token"), 1);
    assert_int_equal(count_requests(&g->server, "GET", "/token"), 0);
    rules(&g->server, "[{'method':'POST','path':'/token','status':404,'times':1},"
                      "{'method':'POST','path':'/token','status':405,'times':1}]");
    assert_done(pull(g, "repo:v1", &nobody, &err), &err);
    assert_done(pull(g, "repo:v1", &nobody, &err), &err);
    assert_int_equal(count_requests(&g->server, "GET", "/token"), 2);
}

static void credentials_do_not_go_along_to_another_origin(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/blobs/','origin':1,'method':'GET','redirect':'{2}{path}'},"
                      "{'path':'/blobs/','origin':2,'status':401,'times':1,'headers':"
                      "{'WWW-Authenticate':'Basic realm=\\'x\\''}}]");
    assert_error(pull(g, "repo:v1", &known, &err), &err, ERROR_AUTH, "sends us for blob");
    expect_authorization(g, "/blobs/", 1, "Bearer ");
    autojson *log = requests(&g->server);
    size_t i, n = 0;
    const json_t *r;
    json_array_foreach (log, i, r)
        if (json_integer_value(json_object_get(r, "origin")) == 2) {
            n++;
            assert_string_equal(member(r, "authorization"), "");
        }
    assert_int_equal(n, 1); /* and its 401 is not answered */
}

static void credentials_once_left_behind_stay_there(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/manifests/','origin':1,'times':1,'skip':1,'redirect':'{2}/back'},"
                      "{'path':'/back','origin':2,'redirect':'{1}/stolen'}]");
    assert_int_equal(pull(g, "repo:v1", &known, &err), -1);
    autojson *log = requests(&g->server);
    size_t i, n = 0;
    const json_t *r;
    json_array_foreach (log, i, r)
        if (str_eq(member(r, "path"), "/stolen")) {
            n++;
            assert_string_equal(member(r, "authorization"), "");
        }
    assert_true(n > 0);
}

static void an_upload_elsewhere_gets_no_credentials(void **state)
{
    struct ground *g = START(state, "--auth", "none");
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'path':'/v2/','origin':1,'method':'HEAD','times':1,'status':401,"
          "'headers':{'WWW-Authenticate':'Basic realm=\\'x\\''}},"
          "{'path':'/blobs/uploads/','origin':1,'method':'POST','location':'{2}{path}'}]");
    struct transport_options one = known;
    one.jobs = 1;
    assert_done(push(g, "mine:v1", &one, &err), &err);
    expect_authorization(g, "/blobs/uploads/", 1, BASIC);
    expect_authorization(g, "/blobs/uploads/", 2, "");
}

static void hostile_challenges_get_nothing(void **state)
{
    struct ground *g = START(state, "--auth", "none");
    static const char *const realms[] = {"http://evil.example/token", "https://169.254.169.254/",
                                         "http://u:p@127.0.0.1/token", "file:///etc/passwd", ""};
    for (size_t i = 0; i < COUNT_OF(realms); i++) {
        autoerror err = ERROR_INIT;
        rules(&g->server,
              "[{'path':'/manifests/','status':401,'times':1,'headers':{'WWW-Authenticate':"
              "'Bearer realm=\\'%s\\',service=\\'x\\''}}]",
              realms[i]);
        assert_int_equal(pull(g, "repo:v1", &known, &err), -1);
        assert_int_equal(err.kind, ERROR_AUTH);
    }
}

static void a_token_server_may_not_send_us_on(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/token','origin':1,'redirect':'{2}/token'}]");
    assert_int_equal(pull(g, "repo:v1", &known, &err), -1);
    expect_authorization(g, "/token", 1, BASIC);
    autojson *log = requests(&g->server);
    size_t i;
    const json_t *r;
    json_array_foreach (log, i, r)
        assert_int_equal(json_integer_value(json_object_get(r, "origin")), 1);
}

static void a_token_answer_is_capped(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/token','status':200,'huge':3000000,'times':1}]");
    assert_error(pull(g, "repo:v1", &known, &err), &err, ERROR_INPUT, "larger than");
}

static void a_token_server_in_trouble_is_waited_for(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'path':'/token','status':503,'times':1},{'path':'/token','cut':9,'times':1},"
          "{'path':'/token','close':'before','times':1},"
          "{'path':'/token','status':429,'headers':{'Retry-After':'5ms'},'times':1}]");
    assert_done(pull(g, "repo:v1", &known, &err), &err);
    assert_int_equal(count_requests(&g->server, NULL, "/token"), 5);
    rules(&g->server, "[{'path':'/token','status':429,'headers':{'Retry-After':'86400'}}]");
    assert_error(pull(g, "repo:v1", &known, &err), &err, ERROR_NETWORK, "gives no token");
}

/* A name may lead anywhere: what counts is the address that is connected to. */
static void a_token_is_not_fetched_from_the_machine_itself(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    autofree char *text = mem_printf("http://%s/token", g->server.host);
    autourl url = {0};
    struct http *http;
    struct http_exchange *x;
    enum http_fault fault;
    assert_done(url_parse(text, &url, &err), &err);
    assert_done(http_new(&nobody, &http, &err), &err);
    struct http_request request = {.method = "GET", .url = &url, .public_only = true};
    assert_error(http_open(http, &request, &x, &fault, &err), &err, ERROR_NETWORK, "is refused");
    assert_int_equal(fault, HTTP_FAULT_FINAL);
    http_free(http);
    assert_int_equal(count_requests(&g->server, NULL, "/token"), 0);
}

static void a_refusal_without_a_body_is_asked_for_its_reason(void **state)
{
    struct ground *g = START(state, "--auth", "token");
    autoerror err = ERROR_INIT;
    rules(&g->server,
          "[{'method':'HEAD','path':'/blobs/','status':403},"
          "{'method':'GET','path':'/blobs/','status':403,'body':"
          "'{\\'errors\\':[{\\'code\\':\\'DENIED\\',\\'message\\':\\'write_package\\'}]}'}]");
    assert_int_equal(push(g, "mine:v1", &known, &err), -1);
    assert_int_equal(err.kind, ERROR_AUTH);
    assert_non_null(strstr(err.message, "denied: write_package"));
    assert_non_null(err.hint);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (!program_exists("python3")) {
        print_message("1..1\nok 1 # SKIP needs python3\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(without_credentials_we_are_anonymous),
        TEST(a_password_is_shown_to_the_token_server_alone),
        TEST(basic_is_used_once_it_is_asked_for),
        TEST(a_wrong_password_is_told_by_the_token_server),
        TEST(a_token_that_runs_out_in_the_middle_is_renewed),
        TEST(a_token_that_was_only_shown_for_redirects_is_renewed),
        TEST(a_token_is_not_used_beyond_its_time),
        TEST(a_challenge_that_names_more_gets_more),
        TEST(a_registry_that_is_never_content_is_asked_few_times),
        TEST(an_identity_token_is_traded_by_post),
        TEST(credentials_do_not_go_along_to_another_origin),
        TEST(credentials_once_left_behind_stay_there),
        TEST(an_upload_elsewhere_gets_no_credentials),
        TEST(hostile_challenges_get_nothing),
        TEST(a_token_server_may_not_send_us_on),
        TEST(a_token_answer_is_capped),
        TEST(a_token_server_in_trouble_is_waited_for),
        TEST(a_token_is_not_fetched_from_the_machine_itself),
        TEST(a_refusal_without_a_body_is_asked_for_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
