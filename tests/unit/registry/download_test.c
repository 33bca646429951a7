/* registry/download: a file from a web server, as ADD wants it. */
#include "download.h"
#include "server_fixture.h"

struct ground {
    struct fixture *f;
    struct server server;
};

static const struct transport_options plain;

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

struct text_sink {
    struct sink sink;
    struct str text;
};

static int text_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct text_sink *s = (struct text_sink *)self;
    (void)err;
    str_add_bytes(&s->text, bytes, n);
    return 0;
}

/* Fetch a path of the server; *text (may be NULL) gets what came. */
static int get(const struct ground *g, const char *path, char **text, int64_t *modified,
               struct error *err)
{
    struct text_sink to = {.sink = {.write = text_write}};
    int64_t ignored;
    autofree char *url = mem_printf("http://%s%s", g->server.host, path);
    int failed = download(url, &plain, &to.sink, modified ? modified : &ignored, err);
    if (text && !failed)
        *text = mem_strdup(str_text(&to.text));
    str_release(&to.text);
    return failed;
}

static void bytes_and_time_arrive(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    autofree char *text = NULL, *again = NULL;
    int64_t modified = 0;
    rules(&g->server,
          "[{'path':'/file','status':200,'body':'hello','times':1,"
          "'headers':{'Last-Modified':'Sun, 06 Nov 1994 08:49:37 GMT'}},"
          "{'path':'/file','status':200,'body':'','headers':{'Last-Modified':'soon'}}]");
    assert_done(get(g, "/file", &text, &modified, &err), &err);
    assert_string_equal(text, "hello");
    assert_int_equal(modified, 784111777);
    assert_done(get(g, "/file", &again, &modified, &err), &err);
    assert_string_equal(again, "");
    assert_int_equal(modified, -1);
}

static void redirects_are_followed_ten_times_without_credentials(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    autofree char *text = NULL;
    autofree char *config = mem_printf("{\"auths\":{\"%s\":{\"auth\":\"dTpw\"}}}", g->server.host);
    write_file(g->f, ".docker/config.json", 0600, config);
    rules(&g->server, "[{'path':'/old','origin':1,'redirect':'{2}/new'},"
                      "{'path':'/new','status':200,'body':'here'},"
                      "{'path':'/loop','redirect':'/loop'},{'path':'/lost','status':302},"
                      "{'path':'/file','redirect':'file:///etc/passwd'}]");
    assert_done(get(g, "/old", &text, NULL, &err), &err);
    assert_string_equal(text, "here");
    assert_error(get(g, "/loop", NULL, NULL, &err), &err, ERROR_NETWORK, "more than 10 redirects");
    assert_int_equal(count_requests(&g->server, "GET", "/loop"), 11);
    assert_error(get(g, "/lost", NULL, NULL, &err), &err, ERROR_NETWORK, "without a Location");
    assert_error(get(g, "/file", NULL, NULL, &err), &err, ERROR_NETWORK, "bad address");
    autojson *log = requests(&g->server);
    size_t i;
    const json_t *request;
    json_array_foreach (log, i, request)
        assert_string_equal(member(request, "authorization"), "");
}

static void trouble_that_passes_is_waited_for(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    autofree char *text = NULL;
    rules(&g->server, "[{'path':'/file','status':503,'times':1},"
                      "{'path':'/file','status':429,'headers':{'Retry-After':'5ms'},'times':1},"
                      "{'path':'/file','close':'before','times':1},"
                      "{'path':'/file','status':200,'body':'late'}]");
    assert_done(get(g, "/file", &text, NULL, &err), &err);
    assert_string_equal(text, "late");
    assert_null(err.message); /* nothing is left of what was tried */
}

static void what_is_not_there_is_missing(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/none','status':404},{'path':'/gone','status':410},"
                      "{'path':'/mine','status':403}]");
    assert_error(get(g, "/none", NULL, NULL, &err), &err, ERROR_MISSING, "404");
    assert_error(get(g, "/gone", NULL, NULL, &err), &err, ERROR_MISSING, "410");
    assert_error(get(g, "/mine", NULL, NULL, &err), &err, ERROR_NETWORK, "403");
}

static void a_file_that_is_cut_short_fails(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    rules(&g->server, "[{'path':'/file','status':200,'body':'half of it','cut':4}]");
    assert_int_equal(get(g, "/file", NULL, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_NETWORK);
}

static void secrets_of_the_address_are_not_told(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct text_sink to = {.sink = {.write = text_write}};
    int64_t modified;
    rules(&g->server, "[{'path':'/signed','status':404}]");
    assert_int_equal(get(g, "/signed?signature=secret", NULL, NULL, &err), -1);
    assert_null(strstr(err.message, "secret"));
    assert_non_null(strstr(err.message, "/signed"));
    assert_int_equal(download("http://me:secret@127.0.0.1/", &plain, &to.sink, &modified, &err),
                     -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_null(strstr(err.message, "secret"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (!program_exists("python3")) {
        print_message("1..1\nok 1 # SKIP needs python3\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(bytes_and_time_arrive),
        TEST(redirects_are_followed_ten_times_without_credentials),
        TEST(trouble_that_passes_is_waited_for),
        TEST(what_is_not_there_is_missing),
        TEST(a_file_that_is_cut_short_fails),
        TEST(secrets_of_the_address_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
