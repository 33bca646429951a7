/* registry/credentials, credential_helper and login: found where people keep them, kept as docker
 * does. */
#include "base64.h"
#include "credentials.h"
#include "login.h"
#include "server_fixture.h"

static const struct transport_options no_options;

static int setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    forget_environment(*state);
    return 0;
}

static struct credentials find(const char *host, const char *repository)
{
    struct credentials c;
    autoerror err = ERROR_INIT;
    assert_done(credentials_find(host, repository, &no_options, &c, &err), &err);
    return c;
}

static void expect(const char *host, const char *repository, const char *user, const char *password)
{
    autocredentials c = find(host, repository);
    if (!str_eq(c.user, user) || !str_eq(c.password, password))
        fail_msg("%s gets %s:%s", host, c.user ? c.user : "-", c.password ? c.password : "-");
}

static void base64_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain;
    } rows[] = {
        {"dTpw", "u:p"},    {"dTpwdw==", "u:pw"}, {"dTpwdw", "u:pw"}, {" dTpw\n", "u:p"},
        {"", ""},           {"dTp", "u:"},        {"d", NULL},        {"dTpw!", NULL},
        {"dT pw", NULL},    {"dTpwdw=", NULL},    {"AAAA", NULL},     {"=", NULL},
        {"dTpw====", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autostr out = STR_INIT;
        int failed = base64_decode(rows[i].text, &out);
        if (failed != (rows[i].plain ? 0 : -1) ||
            (rows[i].plain && strcmp(str_text(&out), rows[i].plain) != 0))
            fail_msg("“%s” gives %d “%s”", rows[i].text, failed, str_text(&out));
    }
    autofree char *text = base64_encode("u:pw", 4);
    assert_string_equal(text, "dTpwdw==");
}

static void nothing_is_found_where_nothing_is(void **state)
{
    (void)state;
    autocredentials c = find("ghcr.io", "o/n");
    assert_null(c.user);
    assert_null(c.from);
}

static void the_command_line_beats_all_else(void **state)
{
    write_file(*state, ".docker/config.json", 0600,
               "{\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}}");
    struct transport_options options = {.user = "me", .password = "mine"};
    autocredentials c = {0};
    autoerror err = ERROR_INIT;
    assert_done(credentials_find("ghcr.io", NULL, &options, &c, &err), &err);
    assert_string_equal(c.user, "me");
    assert_string_equal(c.password, "mine");
}

static void dockers_config_is_read_under_every_key_in_use(void **state)
{
    static const struct {
        const char *key, *host;
        bool found;
    } rows[] = {
        {"ghcr.io", "ghcr.io", true},
        {"https://ghcr.io", "ghcr.io", true},
        {"https://ghcr.io/", "ghcr.io", true},
        {"https://ghcr.io/v1/", "ghcr.io", true},
        {"http://127.0.0.1:5000/v2/", "127.0.0.1:5000", true},
        {"https://index.docker.io/v1/", "docker.io", true},
        {"docker.io", "docker.io", true},
        {"127.0.0.1:5000", "127.0.0.1:5001", false},
        {"127.0.0.1", "127.0.0.1:5001", false},
        {"ghcr.i", "ghcr.io", false},
        {"ghcr.io.evil.example", "ghcr.io", false},
        {"", "ghcr.io", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autofree char *text = mem_printf("{\"auths\":{\"%s\":{\"auth\":\"dTpw\"}}}", rows[i].key);
        write_file(*state, ".docker/config.json", 0600, text);
        autocredentials c = find(rows[i].host, "o/n");
        if ((c.user != NULL) != rows[i].found)
            fail_msg("%s with %s", rows[i].key, rows[i].host);
    }
}

static void the_longest_path_of_a_key_wins(void **state)
{
    write_file(*state, ".config/containers/auth.json", 0600,
               "{\"auths\":{\"quay.io\":{\"auth\":\"YTox\"}," /* a:1 */
               "\"quay.io/team\":{\"auth\":\"Yjoy\"},"        /* b:2 */
               "\"quay.io/team/app\":{\"auth\":\"Yzoz\"}}}"); /* c:3 */
    expect("quay.io", "other/app", "a", "1");
    expect("quay.io", "team/web", "b", "2");
    expect("quay.io", "team/app", "c", "3");
    expect("quay.io", "team/apple", "b", "2");
    expect("quay.io", "teams/x", "a", "1");
}

static void files_are_asked_in_their_order(void **state)
{
    struct fixture *f = *state;
    autofree char *run = fixture_path(f, "run");
    autofree char *named = fixture_path(f, "named.json");
    autofree char *docker = fixture_path(f, "docker");
    write_file(f, ".config/containers/auth.json", 0600, "{\"auths\":{\"h\":{\"auth\":\"YTox\"}}}");
    expect("h", NULL, "a", "1");
    setenv("XDG_RUNTIME_DIR", run, 1);
    write_file(f, "run/containers/auth.json", 0600, "{\"auths\":{\"h\":{\"auth\":\"Yjoy\"}}}");
    expect("h", NULL, "b", "2");
    write_file(f, ".docker/config.json", 0600, "{\"auths\":{\"h\":{\"auth\":\"Yzoz\"}}}");
    expect("h", NULL, "c", "3");
    setenv("DOCKER_CONFIG", docker, 1);
    write_file(f, "docker/config.json", 0600,
               "{\"auths\":{\"h\":{\"username\":\"d\",\"password\":\"4\"}}}");
    expect("h", NULL, "d", "4");
    setenv("REGISTRY_AUTH_FILE", named, 1);
    write_file(f, "named.json", 0600, "{\"auths\":{\"h\":{\"auth\":\"ZTo1\"}}}");
    expect("h", NULL, "e", "5");
    expect("elsewhere", NULL, NULL, NULL);
}

static void github_tokens_are_for_ghcr_alone(void **state)
{
    (void)state;
    setenv("GITHUB_TOKEN", "ghs_x", 1);
    expect("ghcr.io", "o/n", "x-access-token", "ghs_x");
    setenv("GITHUB_ACTOR", "octocat", 1);
    expect("ghcr.io", "o/n", "octocat", "ghs_x");
    expect("docker.io", "o/n", NULL, NULL);
    expect("ghcr.io.example", "o/n", NULL, NULL);
    write_file(*state, ".docker/config.json", 0600,
               "{\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}}");
    expect("ghcr.io", "o/n", "u", "p");
}

static void identity_tokens_are_found(void **state)
{
    write_file(*state, ".docker/config.json", 0600,
               "{\"auths\":{\"h\":{\"auth\":\"dTo=\",\"identitytoken\":\"refresh\"}}}");
    autocredentials c = find("h", NULL);
    assert_string_equal(c.identity_token, "refresh");
    assert_string_equal(c.user, "u");
}

static void a_bad_file_is_named_and_its_secrets_are_not(void **state)
{
    static const char *const texts[] = {
        "{\"auths\":{\"h\":{\"auth\":\"c2VjcmV0\"}}",  /* cut short */
        "{\"auths\":{\"h\":{\"auth\":\"c2VjcmV0\"}}}", /* no colon */
        "{\"auths\":{\"h\":{\"auth\":7}}}",
        "{\"auths\":[]}",
        "{\"auths\":{\"h\":{\"auth\":\"%%%\"}}}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        autocredentials c = {0};
        autoerror err = ERROR_INIT;
        write_file(*state, ".docker/config.json", 0600, texts[i]);
        assert_int_equal(credentials_find("h", NULL, &no_options, &c, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_true(strstr(err.message, "config.json") || (err.file && strstr(err.file, "config")));
        assert_null(strstr(err.message, "c2VjcmV0"));
        assert_null(err.source_line);
    }
}

/* A helper that answers from files beside it and writes down what it is told. */
static void make_helper(struct fixture *f)
{
    write_file(f, "bin/docker-credential-fake", 0755,
               "#!/bin/sh\n"
               "here=$(dirname \"$0\")\n"
               "key=$(cat)\n"
               "echo \"$1 $key\" >>\"$here/told\"\n"
               "case $1:$key in\n"
               "get:h) echo '{\"ServerURL\":\"h\",\"Username\":\"u\",\"Secret\":\"s\"}' ;;\n"
               "get:t) echo '{\"Username\":\"<token>\",\"Secret\":\"refresh\"}' ;;\n"
               "get:broken) printf 'no keyring\\033[2J\\nmore'; exit 1 ;;\n"
               "get:nonsense) echo nonsense ;;\n"
               "get:*) echo 'credentials not found in native keychain'; exit 1 ;;\n"
               "esac\n");
    autofree char *path = mem_printf("%s/bin:/usr/bin:/bin", f->dir);
    setenv("PATH", path, 1);
}

static void helper_programs_are_asked(void **state)
{
    make_helper(*state);
    write_file(*state, ".docker/config.json", 0600,
               "{\"credsStore\":\"fake\",\"auths\":{\"h\":{},\"x\":{\"auth\":\"dTpw\"}},"
               "\"credHelpers\":{\"gone.example\":\"gone\",\"evil.example\":\"../../bin/sh\"}}");
    autoerror err = ERROR_INIT;
    autocredentials c = {0}, t = find("t", NULL);
    expect("h", NULL, "u", "s");
    expect("x", NULL, "u", "p"); /* the helper has none: the file's own */
    expect("nobody", NULL, NULL, NULL);
    assert_string_equal(t.identity_token, "refresh");
    assert_error(credentials_find("broken", NULL, &no_options, &c, &err), &err, ERROR_HOST,
                 "docker-credential-fake get failed: no keyring?[2J");
    assert_int_equal(credentials_find("nonsense", NULL, &no_options, &c, &err), -1);
    assert_error(credentials_find("gone.example", NULL, &no_options, &c, &err), &err, ERROR_HOST,
                 "docker-credential-gone");
    assert_error(credentials_find("evil.example", NULL, &no_options, &c, &err), &err, ERROR_INPUT,
                 "cannot be a credential helper's name");
}

static char *read_back(struct fixture *f, const char *name)
{
    autoerror err = ERROR_INIT;
    autostr text = STR_INIT;
    autofree char *path = fixture_path(f, name);
    assert_done(io_read_file(AT_FDCWD, path, 1 << 20, &text, &err), &err);
    return str_take(&text);
}

static void login_is_found_again_and_logout_forgets_it(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct stat st;
    autofree char *path = fixture_path(f, ".docker/config.json");
    assert_done(login_store("https://GHCR.io/", "me", "pass:wörd", &err), &err);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    expect("ghcr.io", "o/n", "me", "pass:wörd");
    assert_done(login_store("docker.io", "hub", "x", &err), &err);
    expect("docker.io", "library/busybox", "hub", "x");
    autofree char *text = read_back(f, ".docker/config.json");
    assert_non_null(strstr(text, "https://index.docker.io/v1/"));
    assert_done(login_remove("ghcr.io", &err), &err);
    expect("ghcr.io", "o/n", NULL, NULL);
    expect("docker.io", "library/busybox", "hub", "x");
    assert_error(login_remove("ghcr.io", &err), &err, ERROR_MISSING, "no credentials for ghcr.io");
}

static void login_keeps_what_else_the_file_holds(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    write_file(f, ".docker/config.json", 0644,
               "{\"detachKeys\":\"ctrl-e\",\"auths\":{\"h\":{\"auth\":\"dTpw\"}},\"plugins\":{}}");
    assert_done(login_store("127.0.0.1:5000", "a", "b", &err), &err);
    autofree char *text = read_back(f, ".docker/config.json");
    assert_non_null(strstr(text, "ctrl-e"));
    assert_non_null(strstr(text, "plugins"));
    expect("h", NULL, "u", "p");
    expect("127.0.0.1:5000", NULL, "a", "b");
    autofree char *path = fixture_path(f, ".docker");
    assert_int_equal(count_entries(path), 1); /* nothing left beside it */
}

static void login_leaves_a_file_it_cannot_read_alone(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    static const char *const texts[] = {"{\"auths\":", "[]", "{\"auths\":7}"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        write_file(f, ".docker/config.json", 0600, texts[i]);
        assert_int_equal(login_store("h", "u", "p", &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        autofree char *text = read_back(f, ".docker/config.json");
        assert_string_equal(text, texts[i]);
    }
}

static void login_uses_the_helper_that_is_set_up(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_helper(f);
    write_file(f, ".docker/config.json", 0600, "{\"credsStore\":\"fake\"}");
    assert_done(login_store("ghcr.io", "me", "secret", &err), &err);
    assert_done(login_remove("ghcr.io", &err), &err);
    autofree char *told = read_back(f, "bin/told");
    assert_string_equal(told, "store {\"ServerURL\":\"ghcr.io\",\"Username\":\"me\","
                              "\"Secret\":\"secret\"}\nerase ghcr.io\n");
    autofree char *text = read_back(f, ".docker/config.json");
    assert_null(strstr(text, "secret"));
}

static void login_follows_a_symbolic_link(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    write_file(f, "dotfiles/config.json", 0600, "{}");
    write_file(f, ".docker/other", 0600, "");
    autofree char *link = fixture_path(f, ".docker/config.json");
    assert_int_equal(symlink("../dotfiles/config.json", link), 0);
    assert_done(login_store("h", "u", "p", &err), &err);
    struct stat st;
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    expect("h", NULL, "u", "p");
}

static void login_refuses_what_is_no_registry(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    static const char *const names[] = {"", "https://", "a b", "user@host", "/x", "h\n"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_error(login_store(names[i], "u", "p", &err), &err, ERROR_USAGE, "not a registry");
    assert_error(login_store("h", "a:b", "p", &err), &err, ERROR_USAGE, "colon");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(base64_is_read_strictly),
        TEST(nothing_is_found_where_nothing_is),
        TEST(the_command_line_beats_all_else),
        TEST(dockers_config_is_read_under_every_key_in_use),
        TEST(the_longest_path_of_a_key_wins),
        TEST(files_are_asked_in_their_order),
        TEST(github_tokens_are_for_ghcr_alone),
        TEST(identity_tokens_are_found),
        TEST(a_bad_file_is_named_and_its_secrets_are_not),
        TEST(helper_programs_are_asked),
        TEST(login_is_found_again_and_logout_forgets_it),
        TEST(login_keeps_what_else_the_file_holds),
        TEST(login_leaves_a_file_it_cannot_read_alone),
        TEST(login_uses_the_helper_that_is_set_up),
        TEST(login_follows_a_symbolic_link),
        TEST(login_refuses_what_is_no_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
