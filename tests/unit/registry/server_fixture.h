/* Servers on loopback for tests, each on a free port: the registry that misbehaves as told
 * (tests/registry/fault_registry.py), Debian's docker-registry, a token server. */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include "image_fixture.h"

#include "http.h"
#include "retry.h"

#include <ctype.h>
#include <signal.h>
#include <time.h>

#define FAULT_REGISTRY FIXTURES "/../registry/fault_registry.py"
#define TOKEN_SERVER FIXTURES "/../registry/token_server.py"

struct server {
    pid_t pid;
    int input;      /* the server ends when this is closed, should we die */
    char host[32];  /* "127.0.0.1:PORT" */
    char other[32]; /* of a second port, where it has one */
    const char *ca; /* it speaks https, with this certificate */
};

UNUSED static void nap(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* The addresses that the server says it listens on: `wanted` of them. */
UNUSED static bool find_hosts(const char *log, struct server *s, int wanted)
{
    autostr text = STR_INIT;
    autoerror err = ERROR_INIT;
    if (io_read_file(AT_FDCWD, log, 1 << 20, &text, &err))
        return false;
    const char *at = strstr(str_text(&text), "listening on ");
    for (int i = 0; at && i < wanted; i++) {
        at = strstr(at, "127.0.0.1:");
        size_t n = at ? strspn(at, "0123456789.:") : 0;
        if (!n || !at[n]) /* the line is not whole yet */
            return false;
        snprintf(i ? s->other : s->host, sizeof s->host, "%.*s", (int)n, at);
        at += n;
    }
    return at != NULL;
}

/* Start argv with its output in a file below f, and wait until it listens. */
UNUSED static void server_start(const struct fixture *f, struct server *s, int hosts,
                                const char *const *argv)
{
    extern char **environ;
    static int number;
    int pipe_fds[2];
    autofree char *log = mem_printf("%s/server-%d.log", f->dir, number++);
    posix_spawn_file_actions_t actions;
    *s = (struct server){.input = -1};
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fds[0], 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    int failed = posix_spawnp(&s->pid, argv[0], &actions, NULL, (char **)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[0]);
    s->input = pipe_fds[1];
    assert_int_equal(failed, 0);
    for (int i = 0; i < 500 && !find_hosts(log, s, hosts); i++)
        nap(20);
    if (!s->host[0])
        fail_msg("%s does not listen: see %s", argv[0], log);
}

UNUSED static void server_stop(struct server *s)
{
    if (s->pid <= 0)
        return;
    close(s->input);
    kill(s->pid, SIGTERM);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

/* Ask the server itself, past all that is tested. */
UNUSED static void ask(const struct server *s, const char *method, const char *path,
                       const char *body, struct str *answer)
{
    const struct transport_options trusting = {.tls_ca = s->ca};
    autoerror err = ERROR_INIT;
    autourl url = {0};
    autofree char *text = mem_printf("http%s://%s%s", s->ca ? "s" : "", s->host, path);
    struct http *http;
    struct http_exchange *x;
    assert_done(url_parse(text, &url, &err), &err);
    assert_done(http_new(&trusting, &http, &err), &err);
    struct http_request request = {
        .method = method, .url = &url, .body = body, .body_size = body ? (int64_t)strlen(body) : 0};
    assert_done(http_open(http, &request, &x, NULL, &err), &err);
    assert_in_range(http_status(x), 200, 204);
    autostr ignored = STR_INIT;
    assert_done(http_read_all(x, 1 << 24, "answer", answer ? answer : &ignored, &err), &err);
    http_close(x);
    http_free(http);
}

/* A file below the fixture's directory, its parents too. */
UNUSED static void write_file(const struct fixture *f, const char *name, mode_t mode,
                              const char *text)
{
    autoerror err = ERROR_INIT;
    autofree char *path = fixture_path(f, name);
    autofree char *parent = path_dir(path);
    assert_done(path_make_dirs(parent, &err), &err);
    assert_done(io_write_file(AT_FDCWD, path, text, strlen(text), mode, 0, &err), &err);
}

/* A key and a certificate for 127.0.0.1, key.pem and cert.pem below f. */
UNUSED static void make_certificate(const struct fixture *f)
{
    autofree char *key = fixture_path(f, "key.pem"), *cert = fixture_path(f, "cert.pem");
    const char *const argv[] = {"sh",
                                "-c",
                                "exec \"$@\" 2>/dev/null",
                                "sh",
                                "openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "rsa:2048",
                                "-nodes",
                                "-subj",
                                "/CN=test",
                                "-addext",
                                "subjectAltName=IP:127.0.0.1",
                                "-days",
                                "2",
                                "-keyout",
                                key,
                                "-out",
                                cert,
                                NULL};
    if (run_program(argv))
        fail_msg("openssl makes no certificate");
}

/* Debian's docker-registry with an `auth:` section (may be empty); over TLS where tls. */
UNUSED static void registry_start(const struct fixture *f, struct server *s, const char *auth,
                                  bool tls)
{
    static int number;
    autofree char *name = mem_printf("registry-%d.yml", number++);
    autofree char *file = fixture_path(f, name);
    autofree char *certificate =
        tls ? mem_printf(", tls: {certificate: %s/cert.pem, key: %s/key.pem}", f->dir, f->dir)
            : mem_strdup("");
    autofree char *config = mem_printf("version: 0.1\n%s\n"
                                       "log: {level: info, accesslog: {disabled: true}}\n"
                                       "storage: {filesystem: {rootdirectory: %s/registry}}\n"
                                       "http: {addr: \"127.0.0.1:0\"%s}\n",
                                       auth, f->dir, certificate);
    const char *const argv[] = {"docker-registry", "serve", file, NULL};
    write_file(f, name, 0644, config);
    server_start(f, s, 1, argv);
}

/* Rules for the fault registry, as JSON with ' for ". */
UNUSED static __attribute__((format(printf, 2, 3))) void rules(const struct server *s,
                                                               const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    autofree char *text = mem_vprintf(format, ap);
    va_end(ap);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    ask(s, "POST", "/_fault/rules", text, NULL);
}

/* The requests it has answered so far. */
UNUSED static json_t *requests(const struct server *s)
{
    autostr text = STR_INIT;
    autoerror err = ERROR_INIT;
    json_t *log = NULL;
    ask(s, "GET", "/_fault/requests", NULL, &text);
    assert_done(json_parse(str_text(&text), text.len, "log", &log, &err), &err);
    return log;
}

UNUSED static const char *member(const json_t *request, const char *name)
{
    const char *value = json_string_value(json_object_get(request, name));
    return value ? value : "";
}

/* How many of them had this method (NULL: any) and this in their path. */
UNUSED static size_t count_requests(const struct server *s, const char *method, const char *part)
{
    size_t i, n = 0;
    const json_t *request;
    autojson *log = requests(s);
    json_array_foreach (log, i, request)
        n += (!method || str_eq(member(request, "method"), method)) &&
             strstr(member(request, "path"), part);
    return n;
}

UNUSED static __attribute__((format(printf, 1, 2))) struct reference parse_ref(const char *format,
                                                                               ...)
{
    va_list ap;
    struct reference ref;
    autoerror err = ERROR_INIT;
    va_start(ap, format);
    autofree char *text = mem_vprintf(format, ap);
    va_end(ap);
    assert_done(reference_parse(text, false, &ref, &err), &err);
    return ref;
}

/* No credentials but those that a test gives. */
UNUSED static void forget_environment(const struct fixture *f)
{
    static const char *const names[] = {"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
                                        "DOCKER_CONFIG",      "GITHUB_TOKEN",    "GITHUB_ACTOR",
                                        "http_proxy",         "no_proxy"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(names[i]);
    setenv("HOME", f->dir, 1);
    setenv("IMGBUILD_RETRY_MS", "10", 1);
    setenv("CONTAINERS_REGISTRIES_CONF", "/nonexistent", 1);
    setenv("CONTAINERS_REGISTRIES_CONF_DIR", "/nonexistent", 1);
    signal(SIGPIPE, SIG_IGN);
}

/* Copy with options; the layout "l" of f under v1 is the usual source. */
UNUSED static int copy_with(const struct reference *from, const struct reference *to,
                            const struct transport_options *transport, struct error *err)
{
    struct image_source *source;
    struct push_options options = {.transport = transport};
    struct push_result result;
    if (image_source_open(from, transport, &source, err))
        return -1;
    int failed = image_copy(source, to, NULL, true, &options, &result, err);
    image_source_close(source);
    return failed;
}

/* Fetch all layers of an image into a sink that checks nothing itself. */
UNUSED static int pull_with(const struct reference *ref, const struct transport_options *transport,
                            struct error *err)
{
    struct pull_options options = {.transport = transport, .keep_layout_fd = -1};
    struct memory_sink sink;
    autoimage image = {0};
    memory_init(&sink);
    if (image_pull(ref, &options, &sink.sink, &image, err))
        return -1;
    assert_int_equal(sink.count, image.layer_count);
    return 0;
}

#endif
