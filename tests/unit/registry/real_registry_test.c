/* registry/pull and registry/push through a real registry on loopback. */
#include "image_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h> /* for the thread sanitizer: blobs go in parallel */
#include <signal.h>
#include <sys/socket.h>

struct server {
    struct fixture *f;
    pid_t pid;
    int port;
};

static int free_port(void)
{
    autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || getsockname(fd, (struct sockaddr *)&a, &n))
        return -1;
    return ntohs(a.sin_port);
}

static bool answers(int port)
{
    autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return !connect(fd, (struct sockaddr *)&a, sizeof a);
}

static int start(void **state)
{
    struct server *s = mem_zalloc(1, sizeof *s);
    *state = s;
    void *fixture;
    if (fixture_setup(&fixture))
        return -1;
    s->f = fixture;
    if (!program_exists("docker-registry"))
        return 0;
    s->port = free_port();
    autofree char *file = fixture_path(s->f, "config.yml");
    autofree char *config =
        mem_printf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                   "storage: {filesystem: {rootdirectory: %s/registry}}\n"
                   "http: {addr: \"127.0.0.1:%d\"}\n",
                   s->f->dir, s->port);
    if (io_write_file(AT_FDCWD, file, config, strlen(config), 0644, 0, NULL))
        return -1;
    s->pid = fork();
    if (!s->pid) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, 1);
        dup2(null, 2);
        execl("/usr/bin/docker-registry", "docker-registry", "serve", file, NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000 && !answers(s->port); i++)
        usleep(10000);
    return s->pid < 0 ? -1 : 0;
}

static int stop(void **state)
{
    struct server *s = *state;
    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        waitpid(s->pid, NULL, 0);
    }
    void *fixture = s->f;
    int failed = fixture_teardown(&fixture);
    free(s);
    return failed;
}

static struct reference remote(const struct server *s, const char *name)
{
    autoerror err = ERROR_INIT;
    struct reference ref;
    autofree char *text = mem_printf("127.0.0.1:%d/%s", s->port, name);
    assert_done(reference_parse(text, false, &ref, &err), &err);
    return ref;
}

static struct server *running(void **state)
{
    struct server *s = *state;
    if (!s->port)
        skip();
    return s;
}

static void assert_whole(const struct reference *ref, const char *arch, size_t layers)
{
    autoerror err = ERROR_INIT;
    struct memory_sink sink;
    struct platform platform;
    memory_init(&sink);
    assert_done(platform_parse(arch, &platform, &err), &err);
    struct pull_options options = {.keep_layout_fd = -1, .platform = &platform};
    autoimage image = {0};
    assert_done(image_pull(ref, &options, &sink.sink, &image, &err), &err);
    assert_int_equal(sink.count, layers);
    assert_string_equal(image.platform.arch, arch);
}

static void an_image_goes_there_and_comes_back_the_same(void **state)
{
    struct server *s = running(state);
    autoerror err = ERROR_INIT;
    struct digest d = make_layout(s->f, "l", 5, true);
    autoreference from = fixture_ref(s->f, "oci", "l");
    autoreference to = remote(s, "o/n:v1");
    struct push_result result;
    size_t before = count_descriptors();
    assert_done(copy(&from, &to, NULL, true, &result, &err), &err);
    assert_int_equal(result.blobs_uploaded, 6);
    assert_true(digest_equal(&result.digest, &d));
    assert_whole(&to, "amd64", 5);
    static const char *const kinds[] = {"oci", "oci-archive", "docker-archive"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        autofree char *name = mem_printf("back%zu:name:v1", i);
        autoreference back = fixture_ref(s->f, kinds[i], name);
        assert_done(copy(&to, &back, NULL, true, &result, &err), &err);
        assert_true(digest_equal(&result.digest, &d));
        assert_whole(&back, "amd64", 5);
    }
    assert_int_equal(count_descriptors(), before);
}

static void a_second_push_sends_nothing_and_another_repository_mounts(void **state)
{
    struct server *s = running(state);
    autoerror err = ERROR_INIT;
    make_layout(s->f, "l", 3, true);
    autoreference from = fixture_ref(s->f, "oci", "l");
    autoreference first = remote(s, "base:v1");
    autoreference second = remote(s, "o/n:v1");
    autoreference third = remote(s, "o/copy:v1");
    struct push_result result;
    assert_done(copy(&from, &first, NULL, true, &result, &err), &err);
    assert_done(copy(&from, &first, NULL, true, &result, &err), &err);
    assert_int_equal(result.blobs_uploaded, 0);
    assert_int_equal(result.blobs_present, 4);
    struct image_source *source;
    struct push_options options = {.mount_from = &first};
    assert_done(image_source_open(&from, NULL, &source, &err), &err);
    assert_done(image_copy(source, &second, NULL, true, &options, &result, &err), &err);
    image_source_close(source);
    assert_int_equal(result.blobs_uploaded, 0);
    /* From one repository of the registry to another: the source's own is mounted from. */
    assert_done(copy(&second, &third, NULL, true, &result, &err), &err);
    assert_int_equal(result.uploaded_bytes, 0);
    assert_whole(&third, "amd64", 3);
}

static void an_index_goes_whole_with_all_its_tags(void **state)
{
    struct server *s = running(state);
    autoerror err = ERROR_INIT;
    struct digest index = make_index_layout(s->f, "l", 2);
    autoreference from = fixture_ref(s->f, "oci", "l");
    autoreference to = remote(s, "o/n");
    autostrv tags = STRV_INIT;
    strv_add(&tags, "latest");
    strv_add(&tags, "1.0");
    struct push_result result;
    assert_done(copy(&from, &to, &tags, true, &result, &err), &err);
    assert_true(digest_equal(&result.digest, &index));
    static const char *const names[] = {"o/n:latest", "o/n:1.0"};
    for (size_t i = 0; i < 2; i++) {
        autoreference tagged = remote(s, names[i]);
        assert_whole(&tagged, "amd64", 2);
        assert_whole(&tagged, "arm64", 1);
    }
    autofree char *text = mem_printf("o/n@%s", index.text);
    autoreference by_digest = remote(s, text);
    assert_whole(&by_digest, "arm64", 1);
    /* A further tag, without any blob. */
    autostrv more = STRV_INIT;
    strv_add(&more, "later");
    struct image_source *source;
    automanifest root = {0};
    assert_done(image_source_open(&by_digest, NULL, &source, &err), &err);
    assert_done(image_source_manifest(source, &root, &err), &err);
    image_source_close(source);
    struct push_options options = {.mount_from = NULL};
    assert_done(image_tag(&to, &root, &more, &options, &err), &err);
    autoreference later = remote(s, "o/n:later");
    assert_whole(&later, "arm64", 1);
}

static void the_kept_image_is_compared_by_digest(void **state)
{
    struct server *s = running(state);
    autoerror err = ERROR_INIT;
    make_index_layout(s->f, "l", 2);
    make_layout(s->f, "other", 1, true);
    autoreference from = fixture_ref(s->f, "oci", "l");
    autoreference other = fixture_ref(s->f, "oci", "other");
    autoreference to = remote(s, "o/n:v1");
    assert_done(copy(&from, &to, NULL, true, NULL, &err), &err);
    autoclose int keep = open_layout(s->f, "keep");
    struct pull_options options = {.keep_layout_fd = keep, .keep_name = "kept"};
    struct memory_sink sink;
    memory_init(&sink);
    autoimage image = {0};
    assert_done(image_pull(&to, &options, &sink.sink, &image, &err), &err);
    assert_int_equal(image_kept(&to, NULL, keep, "kept", &err), 1);
    assert_done(copy(&other, &to, NULL, true, NULL, &err), &err);
    assert_int_equal(image_kept(&to, NULL, keep, "kept", &err), 0);
}

static void what_is_not_there_is_missing(void **state)
{
    struct server *s = running(state);
    autoerror err = ERROR_INIT;
    autoreference none = remote(s, "no/such:tag");
    struct pull_options options = {.keep_layout_fd = -1};
    struct image image;
    assert_error(image_pull(&none, &options, NULL, &image, &err), &err, ERROR_MISSING,
                 "no/such:tag");
}

static void skopeo_reads_what_was_pushed(void **state)
{
    struct server *s = running(state);
    if (!program_exists("skopeo"))
        skip();
    autoerror err = ERROR_INIT;
    make_index_layout(s->f, "l", 2);
    autoreference from = fixture_ref(s->f, "oci", "l");
    autoreference to = remote(s, "o/n:v1");
    assert_done(copy(&from, &to, NULL, true, NULL, &err), &err);
    autofree char *url = mem_printf("docker://127.0.0.1:%d/o/n:v1", s->port);
    autofree char *layout = mem_printf("oci:%s/theirs:v1", s->f->dir);
    const char *const argv[] = {"skopeo", "copy", "-q", "--all", "--src-tls-verify=false",
                                url,      layout, NULL};
    assert_int_equal(run_program(argv), 0);
    autoreference theirs = fixture_ref(s->f, "oci", "theirs:v1");
    assert_whole(&theirs, "arm64", 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(an_image_goes_there_and_comes_back_the_same),
        TEST(a_second_push_sends_nothing_and_another_repository_mounts),
        TEST(an_index_goes_whole_with_all_its_tags),
        TEST(the_kept_image_is_compared_by_digest),
        TEST(what_is_not_there_is_missing),
        TEST(skopeo_reads_what_was_pushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
