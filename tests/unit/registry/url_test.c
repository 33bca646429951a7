/* registry/url and registry/curl_api: origins, redirects, and libcurl only when needed. */
#include "curl_api.h"
#include "image_fixture.h"
#include "url.h"

static bool libcurl_is_loaded(void)
{
    autofree char *maps = mem_alloc(1 << 20);
    autoclose int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t n = io_read(fd, maps, (1 << 20) - 1);
    assert_true(n > 0);
    maps[n] = '\0';
    return strstr(maps, "libcurl") != NULL;
}

static void libcurl_is_loaded_when_first_needed(void **state)
{
    (void)state;
    const struct curl_api *curl, *again;
    autoerror err = ERROR_INIT;
    assert_false(libcurl_is_loaded());
    assert_done(curl_api_get(&curl, &err), &err);
    assert_true(libcurl_is_loaded());
    assert_done(curl_api_get(&again, &err), &err);
    assert_ptr_equal(curl, again);
}

static struct url parse(const char *text)
{
    struct url u;
    autoerror err = ERROR_INIT;
    assert_done(url_parse(text, &u, &err), &err);
    return u;
}

static void the_parts_of_a_url_are_told_apart(void **state)
{
    (void)state;
    autourl u = parse("https://Registry.Example:8443/v2/a?b=c#d");
    assert_string_equal(u.scheme, "https");
    assert_string_equal(u.host, "registry.example");
    assert_string_equal(u.port, "8443");
    assert_string_equal(u.path, "/v2/a");
    assert_null(strchr(u.text, '#'));
    autourl six = parse("http://[::1]:5000/");
    assert_string_equal(six.host, "[::1]");
    assert_true(url_is_loopback(&six));
    assert_true(url_is_address(&six));
    autourl odd = parse("http://0x7f000001/");
    assert_true(url_is_loopback(&odd));
}

static void hostile_urls_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",         "ftp://host/",           "file:///etc/passwd",     "https://user:pw@host/",
        "https://", "https://host:99999/",   "https://ho st/",         "https://host/a\r\nX: y",
        "//host/",  "https://user@host/v2/", "gopher://127.0.0.1:70/", "https://host\x01/",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        autourl u = {0};
        autoerror err = ERROR_INIT;
        if (!url_parse(texts[i], &u, &err))
            fail_msg("“%s” is taken as %s", texts[i], u.text);
        assert_int_equal(err.kind, ERROR_INPUT);
    }
    autofree char *long_one = mem_alloc(40000);
    memset(long_one, 'a', 39999);
    memcpy(long_one, "https://host/", 13);
    long_one[39999] = '\0';
    autourl u = {0};
    autoerror err = ERROR_INIT;
    assert_error(url_parse(long_one, &u, &err), &err, ERROR_INPUT, "longer than");
}

static void an_origin_is_scheme_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *other;
        bool same;
    } rows[] = {
        {"https://host/other?x=y", true}, {"https://HOST:443/", true}, {"http://host/", false},
        {"https://host:444/", false},     {"https://hos/", false},     {"https://host.a/", false},
        {"http://host:443/", false},
    };
    autourl u = parse("https://host/v2/");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autourl other = parse(rows[i].other);
        assert_int_equal(url_same_origin(&u, &other), rows[i].same);
    }
}

static void locations_are_taken_relative_to_where_they_came_from(void **state)
{
    (void)state;
    static const struct {
        const char *location, *result;
    } rows[] = {
        {"/v2/a/blobs/upload/1", "https://host:5000/v2/a/blobs/upload/1"},
        {"upload/1?state=x", "https://host:5000/v2/o/n/upload/1?state=x"},
        {"https://other/x", "https://other/x"},
        {"//other/x", "https://other/x"},
        {"../y", "https://host:5000/v2/o/y"},
        {"sha256%3Aab", "https://host:5000/v2/o/n/sha256%3Aab"},
    };
    autourl base = parse("https://host:5000/v2/o/n/uploads");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autourl u = {0};
        autoerror err = ERROR_INIT;
        assert_done(url_resolve(&base, rows[i].location, &u, &err), &err);
        assert_string_equal(u.text, rows[i].result);
    }
}

static void nothing_steps_down_from_tls(void **state)
{
    (void)state;
    autourl base = parse("https://host/"), plain = parse("http://127.0.0.1/"), u = {0};
    autoerror err = ERROR_INIT;
    assert_error(url_resolve(&base, "http://host/", &u, &err), &err, ERROR_NETWORK, "not followed");
    assert_error(url_resolve(&base, "http://127.0.0.1/", &u, &err), &err, ERROR_NETWORK,
                 "not followed");
    assert_done(url_resolve(&plain, "https://host/", &u, &err), &err);
}

static void queries_are_added_escaped_and_not_shown(void **state)
{
    (void)state;
    autourl u = parse("https://host/up?state=secret"), more = {0};
    autoerror err = ERROR_INIT;
    assert_done(url_add_query(&u, "digest", "sha256:ab&c", &more, &err), &err);
    assert_string_equal(more.text, "https://host/up?state=secret&digest=sha256%3Aab%26c");
    autofree char *shown = url_shown(&more);
    assert_string_equal(shown, "https://host/up");
}

static void passwords_in_urls_are_not_shown(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"https://user:pw@host/x?y=z", "https://host/x"},
        {"https://a@b:pw@host", "https://host"},
        {"user:pw@host/x", "host/x"},
        {"//user:pw@host/x", "//host/x"},
        {"https://host/a@b", "https://host/a@b"},
        {"https://host/\x1b[2J", "https://host/?[2J"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autofree char *shown = url_shown_text(rows[i].text);
        assert_string_equal(shown, rows[i].shown);
    }
    autourl u = {0};
    autoerror err = ERROR_INIT;
    assert_int_equal(url_parse("https://user:pw@host/", &u, &err), -1);
    assert_null(strstr(err.message, "pw"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libcurl_is_loaded_when_first_needed),
        cmocka_unit_test(the_parts_of_a_url_are_told_apart),
        cmocka_unit_test(hostile_urls_are_refused),
        cmocka_unit_test(an_origin_is_scheme_host_and_port),
        cmocka_unit_test(locations_are_taken_relative_to_where_they_came_from),
        cmocka_unit_test(nothing_steps_down_from_tls),
        cmocka_unit_test(queries_are_added_escaped_and_not_shown),
        cmocka_unit_test(passwords_in_urls_are_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
