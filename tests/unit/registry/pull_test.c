/* registry/pull: images into a layer sink and a layout, from files. */
#include "image_fixture.h"
#include "pull.h"
#include <base/progress.h>

static int pull_from(const struct reference *ref, struct memory_sink *sink, int keep_fd,
                     struct image *out, struct error *err)
{
    struct transport_options transport = {.jobs = 3};
    struct pull_options options = {
        .transport = &transport, .keep_layout_fd = keep_fd, .keep_name = "kept"};
    return image_pull(ref, &options, sink ? &sink->sink : NULL, out, err);
}

static void every_layer_is_unpacked_once(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 6, true);
    autoreference ref = fixture_ref(f, "oci", "l");
    struct memory_sink sink;
    memory_init(&sink);
    autoimage image = {0};
    size_t before = count_descriptors();
    assert_done(pull_from(&ref, &sink, -1, &image, &err), &err);
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(sink.count, 6);
    assert_int_equal(image.layer_count, 6);
    for (size_t i = 0; i < 6; i++) {
        bool found = false;
        for (size_t j = 0; j < 6; j++)
            found |= digest_equal(&image.layers[i].diff_id, &sink.taken[j]);
        assert_true(found);
    }
}

static void a_repeated_layer_is_fetched_once(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    automanifest m = {0};
    automanifest twice = {0};
    make_image(fd, "amd64", 1, true, &m);
    autostr text = STR_INIT;
    autosource *blob = NULL;
    char chunk[4096];
    ssize_t got;
    assert_done(layout_open_blob(fd, &m.config.digest, &blob, &err), &err);
    while ((got = source_read(blob, chunk, sizeof chunk, &err)) > 0)
        str_add_bytes(&text, chunk, (size_t)got);
    autojson *config = NULL;
    assert_done(json_parse(text.data, text.len, "c", &config, &err), &err);
    json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");
    json_array_append(ids, json_array_get(ids, 0));
    autofree char *changed = json_text(config);
    struct descriptor c = {.media_type = (char *)MEDIA_OCI_CONFIG,
                           .size = (int64_t)strlen(changed)};
    assert_done(layout_put_bytes(fd, changed, strlen(changed), &c.digest, &err), &err);
    struct descriptor layers[2] = {m.items[0], m.items[0]};
    manifest_make(&c, layers, 2, NULL, false, &twice);
    assert_done(layout_put_manifest(fd, &twice, "v1", NULL, &err), &err);
    struct memory_sink sink;
    memory_init(&sink);
    autoimage image = {0};
    autoreference ref = fixture_ref(f, "oci", "l");
    assert_done(pull_from(&ref, &sink, -1, &image, &err), &err);
    assert_int_equal(image.layer_count, 2);
    assert_int_equal(sink.count, 1);
}

static void the_kept_layout_is_whole_and_named(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct digest index = make_index_layout(f, "l", 3);
    autoreference ref = fixture_ref(f, "oci", "l");
    autoclose int keep = open_layout(f, "keep");
    struct memory_sink sink;
    memory_init(&sink);
    autoimage image = {0};
    assert_done(pull_from(&ref, &sink, keep, &image, &err), &err);
    assert_int_equal(sink.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(layout_has_blob(keep, &image.layers[i].digest, image.layers[i].size));
    autoimage kept = {0};
    assert_done(image_load(keep, "kept", NULL, &kept, &err), &err);
    assert_true(digest_equal(&kept.manifest.digest, &image.manifest.digest));
    assert_true(layout_has_blob(keep, &index, -1));
    /* It is what the reference names, until that names something else. */
    assert_int_equal(image_kept(&ref, NULL, keep, "kept", &err), 1);
    assert_int_equal(image_kept(&ref, NULL, keep, "other", &err), 0);
    autofree char *layout = fixture_path(f, "l");
    assert_done(path_remove_tree(AT_FDCWD, layout, &err), &err);
    make_layout(f, "l", 2, true);
    assert_int_equal(image_kept(&ref, NULL, keep, "kept", &err), 0);
}

static void what_is_there_is_not_fetched_but_the_layout_is_filled(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 3, true);
    autoreference ref = fixture_ref(f, "oci", "l");
    autoclose int keep = open_layout(f, "keep");
    struct memory_sink sink;
    memory_init(&sink);
    sink.has_all = true;
    autoimage first = {0};
    assert_done(pull_from(&ref, &sink, keep, &first, &err), &err);
    assert_int_equal(sink.count, 0);
    assert_true(layout_has_blob(keep, &first.layers[2].digest, first.layers[2].size));
    /* And where the layout has the blobs, they are unpacked from there: the source's are spoiled.
     */
    autoclose int fd = open_layout(f, "l");
    for (size_t i = 0; i < 3; i++)
        spoil_blob(fd, &first.layers[i].digest);
    sink.has_all = false;
    sink.verify = true;
    autoimage second = {0};
    assert_done(pull_from(&ref, &sink, keep, &second, &err), &err);
    assert_int_equal(sink.count, 3);
}

static void a_damaged_kept_blob_is_fetched_anew(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 3, true);
    autoreference ref = fixture_ref(f, "oci", "l");
    autoclose int keep = open_layout(f, "keep");
    struct memory_sink sink;
    memory_init(&sink);
    autoimage first = {0};
    assert_done(pull_from(&ref, &sink, keep, &first, &err), &err);
    spoil_blob(keep, &first.layers[1].digest);
    spoil_blob(keep, &first.manifest.config.digest);
    memory_init(&sink);
    sink.verify = true;
    autoimage second = {0};
    assert_done(pull_from(&ref, &sink, keep, &second, &err), &err);
    assert_int_equal(sink.count, 3);
    autoimage kept = {0};
    assert_done(image_load(keep, "kept", NULL, &kept, &err), &err);
    autoreference mended = fixture_ref(f, "oci", "keep:kept");
    autoimage third = {0};
    assert_done(pull_from(&mended, &sink, -1, &third, &err), &err);
}

static void a_wrong_layer_leaves_nothing_visible(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 5, true);
    autoreference ref = fixture_ref(f, "oci", "l");
    autoclose int keep = open_layout(f, "keep");
    autoclose int fd = open_layout(f, "l");
    autoimage image = {0};
    assert_done(image_load(fd, "v1", NULL, &image, &err), &err);
    spoil_blob(fd, &image.layers[3].digest);
    struct memory_sink sink;
    memory_init(&sink);
    struct image out = {.config = NULL};
    size_t before = count_descriptors();
    assert_error(pull_from(&ref, &sink, keep, &out, &err), &err, ERROR_INTEGRITY, "layer 4 of 5");
    assert_int_equal(count_descriptors(), before);
    assert_null(out.config);
    struct descriptor d;
    assert_error(layout_find(keep, "kept", &d, &err), &err, ERROR_MISSING, "kept");
    assert_false(layout_has_blob(keep, &image.layers[3].digest, -1));
    for (size_t i = 0; i < sink.count; i++)
        assert_false(digest_equal(&sink.taken[i], &image.layers[3].diff_id));
}

static void a_cut_or_longer_layer_is_refused(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 2, true);
    autoreference ref = fixture_ref(f, "oci", "l");
    autoclose int fd = open_layout(f, "l");
    autoimage image = {0};
    assert_done(image_load(fd, "v1", NULL, &image, &err), &err);
    autofree char *blob =
        mem_printf("%s/l/blobs/sha256/%s", f->dir, digest_hex(&image.layers[1].digest));
    struct memory_sink sink;
    memory_init(&sink);
    struct image out;
    assert_int_equal(truncate(blob, image.layers[1].size - 1), 0);
    assert_error(pull_from(&ref, &sink, -1, &out, &err), &err, ERROR_INTEGRITY, "cut short");
    assert_int_equal(truncate(blob, image.layers[1].size + 1), 0);
    assert_error(pull_from(&ref, &sink, -1, &out, &err), &err, ERROR_INTEGRITY, "larger");
}

static void a_sink_that_fails_fails_the_pull(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 4, true);
    autoreference ref = fixture_ref(f, "oci", "l");
    autoclose int keep = open_layout(f, "keep");
    struct memory_sink sink;
    memory_init(&sink);
    sink.refuse = "sha256:";
    struct image out;
    assert_error(pull_from(&ref, &sink, keep, &out, &err), &err, ERROR_HOST, "no room");
    struct descriptor d;
    assert_error(layout_find(keep, "kept", &d, &err), &err, ERROR_MISSING, "kept");
}

static void another_architecture_is_named(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    automanifest m = {0};
    make_image(fd, "s390x", 1, true, &m);
    assert_done(layout_put_manifest(fd, &m, "v1", NULL, &err), &err);
    autoreference ref = fixture_ref(f, "oci", "l");
    struct platform amd64;
    assert_done(platform_parse("linux/amd64", &amd64, &err), &err);
    struct pull_options options = {.platform = &amd64, .keep_layout_fd = -1};
    struct image out;
    assert_int_equal(image_pull(&ref, &options, NULL, &out, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, ref.path));
    assert_non_null(strstr(err.message, "linux/s390x"));
    assert_non_null(strstr(err.message, "linux/amd64"));
    error_release(&err);
    options.any_platform = true;
    autoimage image = {0};
    assert_done(image_pull(&ref, &options, NULL, &image, &err), &err);
    assert_string_equal(image.platform.arch, "s390x");
}

static void a_missing_image_says_what_there_is(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 1, true);
    autoreference ref = fixture_ref(f, "oci", "l:v9");
    struct image out;
    assert_int_equal(pull_from(&ref, NULL, -1, &out, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_string_equal(err.hint, "it has: v1");
    error_release(&err);
    autoreference absent = fixture_ref(f, "oci", "absent");
    assert_error(pull_from(&absent, NULL, -1, &out, &err), &err, ERROR_MISSING, "absent");
    autoreference dir = fixture_ref(f, "dir", "l");
    assert_error(pull_from(&dir, NULL, -1, &out, &err), &err, ERROR_USAGE, "directory");
}

/* An index of an index of … of itself cannot be made; a deep one can, and is refused. */
static void indexes_in_indexes_have_an_end(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    automanifest m = {0};
    make_image(fd, "amd64", 1, true, &m);
    for (int depth = 0; depth < 5; depth++) {
        struct descriptor d = {
            .media_type = m.media_type, .digest = m.digest, .size = (int64_t)m.size};
        struct manifest outer;
        index_make(&d, 1, NULL, false, &outer);
        manifest_release(&m);
        m = outer;
        assert_done(layout_put_manifest(fd, &m, "v1", NULL, &err), &err);
        autoreference ref = fixture_ref(f, "oci", "l:v1");
        autoimage image = {0};
        if (depth < 3)
            assert_done(pull_from(&ref, NULL, -1, &image, &err), &err);
        else
            assert_error(pull_from(&ref, NULL, -1, &image, &err), &err, ERROR_INPUT, "too deep");
    }
}

static void progress_counts_every_layer(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 3, true);
    autoreference ref = fixture_ref(f, "oci", "l");
    FILE *out = tmpfile();
    struct progress *progress = progress_new(PROGRESS_PLAIN, out);
    struct transport_options transport = {.progress = progress};
    struct pull_options options = {.transport = &transport, .keep_layout_fd = -1};
    struct memory_sink sink;
    memory_init(&sink);
    autoimage image = {0};
    assert_done(image_pull(&ref, &options, &sink.sink, &image, &err), &err);
    progress_free(progress);
    autostr text = STR_INIT;
    rewind(out);
    assert_done(io_read_fd(fileno(out), "log", 65536, &text, &err), &err);
    fclose(out);
    for (size_t i = 0; i < 3; i++) {
        autofree char *name = mem_printf("pull layer %.12s", digest_hex(&image.layers[i].digest));
        assert_non_null(strstr(text.data, name));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_layer_is_unpacked_once),
        TEST(a_repeated_layer_is_fetched_once),
        TEST(the_kept_layout_is_whole_and_named),
        TEST(what_is_there_is_not_fetched_but_the_layout_is_filled),
        TEST(a_damaged_kept_blob_is_fetched_anew),
        TEST(a_wrong_layer_leaves_nothing_visible),
        TEST(a_cut_or_longer_layer_is_refused),
        TEST(a_sink_that_fails_fails_the_pull),
        TEST(another_architecture_is_named),
        TEST(a_missing_image_says_what_there_is),
        TEST(indexes_in_indexes_have_an_end),
        TEST(progress_counts_every_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
