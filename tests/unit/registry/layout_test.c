/* registry/layout: OCI image layout directories. */
#include "image_fixture.h"
#include "layout.h"

#include <pthread.h>

static void starting_twice_is_harmless(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct digest d = make_layout(f, "l", 1, true);
    autoclose int fd = open_layout(f, "l"); /* runs layout_init again */
    struct descriptor found;
    assert_done(layout_find(fd, "v1", &found, &err), &err);
    assert_true(digest_equal(&found.digest, &d));
    descriptor_release(&found);
}

static void other_directories_and_versions_are_refused(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_done(io_write_file(fd, "precious", "x", 1, 0644, 0, &err), &err);
    assert_error(layout_init(fd, &err), &err, ERROR_INPUT, "precious");
    assert_int_equal(count_entries(f->dir), 1);
    assert_done(
        io_write_file(fd, "oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", 30, 0644, 0, &err),
        &err);
    assert_error(layout_init(fd, &err), &err, ERROR_INPUT, "2.0.0");
}

static void an_interrupted_start_is_continued(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mkdirat(fd, "blobs", 0755);
    assert_done(io_write_file(fd, "index.json.0123.tmp", "", 0, 0644, 0, &err), &err);
    assert_done(layout_init(fd, &err), &err);
}

static void files_that_a_power_cut_emptied_are_begun_anew(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct descriptor found;
    make_layout(f, "l", 1, true);
    autofree char *index = fixture_path(f, "l/index.json");
    autofree char *mark = fixture_path(f, "l/oci-layout");
    assert_int_equal(truncate(index, 0), 0);
    autoclose int fd = open_layout(f, "l");
    assert_int_equal(layout_find(fd, "v1", &found, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_int_equal(truncate(mark, 0), 0);
    assert_done(layout_init(fd, &err), &err);
}

static void a_blob_appears_only_when_finished(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    autofree char *blobs = fixture_path(f, "l/blobs/sha256");
    struct digest d;
    digest_bytes("bytes", 5, &d);
    struct sink *sink;
    assert_done(layout_new_blob(fd, &d, &sink, &err), &err);
    assert_done(sink_write(sink, "bytes", 5, &err), &err);
    assert_false(layout_has_blob(fd, &d, 5));
    sink_close(sink);
    assert_int_equal(count_entries(blobs), 0);
    assert_done(layout_new_blob(fd, &d, &sink, &err), &err);
    assert_done(sink_write(sink, "bytes", 5, &err), &err);
    assert_done(sink_finish(sink, &err), &err);
    sink_close(sink);
    assert_true(layout_has_blob(fd, &d, 5));
    assert_true(layout_has_blob(fd, &d, -1));
    assert_false(layout_has_blob(fd, &d, 6));
    assert_int_equal(count_entries(blobs), 1);
    /* The same once more replaces it. */
    assert_done(layout_new_blob(fd, &d, &sink, &err), &err);
    assert_done(sink_write(sink, "bytes", 5, &err), &err);
    assert_done(sink_finish(sink, &err), &err);
    sink_close(sink);
    assert_int_equal(count_entries(blobs), 1);
}

static void sha512_blobs_have_their_own_directory(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    struct digest like = {"sha512:"}, d;
    autodigester struct digester *h = digester_new_like(&like);
    digester_add(h, "x", 1);
    digester_finish(h, &d);
    assert_done(layout_put_blob(fd, &d, "x", 1, &err), &err);
    autosource *blob = NULL;
    char c;
    assert_done(layout_open_blob(fd, &d, &blob, &err), &err);
    assert_int_equal(source_read(blob, &c, 1, &err), 1);
}

/* A layout from elsewhere is not trusted to hold files alone. */
static void links_and_fifos_are_not_read_as_blobs(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    struct digest d;
    struct source *blob = NULL;
    digest_bytes("a", 1, &d);
    autofree char *name = mem_printf("blobs/sha256/%s", digest_hex(&d));
    assert_int_equal(symlinkat("/etc/passwd", fd, name), 0);
    assert_false(layout_has_blob(fd, &d, -1));
    assert_int_equal(layout_open_blob(fd, &d, &blob, &err), -1);
    error_release(&err);
    unlinkat(fd, name, 0);
    assert_int_equal(mkfifoat(fd, name, 0644), 0);
    assert_error(layout_open_blob(fd, &d, &blob, &err), &err, ERROR_INPUT, "not a regular file");
    unlinkat(fd, name, 0);
    assert_error(layout_open_blob(fd, &d, &blob, &err), &err, ERROR_MISSING, d.text);
    /* blobs itself a link out */
    assert_int_equal(unlinkat(fd, "blobs/sha256", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("/tmp", fd, "blobs/sha256"), 0);
    struct sink *sink = NULL;
    assert_int_equal(layout_new_blob(fd, &d, &sink, &err), -1);
}

static void a_finished_file_is_adopted(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    autoclose int dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct digest d;
    digest_bytes("abc", 3, &d);
    assert_done(io_write_file(dir, "made", "abc", 3, 0644, 0, &err), &err);
    assert_done(layout_adopt_blob(fd, dir, "made", &d, &err), &err);
    assert_true(layout_has_blob(fd, &d, 3));
    assert_int_equal(faccessat(dir, "made", F_OK, 0), -1);
}

static void names_are_replaced_found_and_removed(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    automanifest a = {0};
    automanifest b = {0};
    make_image(fd, "amd64", 1, true, &a);
    make_image(fd, "amd64", 2, true, &b);
    assert_done(layout_put_manifest(fd, &a, "one", NULL, &err), &err);
    assert_done(layout_put_manifest(fd, &a, "two", NULL, &err), &err);
    struct descriptor d;
    assert_done(layout_find(fd, NULL, &d, &err), &err); /* both names mean the same image */
    descriptor_release(&d);
    assert_done(layout_put_manifest(fd, &b, "two", NULL, &err), &err);
    assert_error(layout_find(fd, "", &d, &err), &err, ERROR_MISSING, "say which");
    assert_int_equal(layout_find(fd, "three", &d, &err), -1);
    assert_non_null(strstr(err.hint, "one, two"));
    error_release(&err);
    assert_done(layout_find(fd, "two", &d, &err), &err);
    assert_true(digest_equal(&d.digest, &b.digest));
    descriptor_release(&d);
    assert_done(layout_find(fd, a.digest.text, &d, &err), &err);
    descriptor_release(&d);
    assert_int_equal(layout_remove(fd, "two", &err), 1);
    assert_int_equal(layout_remove(fd, "two", &err), 0);
    assert_int_equal(layout_remove(fd, a.digest.text, &err), 1);
    assert_error(layout_find(fd, NULL, &d, &err), &err, ERROR_MISSING, "no image");
}

static void unnamed_images_are_listed_once(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    automanifest m = {0};
    make_image(fd, "amd64", 1, true, &m);
    assert_done(layout_put_manifest(fd, &m, NULL, NULL, &err), &err);
    assert_done(layout_put_manifest(fd, &m, NULL, NULL, &err), &err);
    autojson *index = NULL;
    assert_done(json_read_file(fd, "index.json", 65536, &index, &err), &err);
    assert_int_equal(json_array_size(json_object_get(index, "manifests")), 1);
}

/* Sizes are capped before anything is read. */
static void announced_sizes_beyond_the_caps_are_refused(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    automanifest m = {0};
    automanifest huge_config = {0};
    automanifest index = {0};
    struct image image;
    make_image(fd, "amd64", 1, true, &m);
    struct descriptor config = m.config, child = {.media_type = m.media_type, .digest = m.digest};
    config.size = IMAGE_CONFIG_CAP + 1;
    manifest_make(&config, m.items, 1, NULL, false, &huge_config);
    assert_done(layout_put_manifest(fd, &huge_config, "config", NULL, &err), &err);
    assert_error(image_load(fd, "config", NULL, &image, &err), &err, ERROR_INPUT, "larger");
    child.size = IMAGE_MANIFEST_CAP + 1;
    index_make(&child, 1, NULL, false, &index);
    assert_done(layout_put_manifest(fd, &index, "index", NULL, &err), &err);
    assert_error(image_load(fd, "index", NULL, &image, &err), &err, ERROR_INPUT, "larger");
    /* A descriptor that lies about type or size. */
    child.size = (int64_t)m.size + 1;
    manifest_release(&index);
    index_make(&child, 1, NULL, false, &index);
    assert_done(layout_put_manifest(fd, &index, "size", NULL, &err), &err);
    assert_int_equal(image_load(fd, "size", NULL, &image, &err), -1);
    assert_int_equal(err.kind, ERROR_INTEGRITY);
    error_release(&err);
    child.size = (int64_t)m.size;
    child.media_type = (char *)MEDIA_DOCKER_MANIFEST;
    manifest_release(&index);
    index_make(&child, 1, NULL, false, &index);
    assert_done(layout_put_manifest(fd, &index, "type", NULL, &err), &err);
    assert_error(image_load(fd, "type", NULL, &image, &err), &err, ERROR_INPUT, "its index says");
}

struct writer {
    int fd;
    unsigned number;
    int failed;
};

static void *write_names(void *context)
{
    struct writer *w = context;
    autoerror err = ERROR_INIT;
    for (int i = 0; i < 20; i++) {
        automanifest m = {0};
        struct descriptor config = {.media_type = (char *)MEDIA_OCI_CONFIG};
        digest_bytes("x", 1, &config.digest);
        manifest_make(&config, NULL, 0, NULL, false, &m);
        char name[32];
        snprintf(name, sizeof name, "n%u-%d", w->number, i);
        w->failed |= layout_put_manifest(w->fd, &m, name, NULL, &err);
    }
    return NULL;
}

/* Two builds of the same image at once. */
static void nothing_is_lost_with_several_writers(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, "l");
    pthread_t threads[4];
    struct writer writers[4];
    for (unsigned i = 0; i < 4; i++) {
        writers[i] = (struct writer){fd, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, write_names, &writers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].failed, 0);
    }
    autojson *index = NULL;
    assert_done(json_read_file(fd, "index.json", 1 << 20, &index, &err), &err);
    assert_int_equal(json_array_size(json_object_get(index, "manifests")), 80);
}

static void an_image_is_loaded_by_name_digest_and_platform(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct digest index = make_index_layout(f, "l", 2);
    autoclose int fd = open_layout(f, "l");
    struct platform arm64;
    assert_done(platform_parse("linux/arm64", &arm64, &err), &err);
    autoimage named = {0};
    autoimage by_digest = {0};
    autoimage child = {0};
    assert_done(image_load(fd, "v1", &arm64, &named, &err), &err);
    assert_string_equal(named.platform.arch, "arm64");
    assert_done(image_load(fd, index.text, &arm64, &by_digest, &err), &err);
    assert_true(digest_equal(&named.manifest.digest, &by_digest.manifest.digest));
    /* A child of the index is not listed by itself; and any platform will do. */
    assert_done(image_load(fd, named.manifest.digest.text, NULL, &child, &err), &err);
    struct image none = {.config = NULL};
    assert_error(image_load(fd, "v2", &arm64, &none, &err), &err, ERROR_MISSING, "v2");
    assert_error(image_load(fd, "sha256:..", &arm64, &none, &err), &err, ERROR_INPUT, "digest");
    spoil_blob(fd, &named.manifest.config.digest);
    assert_error(image_load(fd, "v1", &arm64, &none, &err), &err, ERROR_INTEGRITY, "config");
    spoil_blob(fd, &index);
    assert_int_equal(image_load(fd, "v1", &arm64, &none, &err), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(starting_twice_is_harmless),
        TEST(other_directories_and_versions_are_refused),
        TEST(an_interrupted_start_is_continued),
        TEST(a_blob_appears_only_when_finished),
        TEST(sha512_blobs_have_their_own_directory),
        TEST(links_and_fifos_are_not_read_as_blobs),
        TEST(a_finished_file_is_adopted),
        TEST(names_are_replaced_found_and_removed),
        TEST(unnamed_images_are_listed_once),
        TEST(announced_sizes_beyond_the_caps_are_refused),
        TEST(files_that_a_power_cut_emptied_are_begun_anew),
        TEST(nothing_is_lost_with_several_writers),
        TEST(an_image_is_loaded_by_name_digest_and_platform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
