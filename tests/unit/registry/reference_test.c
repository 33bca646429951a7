/* registry/reference: names of images, well and badly formed. */
#include "image_fixture.h"
#include "reference.h"

static void full_forms_follow_docker(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"debian", "docker.io/library/debian:latest"},
        {"debian:12", "docker.io/library/debian:12"},
        {"owner/name", "docker.io/owner/name:latest"},
        {"index.docker.io/debian", "docker.io/library/debian:latest"},
        {"docker://ghcr.io/o/n:t", "ghcr.io/o/n:t"},
        {"ghcr.io/owner/a__b/c-d.e:Tag_1", "ghcr.io/owner/a__b/c-d.e:Tag_1"},
        {"localhost/n", "localhost/n:latest"},
        {"127.0.0.1:5000/n", "127.0.0.1:5000/n:latest"},
        {"[::1]:5000/n:x", "[::1]:5000/n:x"},
        {"oci:/a/b:v1", "oci:/a/b:v1"},
        {"oci:/a/b", "oci:/a/b"},
        {"oci-archive:a.tar:ghcr.io/o/n:t", "oci-archive:a.tar:ghcr.io/o/n:t"},
        {"docker-archive:a.tar:name:tag", "docker-archive:a.tar:name:tag"},
        {"dir:/some/root", "dir:/some/root"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoerror err = ERROR_INIT;
        autoreference ref = {0};
        assert_done(reference_parse(rows[i][0], false, &ref, &err), &err);
        autofree char *text = reference_text(&ref);
        assert_string_equal(text, rows[i][1]);
        autoreference again = {0};
        assert_done(reference_parse(text, false, &again, &err), &err);
        autofree char *same = reference_text(&again);
        assert_string_equal(same, text);
    }
}

static void a_digest_stands_for_the_tag_or_beside_it(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    autoreference plain = {0};
    autoreference both = {0};
    autoreference file = {0};
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    assert_done(reference_parse("h.io/n@sha256:" HEX, false, &plain, &err), &err);
    assert_null(plain.tag);
    assert_string_equal(plain.digest.text, "sha256:" HEX);
    assert_done(reference_parse("h.io/n:t@sha256:" HEX, false, &both, &err), &err);
    assert_string_equal(both.tag, "t");
    assert_done(reference_parse("oci:/p@sha256:" HEX, false, &file, &err), &err);
    assert_string_equal(file.path, "/p");
    assert_string_equal(digest_hex(&file.digest), HEX);
}

/* CVE-2024-3727: a digest is checked before it meets a path or a URL. */
static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "a:",
        "@",
        "a@",
        "a b",
        "a//b",
        "/a",
        "a/",
        "-a",
        "a-",
        "a..b",
        "a___b",
        "a:.t",
        "a:t/u:",
        "h.io:0/n",
        "h.io:99999/n",
        "h.io:x/n",
        "-h.io/n",
        "h..io/n",
        "[::1/n",
        "[zz]:1/n",
        "a@sha256:00",
        "a@sha256:../../../etc/passwd",
        "a@md5:" HEX,
        "a@sha256:" HEX "0",
        "a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef01234567"
        "89abcdef",
        HEX,
        "https://ghcr.io/o/n",
        "docker://",
        "oci:",
        "oci:p:",
        "oci:p:a\nb",
        "oci:p@sha256:../x",
        "dir:",
        "h.io/a\x01",
        "h.io/n:t\xc3\xa4",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        autoerror err = ERROR_INIT;
        struct reference ref = {.host = NULL};
        if (!reference_parse(bad[i], false, &ref, &err))
            fail_msg("“%s” was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_null(ref.host);
    }
}

static void long_names_are_refused(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    struct reference ref;
    autostr name = STR_INIT;
    str_add(&name, "h.io/");
    for (int i = 0; i < 300; i++)
        str_add_char(&name, 'a');
    assert_error(reference_parse(name.data, false, &ref, &err), &err, ERROR_INPUT, "longer than");
    for (int i = 0; i < 5000; i++)
        str_add_char(&name, 'a');
    assert_error(reference_parse(name.data, false, &ref, &err), &err, ERROR_INPUT, "too long");
    str_clear(&name);
    str_add(&name, "h.io/n:");
    for (int i = 0; i < 129; i++)
        str_add_char(&name, 'a');
    assert_error(reference_parse(name.data, false, &ref, &err), &err, ERROR_INPUT, "not a tag");
}

static void upper_case_names_hint_at_the_lower_case_one(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    struct reference ref;
    assert_int_equal(reference_parse("ghcr.io/Owner/Name:t", false, &ref, &err), -1);
    assert_non_null(strstr(err.hint, "owner/name"));
}

static void only_loopback_hosts_are_loopback(void **state)
{
    (void)state;
    assert_true(reference_host_is_loopback("localhost"));
    assert_true(reference_host_is_loopback("localhost:5000"));
    assert_true(reference_host_is_loopback("127.0.0.1:5000"));
    assert_true(reference_host_is_loopback("127.9.9.9"));
    assert_true(reference_host_is_loopback("[::1]:5000"));
    assert_false(reference_host_is_loopback("127.0.0.1.example.com"));
    assert_false(reference_host_is_loopback("localhost.example.com"));
    assert_false(reference_host_is_loopback("ghcr.io"));
    assert_false(reference_host_is_loopback("10.0.0.1:5000"));
    assert_false(reference_host_is_loopback("[::2]:5000"));
    assert_false(reference_host_is_loopback("[::1].example.com"));
}

static void existing_files_are_looked_at(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "layout", 1, true);
    autoreference from = fixture_ref(f, "oci", "layout");
    autoreference oci = fixture_ref(f, "oci-archive", "oci.tar");
    autoreference docker = fixture_ref(f, "docker-archive", "docker.tar");
    assert_done(copy(&from, &oci, NULL, false, NULL, &err), &err);
    assert_done(copy(&from, &docker, NULL, false, NULL, &err), &err);
    const struct {
        const char *name;
        enum reference_transport transport;
    } rows[] = {{"layout", REFERENCE_OCI_LAYOUT},
                {"oci.tar", REFERENCE_OCI_ARCHIVE},
                {"docker.tar", REFERENCE_OCI_ARCHIVE}, /* the layout in it keeps the digests */
                {".", REFERENCE_DIRECTORY}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autofree char *path = fixture_path(f, rows[i].name);
        autoreference ref = {0};
        assert_done(reference_parse(path, true, &ref, &err), &err);
        assert_int_equal(ref.transport, rows[i].transport);
        assert_string_equal(ref.path, path);
    }
    struct reference ref;
    autofree char *text = fixture_path(f, "text");
    assert_done(io_write_file(AT_FDCWD, text, "no tar", 6, 0644, 0, &err), &err);
    assert_int_equal(reference_parse(text, true, &ref, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    error_release(&err);
    autoreference absent = {0};
    assert_done(reference_parse("absent-name", true, &absent, &err), &err);
    assert_int_equal(absent.transport, REFERENCE_REGISTRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_forms_follow_docker),
        cmocka_unit_test(a_digest_stands_for_the_tag_or_beside_it),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(long_names_are_refused),
        cmocka_unit_test(upper_case_names_hint_at_the_lower_case_one),
        cmocka_unit_test(only_loopback_hosts_are_loopback),
        cmocka_unit_test_setup_teardown(existing_files_are_looked_at, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
