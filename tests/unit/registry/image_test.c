/* registry/image: manifests, indexes and configs as data. */
#include "image.h"
#include "image_fixture.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CONFIG                                                                                     \
    "\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"sha256:" HEX_A "\",\"size\":" \
    "2}"
#define LAYER                                                                                      \
    "{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP "\",\"digest\":\"sha256:" HEX_B "\",\"size\":3}"
#define MANIFEST "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "]}"

static int parse(const char *text, const char *type, struct manifest *out, struct error *err)
{
    return manifest_parse(text, strlen(text), type, "m", out, err);
}

static void a_manifest_is_read(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    automanifest m = {0};
    assert_done(parse(MANIFEST, NULL, &m, &err), &err);
    assert_false(m.is_index);
    assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
    assert_string_equal(m.config.digest.text, "sha256:" HEX_A);
    assert_int_equal(m.item_count, 1);
    assert_int_equal(m.items[0].size, 3);
    struct digest d;
    digest_bytes(MANIFEST, strlen(MANIFEST), &d);
    assert_true(digest_equal(&d, &m.digest));
}

static void a_content_type_may_have_parameters(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    automanifest m = {0};
    assert_done(parse(MANIFEST, MEDIA_OCI_MANIFEST "; charset=utf-8", &m, &err), &err);
    assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
}

/* Each of these is refused, with these words. CVE-2021-41190 and CVE-2024-3727 among them. */
static void what_is_no_manifest_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *type, *words;
    } rows[] = {
        {"", NULL, "JSON"},
        {"[]", NULL, "not a JSON object"},
        {"{}", NULL, "schema version 0"},
        {"{\"schemaVersion\":2}", NULL, "no config"},
        {"{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, "schema 1"},
        {MANIFEST, MEDIA_OCI_INDEX, "members"},
        {MANIFEST, "text/html", "no image manifest"},
        {"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}",
         MEDIA_OCI_MANIFEST, "says it is"},
        {"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", NULL, "ambiguous"},
        {"{\"schemaVersion\":2,\"manifests\":[]," CONFIG "}", NULL, "ambiguous"},
        {"{\"schemaVersion\":2,\"manifests\":[]}", MEDIA_OCI_MANIFEST, "members"},
        {"{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", NULL, "array"},
        {"{\"schemaVersion\":2," CONFIG ",\"layers\":[1]}", NULL, "not an object"},
        {"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"sha256:" HEX_A
         "\",\"size\":-1}]}",
         NULL, "size"},
        {"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"sha256:" HEX_A "\"}]}", NULL,
         "size"},
        {"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"sha256:../../x\",\"size\":1}]}",
         NULL, "not a digest"},
        {"{\"schemaVersion\":2,\"config\":{\"digest\":\"md5:aa\",\"size\":1}}", NULL,
         "not a digest"},
        {"{\"schemaVersion\":2,\"schemaVersion\":2," CONFIG "}", NULL, "JSON"},
        {"{\"schemaVersion\":2," CONFIG ",\"annotations\":{\"a\":1}}", NULL, "annotation"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoerror err = ERROR_INIT;
        struct manifest m = {.bytes = NULL};
        if (!parse(rows[i].text, rows[i].type, &m, &err))
            fail_msg("%s was taken", rows[i].text);
        if (err.kind != ERROR_INPUT || !strstr(err.message, rows[i].words))
            fail_msg("%s: %s", rows[i].text, err.message);
        assert_null(m.bytes);
    }
}

/* CVE-2020-1702 and others: caps before anything is allocated. */
static void too_large_ones_are_refused(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    struct manifest m;
    autofree char *big = mem_zalloc(1, IMAGE_MANIFEST_CAP + 1);
    assert_error(manifest_parse(big, IMAGE_MANIFEST_CAP + 1, NULL, "m", &m, &err), &err,
                 ERROR_INPUT, "larger");
    autostr many = STR_INIT;
    str_add(&many, "{\"schemaVersion\":2," CONFIG ",\"layers\":[");
    for (int i = 0; i < 5000; i++)
        str_addf(&many, "%s%s", i ? "," : "", LAYER);
    str_add(&many, "]}");
    assert_error(parse(many.data, NULL, &m, &err), &err, ERROR_INPUT, "5000");
    automanifest good = {0};
    struct image image;
    assert_done(parse(MANIFEST, NULL, &good, &err), &err);
    assert_error(image_assemble(&good, big, IMAGE_CONFIG_CAP + 1, "m", &image, &err), &err,
                 ERROR_INPUT, "larger");
    assert_non_null(good.bytes);
}

static void digests_of_both_kinds_are_checked(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    automanifest m = {0};
    assert_done(parse(MANIFEST, NULL, &m, &err), &err);
    struct digest sha512 = {"sha512:"}, right;
    autodigester struct digester *h = digester_new_like(&sha512);
    digester_add(h, MANIFEST, strlen(MANIFEST));
    digester_finish(h, &right);
    assert_done(manifest_check(&m, &right, (int64_t)strlen(MANIFEST), "m", &err), &err);
    assert_true(digest_equal(&m.digest, &right));
    right.text[10] = right.text[10] == '0' ? '1' : '0';
    assert_error(manifest_check(&m, &right, -1, "m", &err), &err, ERROR_INTEGRITY, "digest");
    assert_error(manifest_check(&m, &m.digest, 7, "m", &err), &err, ERROR_INTEGRITY, "bytes");
}

static void make_index(struct manifest *out, const char *const *platforms, size_t n)
{
    struct descriptor items[8] = {0};
    for (size_t i = 0; i < n; i++) {
        char hex[24];
        snprintf(hex, sizeof hex, "%zu", i);
        items[i].media_type = (char *)MEDIA_OCI_MANIFEST;
        digest_bytes(hex, strlen(hex), &items[i].digest);
        items[i].has_platform = true;
        const char *slash = strchr(platforms[i], '/');
        autofree char *os = mem_strndup(platforms[i], (size_t)(slash - platforms[i]));
        const char *variant = strchr(slash + 1, '/');
        autofree char *arch =
            mem_strndup(slash + 1, variant ? (size_t)(variant - slash - 1) : strlen(slash + 1));
        platform_from(os, arch, variant ? variant + 1 : NULL, &items[i].platform);
    }
    index_make(items, n, NULL, false, out);
}

static const char *chosen(const struct manifest *index, const char *wanted, char text[48])
{
    autoerror err = ERROR_INIT;
    struct platform p;
    const struct descriptor *d;
    assert_done(platform_parse(wanted, &p, &err), &err);
    assert_done(manifest_select(index, &p, "the index", &d, &err), &err);
    return platform_text(&d->platform, '/', text);
}

static void the_exact_platform_wins_then_the_best_that_runs(void **state)
{
    (void)state;
    static const char *const platforms[] = {"unknown/unknown", "linux/386",   "linux/arm/v5",
                                            "linux/arm/v6",    "linux/amd64", "linux/arm64/v8"};
    char text[48];
    automanifest index = {0};
    make_index(&index, platforms, COUNT_OF(platforms));
    assert_string_equal(chosen(&index, "linux/amd64", text), "linux/amd64");
    assert_string_equal(chosen(&index, "linux/amd64/v3", text), "linux/amd64");
    assert_string_equal(chosen(&index, "linux/386", text), "linux/386");
    assert_string_equal(chosen(&index, "linux/arm/v7", text), "linux/arm/v6");
    assert_string_equal(chosen(&index, "linux/arm64", text), "linux/arm64");
}

static void a_missing_platform_lists_those_there(void **state)
{
    (void)state;
    static const char *const platforms[] = {"unknown/unknown", "linux/arm64", "linux/s390x"};
    autoerror err = ERROR_INIT;
    struct platform wanted;
    const struct descriptor *d;
    automanifest index = {0};
    make_index(&index, platforms, COUNT_OF(platforms));
    assert_done(platform_parse("linux/amd64", &wanted, &err), &err);
    assert_int_equal(manifest_select(&index, &wanted, "h.io/n:t", &d, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_non_null(strstr(err.message, "h.io/n:t has no image for linux/amd64"));
    assert_string_equal(err.hint, "it has: linux/arm64, linux/s390x");
}

static void the_same_input_gives_the_same_bytes(void **state)
{
    (void)state;
    struct descriptor config = {.media_type = (char *)MEDIA_OCI_CONFIG, .size = 2};
    struct descriptor layer = {.media_type = (char *)MEDIA_OCI_LAYER_GZIP, .size = 3};
    strcpy(config.digest.text, "sha256:" HEX_A);
    strcpy(layer.digest.text, "sha256:" HEX_B);
    automanifest m = {0};
    manifest_make(&config, &layer, 1, NULL, false, &m);
    assert_string_equal(m.bytes, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST
                                 "\"," CONFIG ",\"layers\":[" LAYER "]}");
    autoerror err = ERROR_INIT;
    automanifest again = {0};
    assert_done(parse(m.bytes, m.media_type, &again, &err), &err);
    assert_true(digest_equal(&m.digest, &again.digest));
    autojson *notes = json_pack("{s:s, s:s}", "b", "1", "a", "2");
    automanifest docker = {0};
    manifest_make(&config, &layer, 1, notes, true, &docker);
    assert_non_null(strstr(docker.bytes, "\"annotations\":{\"b\":\"1\",\"a\":\"2\"}}"));
    assert_string_equal(docker.media_type, MEDIA_DOCKER_MANIFEST);
}

static void a_config_must_fit_its_manifest(void **state)
{
    (void)state;
    static const struct {
        const char *config, *words;
    } rows[] = {
        {"{}", "lists 0 layers, the manifest 1"},
        {"[]", "not a JSON object"},
        {"{\"rootfs\":{\"diff_ids\":[\"sha256:" HEX_A "\",\"sha256:" HEX_B "\"]}}", "lists 2"},
        {"{\"rootfs\":{\"diff_ids\":[\"x\"]}}", "diff_id 1"},
        {"{\"rootfs\":{\"diff_ids\":[7]}}", "diff_id 1"},
        {"{\"rootfs\":7}", "object"},
        {"{\"os\":[]}", "string"},
        {"{", "JSON"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoerror err = ERROR_INIT;
        automanifest m = {0};
        struct image image = {.config = NULL};
        assert_done(parse(MANIFEST, NULL, &m, &err), &err);
        if (!image_assemble(&m, rows[i].config, strlen(rows[i].config), "m", &image, &err))
            fail_msg("%s was taken", rows[i].config);
        if (err.kind != ERROR_INPUT || !strstr(err.message, rows[i].words))
            fail_msg("%s: %s", rows[i].config, err.message);
        assert_non_null(m.bytes); /* still the caller's */
        assert_null(image.config);
    }
    autoerror err = ERROR_INIT;
    automanifest m = {0};
    autoimage image = {0};
    assert_done(parse(MANIFEST, NULL, &m, &err), &err);
    static const char good[] = "{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\","
                               "\"rootfs\":{\"diff_ids\":[\"sha256:" HEX_A "\"]}}";
    assert_done(image_assemble(&m, good, strlen(good), "m", &image, &err), &err);
    assert_string_equal(image.platform.arch, "arm64");
    assert_string_equal(image.layers[0].diff_id.text, "sha256:" HEX_A);
    assert_string_equal(image.layers[0].media_type, MEDIA_OCI_LAYER_GZIP);
    assert_null(m.bytes);
}

static void an_artifact_is_no_image(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    automanifest m = {0};
    struct image image;
    static const char text[] =
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\","
        "\"digest\":\"sha256:" HEX_A "\",\"size\":2}}";
    assert_done(parse(text, NULL, &m, &err), &err);
    assert_error(image_assemble(&m, "{}", 2, "m", &image, &err), &err, ERROR_INPUT,
                 "no container image");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_is_read),
        cmocka_unit_test(a_content_type_may_have_parameters),
        cmocka_unit_test(what_is_no_manifest_is_refused),
        cmocka_unit_test(too_large_ones_are_refused),
        cmocka_unit_test(digests_of_both_kinds_are_checked),
        cmocka_unit_test(the_exact_platform_wins_then_the_best_that_runs),
        cmocka_unit_test(a_missing_platform_lists_those_there),
        cmocka_unit_test(the_same_input_gives_the_same_bytes),
        cmocka_unit_test(a_config_must_fit_its_manifest),
        cmocka_unit_test(an_artifact_is_no_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
