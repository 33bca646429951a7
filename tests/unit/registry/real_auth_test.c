/* Credentials against Debian's docker-registry: a token server, basic auth over TLS, and every
 * place where people keep them. */
#include "server_fixture.h"
#include "transport_ops.h"

#include "blob_upload.h"
#include "chunked_upload.h"

#include <pthread.h> /* for the thread sanitizer: tokens are shared */

struct ground {
    struct fixture *f;
    struct server registry, tokens;
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
    make_certificate(g->f);
    g->ca = fixture_path(g->f, "cert.pem");
    make_layout(g->f, "l", 3, true);
    return 0;
}

static int teardown(void **state)
{
    struct ground *g = *state;
    server_stop(&g->registry);
    server_stop(&g->tokens);
    void *fixture = g->f;
    free(g->ca);
    free(g);
    return fixture_teardown(&fixture);
}

static void start_with_tokens(struct ground *g)
{
    autofree char *key = fixture_path(g->f, "key.pem");
    const char *const argv[] = {"python3", TOKEN_SERVER,       "--key", key, "--cert",
                                g->ca,     "--anonymous-pull", NULL};
    server_start(g->f, &g->tokens, 1, argv);
    autofree char *auth =
        mem_printf("auth: {token: {realm: \"http://%s/token\", service: registry, "
                   "issuer: tester, rootcertbundle: %s}}",
                   g->tokens.host, g->ca);
    registry_start(g->f, &g->registry, auth, false);
}

/* tester with "secret", in bcrypt. */
static void start_with_basic(struct ground *g)
{
    write_file(g->f, "htpasswd", 0600,
               "tester:$2y$05$Qv0UL4E/cWsg1UMFeTZYauCbZPJcBuLCqRwY5ng4EYgh7TQIs7sQ.\n");
    autofree char *auth =
        mem_printf("auth: {htpasswd: {realm: test, path: %s/htpasswd}}", g->f->dir);
    registry_start(g->f, &g->registry, auth, true);
}

static int push(const struct ground *g, const char *name, const struct transport_options *options,
                struct error *err)
{
    autoreference from = fixture_ref(g->f, "oci", "l:v1");
    autoreference to = parse_ref("%s/%s", g->registry.host, name);
    return copy_with(&from, &to, options, err);
}

static int pull(const struct ground *g, const char *name, const struct transport_options *options,
                struct error *err)
{
    autoreference ref = parse_ref("%s/%s", g->registry.host, name);
    return pull_with(&ref, options, err);
}

static void a_token_server_grants_what_each_may(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options known = {.user = "tester", .password = "pass:word"};
    struct transport_options wrong = {.user = "tester", .password = "guess"}, nobody = {.jobs = 1};
    start_with_tokens(g);
    assert_done(push(g, "o/n:v1", &known, &err), &err);
    assert_done(pull(g, "o/n:v1", &known, &err), &err);
    assert_done(pull(g, "o/n:v1", &nobody, &err), &err);
    assert_error(push(g, "o/n:v2", &nobody, &err), &err, ERROR_AUTH, "wants credentials to push");
    assert_error(pull(g, "o/n:v1", &wrong, &err), &err, ERROR_AUTH, "incorrect username");
    /* Blobs of a neighbour are mounted: a token for both repositories. */
    autoreference from = parse_ref("%s/o/n:v1", g->registry.host);
    autoreference to = parse_ref("%s/o/m:v1", g->registry.host);
    struct image_source *source;
    struct push_options options = {.transport = &known, .mount_from = &from};
    struct push_result result;
    assert_done(image_source_open(&from, &known, &source, &err), &err);
    assert_done(image_copy(source, &to, NULL, true, &options, &result, &err), &err);
    image_source_close(source);
    assert_int_equal(result.blobs_uploaded, 0);
}

static void basic_over_tls_with_dockers_config(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = {.tls_ca = g->ca};
    start_with_basic(g);
    assert_error(push(g, "o/n:v1", &options, &err), &err, ERROR_AUTH, "wants credentials");
    autofree char *config = /* tester:secret */
        mem_printf("{\"auths\":{\"%s\":{\"auth\":\"dGVzdGVyOnNlY3JldA==\"}}}", g->registry.host);
    write_file(g->f, ".docker/config.json", 0600, config);
    assert_done(push(g, "o/n:v1", &options, &err), &err);
    assert_done(pull(g, "o/n:v1", &options, &err), &err);
}

static void basic_over_tls_with_a_credential_helper(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = {.tls_ca = g->ca};
    start_with_basic(g);
    write_file(g->f, "bin/docker-credential-test", 0755,
               "#!/bin/sh\necho '{\"Username\":\"tester\",\"Secret\":\"secret\"}'\n");
    autofree char *path = mem_printf("%s/bin:%s", g->f->dir, getenv("PATH"));
    autofree char *config = mem_printf("{\"credHelpers\":{\"%s\":\"test\"}}", g->registry.host);
    write_file(g->f, ".docker/config.json", 0600, config);
    autofree char *before = mem_strdup(getenv("PATH"));
    setenv("PATH", path, 1);
    int failed = push(g, "o/n:v1", &options, &err);
    setenv("PATH", before, 1);
    assert_done(failed, &err);
}

static int open_text(void *context, struct source **out, struct error *err)
{
    const struct str *text = context;
    (void)err;
    *out = source_from_bytes(text->data, text->len);
    return 0;
}

/* In chunks, and the registry tells how far an upload got. */
static void chunks_arrive_and_the_registry_tells_how_far(void **state)
{
    struct ground *g = *state;
    struct transport_options options = {.user = "tester", .password = "secret", .tls_ca = g->ca};
    autoerror err = ERROR_INIT, problem = ERROR_INIT;
    start_with_basic(g);
    autoreference ref = parse_ref("%s/chunks", g->registry.host);
    struct session *s;
    autostr text = STR_INIT;
    for (int i = 0; i < 700 * 1000; i++)
        str_addf(&text, "%09d\n", i);
    struct descriptor d = {.size = (int64_t)text.len};
    digest_bytes(text.data, text.len, &d.digest);
    assert_done(session_new_push(&ref, &options, SESSION_PUSH, &s, &err), &err);
    struct session_request begin = {.method = "POST", .path = "chunks/blobs/uploads/"};
    autoexchange *x = NULL;
    autourl place = {0};
    assert_done(session_send(s, &begin, &x, &err), &err);
    assert_int_equal(http_status(x), 202);
    assert_done(session_location(x, &place, &err), &err);
    struct chunked_upload upload = {
        .session = s, .descriptor = &d, .open_blob = open_text, .context = &text, .what = "blob"};
    int64_t after = -1, at = -1;
    assert_done(chunked_upload_send(&upload, &place, &problem, &after, &err), &err);
    assert_int_equal(chunked_upload_status(s, &place, &at, &err), 1);
    assert_int_equal(at, text.len);
    autourl commit = {0};
    assert_done(url_add_query(&place, "digest", d.digest.text, &commit, &err), &err);
    struct session_request put = {.method = "PUT", .url = &commit};
    autoexchange *done = NULL;
    assert_done(session_send(s, &put, &done, &err), &err);
    assert_int_equal(http_status(done), 201);
    assert_int_equal(blob_exists(s, &d.digest, &err), 1);
    assert_int_equal(chunked_upload_status(s, &place, &at, &err), 0); /* it is over */
    http_close(take(&done));
    http_close(take(&x));
    session_free(s);
}

static void wrong_credentials_name_the_file_they_are_from(void **state)
{
    struct ground *g = *state;
    autoerror err = ERROR_INIT;
    struct transport_options options = {.tls_ca = g->ca};
    start_with_basic(g);
    autofree char *config = /* tester:guess */
        mem_printf("{\"auths\":{\"%s\":{\"auth\":\"dGVzdGVyOmd1ZXNz\"}}}", g->registry.host);
    write_file(g->f, "auth.json", 0600, config);
    autofree char *file = fixture_path(g->f, "auth.json");
    setenv("REGISTRY_AUTH_FILE", file, 1);
    assert_error(push(g, "o/n:v1", &options, &err), &err, ERROR_AUTH, file);
    unsetenv("REGISTRY_AUTH_FILE");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (!program_exists("docker-registry") || !program_exists("openssl") ||
        !program_exists("python3")) {
        print_message("1..1\nok 1 # SKIP needs docker-registry, openssl and python3\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_token_server_grants_what_each_may),
        TEST(basic_over_tls_with_dockers_config),
        TEST(basic_over_tls_with_a_credential_helper),
        TEST(chunks_arrive_and_the_registry_tells_how_far),
        TEST(wrong_credentials_name_the_file_they_are_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
