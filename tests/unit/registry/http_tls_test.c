/* TLS: whom we trust, and that nothing steps down from it. */
#include "server_fixture.h"
#include "transport_ops.h"

#include <pthread.h> /* for the thread sanitizer: connections are shared */

struct ground {
    struct fixture *f;
    struct server server;
    char *ca;
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
    unsetenv("SSL_CERT_FILE");
    unsetenv("CURL_CA_BUNDLE");
    make_certificate(g->f);
    make_layout(g->f, "l", 3, true);
    g->ca = fixture_path(g->f, "cert.pem");
    autofree char *key = fixture_path(g->f, "key.pem");
    const char *const argv[] = {"python3", FAULT_REGISTRY, "--tls", g->ca,
                                key,       "--auth",       "token", NULL};
    server_start(g->f, &g->server, 2, argv);
    g->server.ca = g->ca;
    return 0;
}

static int teardown(void **state)
{
    struct ground *g = *state;
    server_stop(&g->server);
    void *fixture = g->f;
    free(g->ca);
    free(g);
    return fixture_teardown(&fixture);
}

static struct transport_options trusting(const struct ground *g)
{
    return (struct transport_options){
        .user = "tester", .password = "pass:word", .tls_ca = g->ca, .jobs = 1};
}

static int push(const struct ground *g, const struct transport_options *options, struct error *err)
{
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    autoreference to = parse_ref("%s/repo:v1", g->server.host);
    return copy_with(&from, &to, options, err);
}

static int pull(const struct ground *g, const struct transport_options *options, struct error *err)
{
    autoreference ref = parse_ref("%s/repo:v1", g->server.host);
    return pull_with(&ref, options, err);
}

static void an_image_goes_and_comes_over_https_with_a_token(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = trusting(g);
    assert_done(push(g, &options, &err), &err);
    options.jobs = 3;
    assert_done(pull(g, &options, &err), &err);
    assert_int_equal(count_requests(&g->server, "PUT", "/manifests/v1"), 1);
}

static void an_unknown_authority_gets_nothing(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = trusting(g);
    options.tls_ca = NULL;
    assert_int_equal(push(g, &options, &err), -1);
    assert_int_equal(err.kind, ERROR_NETWORK);
    assert_non_null(strstr(err.message, "certificate"));
    assert_non_null(strstr(err.hint, "--tls-ca"));
    assert_int_equal(count_requests(&g->server, NULL, "/"), 0);
}

static void authorities_come_from_the_usual_variable_too(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = trusting(g);
    options.tls_ca = NULL;
    setenv("SSL_CERT_FILE", g->ca, 1);
    assert_done(push(g, &options, &err), &err);
    unsetenv("SSL_CERT_FILE");
}

static void a_bundle_that_is_not_there_is_missing(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = trusting(g);
    options.tls_ca = "/nonexistent/ca.pem";
    assert_error(push(g, &options, &err), &err, ERROR_MISSING, "/nonexistent/ca.pem");
}

static void an_insecure_host_is_not_verified_but_no_other(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    const char *const hosts[] = {g->server.host, NULL}, *const others[] = {"127.0.0.1:1", NULL};
    struct transport_options options = trusting(g);
    options.tls_ca = NULL;
    options.insecure_hosts = others;
    assert_error(push(g, &options, &err), &err, ERROR_NETWORK, "certificate");
    options.insecure_hosts = hosts;
    assert_done(push(g, &options, &err), &err);
    /* Not where it sends us either. */
    rules(&g->server, "[{'method':'GET','path':'/blobs/','origin':1,'redirect':'{2}{path}'}]");
    assert_error(pull(g, &options, &err), &err, ERROR_NETWORK, "certificate");
}

static void nothing_is_followed_to_plain_http(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = trusting(g);
    assert_done(push(g, &options, &err), &err);
    rules(&g->server, "[{'method':'GET','path':'/blobs/','redirect':'http://%s{path}'}]",
          g->server.host);
    assert_error(pull(g, &options, &err), &err, ERROR_NETWORK, "not followed");
    ask(&g->server, "DELETE", "/_fault/rules", NULL, NULL);
    rules(&g->server,
          "[{'method':'HEAD','path':'/blobs/','status':404},"
          "{'method':'POST','path':'/blobs/uploads/','location':'http://%s/v2/x'}]",
          g->server.host);
    assert_error(push(g, &options, &err), &err, ERROR_NETWORK, "not followed");
    assert_int_equal(count_requests(&g->server, "PUT", "/"), 0);
}

static void a_token_is_not_fetched_over_plain_http(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = trusting(g);
    rules(&g->server,
          "[{'status':401,'path':'/v2/repo','headers':{'WWW-Authenticate':"
          "'Bearer realm=\\'http://%s/token\\',service=\\'x\\''}}]",
          g->server.host);
    assert_error(pull(g, &options, &err), &err, ERROR_AUTH, "where the registry speaks https");
    assert_int_equal(count_requests(&g->server, NULL, "/token"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (!program_exists("python3") || !program_exists("openssl")) {
        print_message("1..1\nok 1 # SKIP needs python3 and openssl\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(an_image_goes_and_comes_over_https_with_a_token),
        TEST(an_unknown_authority_gets_nothing),
        TEST(authorities_come_from_the_usual_variable_too),
        TEST(a_bundle_that_is_not_there_is_missing),
        TEST(an_insecure_host_is_not_verified_but_no_other),
        TEST(nothing_is_followed_to_plain_http),
        TEST(a_token_is_not_fetched_over_plain_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
