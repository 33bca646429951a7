/* registry/challenge, registry/token, registry/auth's scopes and registry/response_error: what
 * registries say, well or badly. */
#include "auth.h"
#include "challenge.h"
#include "image_fixture.h"
#include "response_error.h"
#include "token.h"

static void a_bearer_challenge_is_read(void **state)
{
    (void)state;
    autochallenge c = {0};
    challenge_parse("Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\","
                    "scope=\"repository:o/n:pull,push\"",
                    &c);
    assert_true(c.bearer);
    assert_false(c.basic);
    assert_string_equal(c.realm, "https://ghcr.io/token");
    assert_string_equal(c.service, "ghcr.io");
    assert_string_equal(c.scope, "repository:o/n:pull,push");
}

static void challenges_are_read_in_many_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool basic, bearer;
        const char *realm;
    } rows[] = {
        {"Basic realm=\"x\"", true, false, NULL},
        {"basic", true, false, NULL},
        {"BEARER REALM=\"https://a/\"", false, true, "https://a/"},
        {"Basic realm=\"x\", Bearer realm=\"https://a/\"", true, true, "https://a/"},
        {"Bearer realm=\"https://a/\", Basic realm=\"x\"", true, true, "https://a/"},
        {"Bearer realm=https://a/", false, true, "https://a/"},
        {"Bearer realm = \"https://a/\" , service=b", false, true, "https://a/"},
        {"Bearer realm=\"https://a/?x=\\\"y\\\"\"", false, true, "https://a/?x=\"y\""},
        {"Bearer realm=\"https://a/\", Bearer realm=\"https://b/\"", false, true, "https://a/"},
        {"Negotiate, Basic realm=\"x\"", true, false, NULL},
        {"Bearer realm=\"open", false, true, NULL},
        {"Bearer", false, true, NULL},
        {"", false, false, NULL},
        {",,, ,", false, false, NULL},
        {"\"Basic\"", false, false, NULL},
        {"Bearer =x", false, true, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autochallenge c = {0};
        challenge_parse(rows[i].header, &c);
        if (c.basic != rows[i].basic || c.bearer != rows[i].bearer ||
            !str_eq(c.realm, rows[i].realm))
            fail_msg("“%s”: basic %d, bearer %d, realm %s", rows[i].header, c.basic, c.bearer,
                     c.realm ? c.realm : "none");
    }
}

static bool realm_is_taken(const char *registry, const char *realm)
{
    autourl r = {0}, found = {0};
    autoerror err = ERROR_INIT;
    assert_done(url_parse(registry, &r, &err), &err);
    autochallenge c = {.bearer = true, .realm = mem_strdup(realm)};
    if (!challenge_realm(&c, &r, &found, &err))
        return true;
    assert_int_equal(err.kind, ERROR_AUTH);
    return false;
}

static void hostile_realms_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *registry, *realm;
        bool taken;
    } rows[] = {
        {"https://ghcr.io/v2/", "https://ghcr.io/token", true},
        {"https://registry-1.docker.io/v2/", "https://auth.docker.io/token", true},
        {"https://ghcr.io/v2/", "http://ghcr.io/token", false},
        {"https://ghcr.io/v2/", "https://user:pw@ghcr.io/token", false},
        {"https://ghcr.io/v2/", "https://169.254.169.254/latest", false},
        {"https://ghcr.io/v2/", "https://0xa9fea9fe/latest", false},
        {"https://ghcr.io/v2/", "https://127.0.0.1/token", false},
        {"https://ghcr.io/v2/", "https://localhost/token", false},
        {"https://ghcr.io/v2/", "https://[::1]/token", false},
        {"https://ghcr.io/v2/", "ftp://ghcr.io/token", false},
        {"https://ghcr.io/v2/", "file:///etc/passwd", false},
        {"https://ghcr.io/v2/", "/token", false},
        {"http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/token", true},
        {"http://127.0.0.1:5000/v2/", "http://evil.example/token", false},
        {"http://10.0.0.5:5000/v2/", "http://10.0.0.5:5001/token", true},
        {"http://10.0.0.5:5000/v2/", "http://10.0.0.6/token", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (realm_is_taken(rows[i].registry, rows[i].realm) != rows[i].taken)
            fail_msg("%s with %s", rows[i].registry, rows[i].realm);
}

static void credentials_go_to_the_registrys_own_site_alone(void **state)
{
    (void)state;
    static const struct {
        const char *registry, *realm;
        bool trusted;
    } rows[] = {
        {"https://ghcr.io", "https://ghcr.io/token", true},
        {"https://registry-1.docker.io", "https://auth.docker.io", true},
        {"https://registry.gitlab.com", "https://gitlab.com/jwt/auth", true},
        {"https://registry.example.co.uk", "https://auth.example.co.uk", true},
        {"https://registry.example.co.uk", "https://evil.co.uk", false},
        {"https://example.co.uk", "https://evil.co.uk", false},
        {"https://ghcr.io", "https://evil.io", false},
        {"https://ghcr.io", "https://ghcr.io.evil.com", false},
        {"https://ghcr.io", "https://notghcr.io", false},
        {"https://10.0.0.1", "https://evil.0.1.example", false},
        {"http://127.0.0.1:5000", "http://127.0.0.1:5001", true},
        {"https://10.0.0.1", "https://10.1.0.1", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autourl registry = {0}, realm = {0};
        autoerror err = ERROR_INIT;
        assert_done(url_parse(rows[i].registry, &registry, &err), &err);
        assert_done(url_parse(rows[i].realm, &realm, &err), &err);
        if (challenge_realm_trusted(&registry, &realm) != rows[i].trusted)
            fail_msg("%s with %s", rows[i].registry, rows[i].realm);
    }
}

static void scopes_cover_what_is_in_them(void **state)
{
    (void)state;
    static const struct {
        const char *have, *want;
        bool covers;
    } rows[] = {
        {"repository:o/n:pull,push", "repository:o/n:pull", true},
        {"repository:o/n:pull", "repository:o/n:pull,push", false},
        {"repository:o/n:push,pull", "repository:o/n:pull,push", true},
        {"repository:o/n:*", "repository:o/n:delete", true},
        {"repository:o/n:pull", "repository:o/m:pull", false},
        {"repository:o/n:pull repository:o/m:pull", "repository:o/m:pull", true},
        {"repository:h:5000/n:pull", "repository:h:5000/n:pull", true},
        {"repository:o/n:pull", "", true},
        {"", "registry:catalog:*", false},
        {"odd", "odd", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (auth_scope_covers(rows[i].have, rows[i].want) != rows[i].covers)
            fail_msg("“%s” and “%s”", rows[i].have, rows[i].want);
}

static int parse_token(const char *text, struct token *out, struct error *err)
{
    return token_parse(text, strlen(text), 1000, out, err);
}

static void tokens_are_read_under_both_names(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    struct token t;
    assert_done(parse_token("{\"token\":\"abc\",\"expires_in\":300}", &t, &err), &err);
    assert_string_equal(t.value, "abc");
    assert_int_equal(t.expires_at, 1000 + 290 * 1000);
    token_release(&t);
    assert_done(parse_token("{\"access_token\":\"d.e-f_\"}", &t, &err), &err);
    assert_string_equal(t.value, "d.e-f_");
    assert_int_equal(t.expires_at, 1000 + 50 * 1000); /* sixty seconds where not said */
    token_release(&t);
    assert_done(parse_token("{\"token\":\"t\",\"expires_in\":99999999999}", &t, &err), &err);
    assert_int_equal(t.expires_at, 1000 + (24 * 3600 - 10) * 1000);
    token_release(&t);
    assert_done(parse_token("{\"token\":\"t\",\"expires_in\":-5}", &t, &err), &err);
    assert_int_equal(t.expires_at, 1000);
    token_release(&t);
}

static void tokens_that_cannot_stand_in_a_header_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"token\":\"\"}",
        "{\"token\":\"a b\"}",
        "{\"token\":\"a\\r\\nX-Evil: 1\"}",
        "{\"token\":\"\\u00e9\"}",
        "{\"token\":\"a\\u007f\"}",
    };
    struct token t;
    autoerror err = ERROR_INIT;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_error(parse_token(texts[i], &t, &err), &err, ERROR_AUTH, "no usable token");
    assert_int_equal(parse_token("{\"token\":7}", &t, &err), -1);
    assert_int_equal(parse_token("{\"token\":\"secret\",", &t, &err), -1);
    assert_null(err.source_line); /* it may hold the token */
    autofree char *huge = mem_alloc(TOKEN_CAP + 100);
    memset(huge, 'a', TOKEN_CAP + 99);
    memcpy(huge, "{\"token\":\"", 10);
    memcpy(huge + TOKEN_CAP + 50, "\"}", 3);
    assert_error(parse_token(huge, &t, &err), &err, ERROR_AUTH, "no usable token");
}

static void the_registrys_reason_is_shown_without_control_characters(void **state)
{
    (void)state;
    static const struct {
        const char *body, *reason;
    } rows[] = {
        {"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"permission_denied: write_package\"}]}",
         "denied: permission_denied: write_package"},
        {"{\"errors\":[{\"code\":\"A\"},{\"message\":\"b\"}]}", "a; b"},
        {"{\"details\":\"incorrect username or password\"}", "incorrect username or password"},
        {"{\"message\":\"bad\"}", "bad"},
        {"{\"errors\":[]}", NULL},
        {"{\"errors\":\"x\"}", NULL},
        {"[1]", NULL},
        {"", NULL},
        {"<html><body>502</body></html>", NULL},
        {"  upstream is gone\nmore", "upstream is gone"},
        {"{\"message\":\"\\u001b[31mred\\u0007\"}", " [31mred "},
        {"{\"message\":\"a\\u009b31mb\"}", "a  31mb"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autofree char *reason = response_reason(rows[i].body);
        if (!str_eq(reason, rows[i].reason))
            fail_msg("%s gives “%s”", rows[i].body, reason ? reason : "nothing");
    }
    autostr body = STR_INIT;
    for (int i = 0; i < 1000; i++)
        str_add(&body, "\xc3\xa4");
    autofree char *reason = response_reason(str_text(&body));
    assert_in_range(strlen(reason), 396, 400);
    assert_true(response_has_code("{\"errors\":[{\"code\":\"BLOB_UNKNOWN\"}]}", "BLOB_UNKNOWN"));
    assert_false(response_has_code("BLOB_UNKNOWN", "BLOB_UNKNOWN"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bearer_challenge_is_read),
        cmocka_unit_test(challenges_are_read_in_many_shapes),
        cmocka_unit_test(hostile_realms_are_refused),
        cmocka_unit_test(credentials_go_to_the_registrys_own_site_alone),
        cmocka_unit_test(scopes_cover_what_is_in_them),
        cmocka_unit_test(tokens_are_read_under_both_names),
        cmocka_unit_test(tokens_that_cannot_stand_in_a_header_are_refused),
        cmocka_unit_test(the_registrys_reason_is_shown_without_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
