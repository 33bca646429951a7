/* registries.conf: the TOML it is written in, and where it sends a pull. */
#include "image_fixture.h"

#include "host_certs.h"
#include "registries.h"
#include "toml.h"

static void toml_of_all_kinds_is_read(void **state)
{
    static const char text[] =
        "# a comment\r\n"
        "a = 'literal \\n' # behind\n"
        "\"b c\".d = \"tab\\t \\u00e9 \\U0001F600 \\\"q\\\"\"\n"
        "e = [1, -2,\n  +3, # in the middle\n]\n"
        "f = {g = true, h.i = false}\n"
        "m = \"\"\"\nfirst\n  second \\\n     third\"\"\"\"\n"
        "l = '''\nit's\n'''\n"
        "[t.u]\nx = 0\n"
        "[[list]]\nname = 'one'\n[list.sub]\ny = 1\n[[list]]\nname = 'two'\n";
    static const char json[] =
        "{\"a\":\"literal \\\\n\",\"b c\":{\"d\":\"tab\\t é 😀 \\\"q\\\"\"},\"e\":[1,-2,3],"
        "\"f\":{\"g\":true,\"h\":{\"i\":false}},\"m\":\"first\\n  second third\\\"\","
        "\"l\":\"it's\\n\",\"t\":{\"u\":{\"x\":0}},"
        "\"list\":[{\"name\":\"one\",\"sub\":{\"y\":1}},{\"name\":\"two\"}]}";
    autoerror err = ERROR_INIT;
    autojson *got = NULL;
    (void)state;
    assert_done(toml_parse(text, strlen(text), "t", &got, &err), &err);
    autofree char *shown = json_text(got);
    assert_string_equal(shown, json);
}

static void what_is_no_toml_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *words;
    } bad[] = {
        {"a = 'x", 1, "without its end"},
        {"\na 1", 2, "“=” is expected"},
        {"a = 1.5", 1, "no string, boolean or decimal number"},
        {"a = 2024-01-01", 1, "no string, boolean or decimal number"},
        {"a = 0x10", 1, "no string"},
        {"a = 1 b = 2", 1, "the line should end"},
        {"a = 1\na = 2", 2, "given twice"},
        {"a = 1\n[a]\nb = 1", 2, "is no table"},
        {"a = []\n[[a.b]]\n", 2, "is no table"},
        {"a = 1\n[[a]]", 2, "is no array of tables"},
        {"[a", 1, "“]” is expected"},
        {"a = [1 2]", 1, "“,” or “]”"},
        {"a = {b = 1", 1, "“,” or “}”"},
        {"a = \"\\q\"", 1, "unknown escape"},
        {"a = \"\\ud800\"", 1, "no character"},
        {"a = \"\x01\"", 1, "control character"},
        {"a = \"\xff\"", 1, "not UTF-8"},
        {"= 1", 1, "a key is expected"},
        {"a =", 1, "a value is expected"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        autoerror err = ERROR_INIT;
        autojson *got = NULL;
        assert_int_equal(toml_parse(bad[i].text, strlen(bad[i].text), "t", &got, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (err.line != bad[i].line || !strstr(err.message, bad[i].words))
            fail_msg("%s: line %u, %s", bad[i].text, err.line, err.message);
    }
    autoerror err = ERROR_INIT;
    autojson *got = NULL;
    autostr deep = STR_INIT;
    str_add(&deep, "a = ");
    for (int i = 0; i < 1000; i++)
        str_add_char(&deep, '[');
    assert_error(toml_parse(str_text(&deep), deep.len, "t", &got, &err), &err, ERROR_INPUT,
                 "too deep");
    assert_error(toml_parse("a = 1\0b", 7, "t", &got, &err), &err, ERROR_INPUT, "NUL");
}

/* The places for a name, "host/repository:tag!" where insecure, parted by blanks. */
static char *places_of(const struct registries *r, const char *name, struct error *err)
{
    autoreference ref = {0};
    struct registry_place *places;
    size_t n;
    autostr out = STR_INIT;
    assert_done(reference_parse(name, false, &ref, err), err);
    if (registries_places(r, &ref, &places, &n, err))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        autofree char *text = reference_text(&places[i].ref);
        assert_int_equal(places[i].mirror, i + 1 < n);
        str_addf(&out, "%s%s%s", i ? " " : "", text, places[i].insecure ? "!" : "");
    }
    registry_places_free(places, n);
    return str_take(&out);
}

#define DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static const char CONF[] =
    "unqualified-search-registries = ['quay.io']\n"
    "short-name-mode = 'enforcing'\n"
    "[[registry]]\n"
    "location = 'docker.io'\n"
    "[[registry.mirror]]\nlocation = 'mirror.local:5000/hub'\ninsecure = true\n"
    "[[registry.mirror]]\nlocation = 'second.local'\npull-from-mirror = 'digest-only'\n"
    "[[registry.mirror]]\nlocation = 'third.local'\npull-from-mirror = 'tag-only'\n"
    "[[registry]]\nprefix = 'docker.io/library'\nlocation = 'quay.io/copies'\n"
    "[[registry]]\nlocation = 'evil.example'\nblocked = true\n"
    "[[registry]]\nprefix = 'evil.example/good'\n"
    "[[registry]]\nprefix = '*.corp.example'\nlocation = 'corp.example:5000'\ninsecure = true\n"
    "[[registry]]\nprefix = 'x.corp.example'\n"
    "[[registry]]\nlocation = 'digest.example'\nmirror-by-digest-only = true\n"
    "mirror = [{location = 'm.example'}]\n"
    "[aliases]\n"
    "fedora = 'registry.fedoraproject.org/fedora'\n"
    "'ubi9/ubi' = 'registry.access.redhat.com/ubi9/ubi'\n"
    "evil = 'evil.example/x'\n";

static void a_pull_goes_where_the_file_says(void **state)
{
    static const struct {
        const char *name, *places;
    } cases[] = {
        {"ghcr.io/o/n:1", "ghcr.io/o/n:1"},
        {"docker.io/o/n:1", "mirror.local:5000/hub/o/n:1! third.local/o/n:1 docker.io/o/n:1"},
        {"o/n@" DIGEST,
         "mirror.local:5000/hub/o/n@" DIGEST "! second.local/o/n@" DIGEST " docker.io/o/n@" DIGEST},
        {"debian:12", "quay.io/copies/debian:12"},
        {"docker.io/libraryx/n:1",
         "mirror.local:5000/hub/libraryx/n:1! third.local/libraryx/n:1 docker.io/libraryx/n:1"},
        {"evil.example/good/n:1", "evil.example/good/n:1"},
        {"evil.example.org/n:1", "evil.example.org/n:1"},
        {"a.b.corp.example/n:1", "corp.example:5000/n:1!"},
        {"a.corp.example:81/n:1", "corp.example:5000:81/n:1!"},
        {"x.corp.example/n:1", "x.corp.example/n:1"},
        {"corp.example/n:1", "corp.example/n:1"},
        {"digest.example/n:1", "digest.example/n:1"},
        {"digest.example/n@" DIGEST, "m.example/n@" DIGEST " digest.example/n@" DIGEST},
        {"fedora", "registry.fedoraproject.org/fedora:latest"},
        {"fedora:41", "registry.fedoraproject.org/fedora:41"},
        {"docker.io/library/fedora:41", "quay.io/copies/fedora:41"},
        {"ubi9/ubi@" DIGEST, "registry.access.redhat.com/ubi9/ubi@" DIGEST},
    };
    autoerror err = ERROR_INIT;
    autoregistries *r = registries_new();
    (void)state;
    assert_done(registries_add(r, CONF, strlen(CONF), "registries.conf", &err), &err);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        autofree char *got = places_of(r, cases[i].name, &err);
        if (strstr(cases[i].places, ":5000:81")) { /* which is no host */
            assert_null(got);
            assert_int_equal(err.kind, ERROR_INPUT);
            continue;
        }
        if (!got)
            fail_msg("%s: %s", cases[i].name, err.message);
        assert_string_equal(got, cases[i].places);
    }
}

static void what_is_blocked_is_refused_both_ways(void **state)
{
    static const char *const names[] = {"evil.example/n:1", ("evil.example/n@" DIGEST), "evil"};
    autoerror err = ERROR_INIT;
    bool insecure;
    autoregistries *r = registries_new();
    (void)state;
    assert_done(registries_add(r, CONF, strlen(CONF), "registries.conf", &err), &err);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_null(places_of(r, names[i], &err));
        assert_int_equal(err.kind, ERROR_AUTH);
        assert_non_null(strstr(err.message, "blocked by registries.conf"));
    }
    autoreference push = {0};
    assert_done(reference_parse("evil.example/n:1", false, &push, &err), &err);
    assert_error(registries_check_push(r, &push, &insecure, &err), &err, ERROR_AUTH, "blocked");
    autoreference corp = {0};
    assert_done(reference_parse("a.corp.example/n:1", false, &corp, &err), &err);
    assert_done(registries_check_push(r, &corp, &insecure, &err), &err);
    assert_true(insecure);
}

static void a_file_that_says_nonsense_is_named(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"[registries.search]\nregistries = ['a']", "version 1"},
        {"[[registry]]\ninsecure = true", "without prefix and location"},
        {"[[registry]]\nlocation = 1", "location"},
        {"[[registry]]\nlocation = 'https://a.b'", "has a scheme"},
        {"[[registry]]\nlocation = 'a.b'\nblocked = 'yes'", "blocked"},
        {"[[registry]]\nprefix = 'a.*.b'", "a wildcard reads"},
        {"[[registry]]\nlocation = 'a.b'\n[[registry.mirror]]\n", "without its location"},
        {"[[registry]]\nlocation = 'a.b'\n[[registry.mirror]]\nlocation = 'c.d'\n"
         "pull-from-mirror = 'never'",
         "is one of"},
        {"[aliases]\na = 1", "is no string"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        autoerror err = ERROR_INIT;
        autoregistries *r = registries_new();
        assert_error(registries_add(r, bad[i].text, strlen(bad[i].text), "r.conf", &err), &err,
                     ERROR_INPUT, bad[i].words);
    }
    autoerror err = ERROR_INIT;
    autoregistries *r = registries_new();
    static const char text[] = "[aliases]\na = 'short'\n[[registry]]\nprefix = 'x.y'\n"
                               "location = 'nohost/n'\n";
    assert_done(registries_add(r, text, strlen(text), "r.conf", &err), &err);
    assert_null(places_of(r, "a", &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_null(places_of(r, "x.y/n", &err));
    assert_non_null(strstr(err.message, "names no host"));
}

static void put(const struct fixture *f, const char *name, const char *text)
{
    autoerror err = ERROR_INIT;
    autofree char *path = fixture_path(f, name);
    autofree char *parent = path_dir(path);
    assert_done(path_make_dirs(parent, &err), &err);
    assert_done(io_write_file(AT_FDCWD, path, text, strlen(text), 0600, 0, &err), &err);
}

static void files_are_read_in_their_order(void **state)
{
    const struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autofree char *directory = fixture_path(f, "d"), *file = fixture_path(f, "main.conf");
    setenv("HOME", f->dir, 1);
    unsetenv("XDG_CONFIG_HOME");
    put(f, ".config/containers/registries.conf", "[aliases]\na = 'home.example/a'\n");
    put(f, "d/20.conf", "[aliases]\nb = 'twenty.example/b'\n");
    put(f, "d/10.conf", "[aliases]\nb = 'ten.example/b'\na = 'ten.example/a'\n");
    put(f, "d/ignored", "nonsense");
    setenv("CONTAINERS_REGISTRIES_CONF_DIR", directory, 1);
    autoregistries *r = registries_new();
    assert_done(registries_load(r, &err), &err);
    autofree char *a = places_of(r, "a", &err), *b = places_of(r, "b", &err);
    assert_string_equal(a, "ten.example/a:latest");
    assert_string_equal(b, "twenty.example/b:latest");
    put(f, "main.conf", "[[registry]]\nprefix = 'docker.io'\nblocked = true\n");
    setenv("CONTAINERS_REGISTRIES_CONF", file, 1);
    autoregistries *other = registries_new();
    assert_done(registries_load(other, &err), &err);
    assert_null(places_of(other, "c", &err));
    unsetenv("CONTAINERS_REGISTRIES_CONF");
    unsetenv("CONTAINERS_REGISTRIES_CONF_DIR");
}

static void certificates_are_found_by_their_endings(void **state)
{
    const struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct host_certs c;
    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", f->dir, 1);
    assert_done(host_certs_find("r.example:5000", &c, &err), &err);
    assert_int_equal(c.authorities.count, 0);
    put(f, ".config/containers/certs.d/r.example:5000/ca.crt", "");
    put(f, ".config/containers/certs.d/r.example:5000/client.cert", "");
    put(f, ".config/containers/certs.d/r.example:5000/README", "");
    assert_error(host_certs_find("r.example:5000", &c, &err), &err, ERROR_INPUT, "has no key");
    put(f, ".config/containers/certs.d/r.example:5000/client.key", "");
    assert_done(host_certs_find("r.example:5000", &c, &err), &err);
    assert_int_equal(c.authorities.count, 1);
    assert_true(str_ends(c.cert, "/client.cert") && str_ends(c.key, "/client.key"));
    host_certs_release(&c);
    put(f, ".config/containers/certs.d/r.example:5000/other.key", "");
    assert_error(host_certs_find("r.example:5000", &c, &err), &err, ERROR_INPUT,
                 "has no certificate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toml_of_all_kinds_is_read),
        cmocka_unit_test(what_is_no_toml_is_named_with_its_place),
        cmocka_unit_test(a_pull_goes_where_the_file_says),
        cmocka_unit_test(what_is_blocked_is_refused_both_ways),
        cmocka_unit_test(a_file_that_says_nonsense_is_named),
        cmocka_unit_test_setup_teardown(files_are_read_in_their_order, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(certificates_are_found_by_their_endings, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
