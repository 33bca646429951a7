/* Where a registry is looked for and whom we trust there: mirrors, proxies, certs.d, HTTP/2; and
 * whether it takes credentials at all. */
#include "server_fixture.h"
#include "transport_ops.h"

#include "login.h"

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
    make_layout(g->f, "l", 3, true);
    return 0;
}

static int teardown(void **state)
{
    struct ground *g = *state;
    server_stop(&g->server);
    void *fixture = g->f;
    free(g);
    forget_environment(fixture);
    return fixture_teardown(&fixture);
}

static void start(struct ground *g, const char *auth)
{
    const char *const argv[] = {"python3", FAULT_REGISTRY, "--auth", auth, NULL};
    server_start(g->f, &g->server, 2, argv);
}

static int push(const struct ground *g, const char *name, const struct transport_options *options,
                struct error *err)
{
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    autoreference to = parse_ref("%s/%s", g->server.host, name);
    return copy_with(&from, &to, options, err);
}

/* registries.conf, with ' as it is. */
static __attribute__((format(printf, 2, 3))) void configure(const struct ground *g,
                                                            const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    autofree char *text = mem_vprintf(format, ap);
    va_end(ap);
    autofree char *path = fixture_path(g->f, "registries.conf");
    write_file(g->f, "registries.conf", 0644, text);
    setenv("CONTAINERS_REGISTRIES_CONF", path, 1);
}

static void mirrors_come_first_and_are_passed_over_where_they_fail(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    start(g, "none");
    assert_done(push(g, "copies/repo:v1", NULL, &err), &err);
    configure(g,
              "[[registry]]\nlocation = 'registry.invalid'\n"
              "[[registry.mirror]]\nlocation = '%s/lacking'\n"
              "[[registry.mirror]]\nlocation = '%s/damaged'\n"
              "[[registry.mirror]]\nlocation = '%s/copies'\n",
              g->server.host, g->server.host, g->server.host);
    rules(&g->server, "[{'path':'/v2/damaged/','status':200,'body':'{}'}]");
    autoreference ref = parse_ref("registry.invalid/repo:v1");
    assert_done(pull_with(&ref, NULL, &err), &err);
    assert_int_equal(count_requests(&g->server, "GET", "/v2/lacking/repo/manifests/v1"), 1);
    assert_int_equal(count_requests(&g->server, "GET", "/v2/damaged/repo/manifests/v1"), 1);
    assert_int_equal(count_requests(&g->server, "GET", "/v2/copies/repo/blobs/"), 4);
    /* The registry itself is the last, and what it says is what is told. */
    configure(g,
              "[[registry]]\nprefix = 'registry.invalid'\nlocation = '%s/other'\n"
              "[[registry.mirror]]\nlocation = '%s/lacking'\n",
              g->server.host, g->server.host);
    assert_error(pull_with(&ref, NULL, &err), &err, ERROR_MISSING, "in other/repo");
    configure(g, "[[registry]]\nlocation = 'registry.invalid'\nblocked = true\n");
    assert_error(pull_with(&ref, NULL, &err), &err, ERROR_AUTH, "blocked");
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    assert_error(copy_with(&from, &ref, NULL, &err), &err, ERROR_AUTH, "blocked");
}

static void a_proxy_of_the_environment_is_asked(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    start(g, "none");
    assert_done(push(g, "repo:v1", NULL, &err), &err);
    const char *const insecure[] = {"registry.invalid", NULL};
    struct transport_options options = {.insecure_hosts = insecure};
    autofree char *proxy = mem_printf("http://%s", g->server.host);
    setenv("http_proxy", proxy, 1);
    autoreference ref = parse_ref("registry.invalid/repo:v1");
    assert_done(pull_with(&ref, &options, &err), &err);
    assert_in_range(count_requests(&g->server, "GET", "http://registry.invalid/v2/repo/"), 5, 9);
    /* Loopback is never asked of a proxy. */
    autoreference here = parse_ref("%s/repo:v1", g->server.other);
    assert_done(pull_with(&here, &options, &err), &err);
    assert_int_equal(count_requests(&g->server, NULL, g->server.other), 0);
    unsetenv("http_proxy");
}

/* A registry over TLS that asks its clients for a certificate. */
static void start_registry_with_client_certificates(struct ground *g)
{
    make_certificate(g->f);
    autofree char *config =
        mem_printf("version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n"
                   "storage: {filesystem: {rootdirectory: %s/registry}}\n"
                   "http: {addr: \"127.0.0.1:0\", tls: {certificate: %s/cert.pem, "
                   "key: %s/key.pem, clientcas: [%s/cert.pem]}}\n",
                   g->f->dir, g->f->dir, g->f->dir, g->f->dir);
    autofree char *file = fixture_path(g->f, "registry.yml");
    const char *const argv[] = {"docker-registry", "serve", file, NULL};
    write_file(g->f, "registry.yml", 0644, config);
    server_start(g->f, &g->server, 1, argv);
}

static void copy_file(const struct fixture *f, const char *from, const char *to)
{
    autoerror err = ERROR_INIT;
    autostr text = STR_INIT;
    autofree char *path = fixture_path(f, from);
    assert_done(io_read_file(AT_FDCWD, path, 1 << 20, &text, &err), &err);
    write_file(f, to, 0600, str_text(&text));
}

static void certificates_of_certs_d_are_used(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    if (!program_exists("docker-registry"))
        skip();
    start_registry_with_client_certificates(g);
    assert_int_equal(push(g, "repo:v1", NULL, &err), -1);
    assert_non_null(strstr(err.message, "certificate"));
    autofree char *place = mem_printf(".config/containers/certs.d/%s", g->server.host);
    autofree char *ca = path_join(place, "ca.crt"), *cert = path_join(place, "client.cert");
    autofree char *key = path_join(place, "client.key");
    copy_file(g->f, "cert.pem", ca);
    /* We show none. Whether the server's alert or its end arrives first is the kernel's choice. */
    assert_error(push(g, "repo:v1", NULL, &err), &err, ERROR_NETWORK, g->server.host);
    copy_file(g->f, "cert.pem", cert);
    copy_file(g->f, "key.pem", key);
    assert_done(push(g, "repo:v1", NULL, &err), &err);
    autoreference ref = parse_ref("%s/repo:v1", g->server.host);
    assert_done(pull_with(&ref, NULL, &err), &err);
}

static void http_2_is_spoken_where_the_server_does(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    if (!program_exists("docker-registry"))
        skip();
    make_certificate(g->f);
    autofree char *ca = fixture_path(g->f, "cert.pem");
    registry_start(g->f, &g->server, "", true);
    struct transport_options options = {.tls_ca = ca};
    struct http *http;
    autourl url = {0};
    autofree char *text = mem_printf("https://%s/v2/", g->server.host);
    assert_done(url_parse(text, &url, &err), &err);
    assert_done(http_new(&options, &http, &err), &err);
    struct http_request request = {.method = "GET", .url = &url};
    struct http_exchange *x;
    assert_done(http_open(http, &request, &x, NULL, &err), &err);
    assert_int_equal(http_version(x), 2);
    http_close(x);
    http_free(http);
    assert_done(push(g, "repo:v1", &options, &err), &err);
    autoreference ref = parse_ref("%s/repo:v1", g->server.host);
    assert_done(pull_with(&ref, &options, &err), &err);
}

static void a_login_is_tried_first(void **state)
{
    struct ground *g = *state;
    static const struct transport_options none;
    static const char *const ways[] = {"token", "basic"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        autoerror err = ERROR_INIT;
        start(g, ways[i]);
        assert_done(login_check(g->server.host, "tester", "pass:word", &none, &err), &err);
        assert_int_equal(login_check(g->server.host, "tester", "wrong", &none, &err), -1);
        assert_int_equal(err.kind, ERROR_AUTH);
        assert_null(strstr(err.message, "wrong"));
        server_stop(&g->server);
    }
    autoerror err = ERROR_INIT;
    start(g, "none");
    assert_done(login_check(g->server.host, "anybody", "anything", &none, &err), &err);
    assert_error(login_check("no host!", "u", "p", &none, &err), &err, ERROR_USAGE, "no host!");
}

static void one_budget_serves_all_that_speak_to_a_host(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    start(g, "none");
    struct rate_budgets *budgets = rate_budgets_new(NULL);
    struct transport_options options = {.budgets = budgets};
    struct retry *mine = rate_budgets_for(budgets, g->server.host);
    assert_ptr_equal(mine, rate_budgets_for(budgets, g->server.host));
    assert_ptr_not_equal(mine, rate_budgets_for(budgets, g->server.other));
    mine->budget = -1000; /* another transfer has used it up */
    rules(&g->server, "[{'method':'PUT','path':'/manifests/','status':503,'times':1}]");
    assert_error(push(g, "repo:v1", &options, &err), &err, ERROR_NETWORK, "(503)");
    rate_budgets_free(budgets);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (!program_exists("python3")) {
        print_message("1..1\nok 1 # SKIP needs python3\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(mirrors_come_first_and_are_passed_over_where_they_fail),
        TEST(a_proxy_of_the_environment_is_asked),
        TEST(certificates_of_certs_d_are_used),
        TEST(http_2_is_spoken_where_the_server_does),
        TEST(a_login_is_tried_first),
        TEST(one_budget_serves_all_that_speak_to_a_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
