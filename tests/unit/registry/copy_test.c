/* registry/push: image_copy between files of every kind, with skopeo as the judge. */
#include "image_fixture.h"
#include "push.h"
#include "transport_ops.h"

#include <pthread.h> /* for the thread sanitizer: blobs go in parallel */

static const char *const kinds[] = {"oci", "oci-archive", "docker-archive"};

static struct digest digest_of(const struct reference *ref)
{
    autoerror err = ERROR_INIT;
    struct image_source *source;
    struct digest d;
    assert_done(image_source_open(ref, NULL, &source, &err), &err);
    assert_done(image_source_digest(source, &d, &err), &err);
    image_source_close(source);
    return d;
}

/* Pulls everything, so every byte is verified. */
static void assert_whole(const struct reference *ref, size_t layers)
{
    autoerror err = ERROR_INIT;
    struct memory_sink sink;
    memory_init(&sink);
    struct pull_options options = {.keep_layout_fd = -1};
    autoimage image = {0};
    assert_done(image_pull(ref, &options, &sink.sink, &image, &err), &err);
    assert_int_equal(sink.count, layers);
}

static void every_kind_copies_to_every_kind(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    for (int gzip = 0; gzip < 2; gzip++) {
        autofree char *first = mem_printf("first%d", gzip);
        struct digest d = make_layout(f, first, 4, gzip);
        autoreference start = fixture_ref(f, "oci", first);
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
            autofree char *name = mem_printf("a%d-%zu", gzip, i);
            autofree char *tagged = mem_printf("%s:name:v1", name);
            autoreference middle = fixture_ref(f, kinds[i], tagged);
            struct push_result result;
            assert_done(copy(&start, &middle, NULL, false, &result, &err), &err);
            assert_true(digest_equal(&result.digest, &d));
            assert_int_equal(result.blobs_uploaded, 5);
            assert_int_equal(result.blobs_present, 0);
            assert_whole(&middle, 4);
            for (size_t j = 0; j < COUNT_OF(kinds); j++) {
                autofree char *last = mem_printf("%s-%zu", name, j);
                autoreference end = fixture_ref(f, kinds[j], last);
                assert_done(copy(&middle, &end, NULL, false, NULL, &err), &err);
                assert_whole(&end, 4);
                struct digest got = digest_of(&end);
                assert_true(digest_equal(&got, &d));
            }
        }
    }
}

static void an_index_is_copied_whole_or_by_platform(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct digest index = make_index_layout(f, "l", 2);
    autoreference from = fixture_ref(f, "oci", "l");
    autoreference all = fixture_ref(f, "oci-archive", "all.tar:v1");
    autoreference one = fixture_ref(f, "oci-archive", "one.tar:v1");
    autoreference docker = fixture_ref(f, "docker-archive", "docker.tar:v1");
    struct push_result result;
    assert_done(copy(&from, &all, NULL, true, &result, &err), &err);
    assert_true(digest_equal(&result.digest, &index));
    assert_done(copy(&from, &one, NULL, false, &result, &err), &err);
    assert_false(digest_equal(&result.digest, &index));
    assert_error(copy(&from, &docker, NULL, true, NULL, &err), &err, ERROR_USAGE, "one platform");
    autofree char *path = fixture_path(f, "docker.tar");
    assert_int_equal(access(path, F_OK), -1);
    /* From the archive of all, every platform. */
    autoerror again = ERROR_INIT;
    struct image_source *source;
    assert_done(image_source_open(&all, NULL, &source, &again), &again);
    static const char *const archs[] = {"amd64", "arm64"};
    for (size_t i = 0; i < 2; i++) {
        struct platform p;
        autoimage image = {0};
        assert_done(platform_parse(archs[i], &p, &err), &err);
        assert_done(image_source_image(source, &p, false, &image, &err), &err);
        assert_string_equal(image.platform.arch, archs[i]);
    }
    image_source_close(source);
}

static void the_same_image_gives_the_same_archive(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 8, true);
    autoreference from = fixture_ref(f, "oci", "l");
    for (size_t i = 1; i < COUNT_OF(kinds); i++) {
        struct str bytes[2] = {STR_INIT, STR_INIT};
        for (int n = 0; n < 2; n++) {
            autofree char *name = mem_printf("%s-%d.tar:name:v1", kinds[i], n);
            autoreference to = fixture_ref(f, kinds[i], name);
            assert_done(copy(&from, &to, NULL, false, NULL, &err), &err);
            assert_done(io_read_file(AT_FDCWD, to.path, 1 << 24, &bytes[n], &err), &err);
        }
        assert_int_equal(bytes[0].len, bytes[1].len);
        assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].len);
        str_release(&bytes[0]);
        str_release(&bytes[1]);
    }
}

static void a_second_copy_sends_nothing(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 3, true);
    autoreference from = fixture_ref(f, "oci", "l");
    autoreference to = fixture_ref(f, "oci", "copy:v1");
    struct push_result result;
    assert_done(copy(&from, &to, NULL, false, &result, &err), &err);
    assert_true(result.uploaded_bytes > 0);
    assert_done(copy(&from, &to, NULL, false, &result, &err), &err);
    assert_int_equal(result.uploaded_bytes, 0);
    assert_int_equal(result.blobs_uploaded, 0);
    assert_int_equal(result.blobs_present, 4);
}

static void a_failed_copy_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 4, true);
    autoclose int fd = open_layout(f, "l");
    autoimage image = {0};
    assert_done(image_load(fd, "v1", NULL, &image, &err), &err);
    spoil_blob(fd, &image.layers[2].digest);
    autoreference from = fixture_ref(f, "oci", "l");
    size_t before = count_descriptors();
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        autoreference to = fixture_ref(f, kinds[i], "target");
        struct push_result result = {.uploaded_bytes = 77};
        assert_error(copy(&from, &to, NULL, false, &result, &err), &err, ERROR_INTEGRITY,
                     "upload of");
        assert_int_equal(result.uploaded_bytes, 77);
        assert_int_equal(count_entries(f->dir), 1);
    }
    assert_int_equal(count_descriptors(), before);
    /* An archive that was there stays as it was. */
    autofree char *path = fixture_path(f, "old.tar");
    assert_done(io_write_file(AT_FDCWD, path, "old", 3, 0644, 0, &err), &err);
    autoreference old = fixture_ref(f, "oci-archive", "old.tar");
    assert_int_equal(copy(&from, &old, NULL, false, NULL, &err), -1);
    autostr bytes = STR_INIT;
    assert_done(io_read_file(AT_FDCWD, path, 100, &bytes, &err), &err);
    assert_string_equal(bytes.data, "old");
}

static void targets_that_cannot_be_written_say_so(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 1, true);
    autofree char *file = fixture_path(f, "file");
    assert_done(io_write_file(AT_FDCWD, file, "x", 1, 0644, 0, &err), &err);
    autoreference from = fixture_ref(f, "oci", "l");
    autoreference layout = fixture_ref(f, "oci", "file");
    autoreference archive = fixture_ref(f, "oci-archive", "l");
    autoreference nowhere = fixture_ref(f, "oci-archive", "no/where.tar");
    autoreference dir = fixture_ref(f, "dir", "d");
    assert_error(copy(&from, &layout, NULL, false, NULL, &err), &err, ERROR_HOST, "file");
    assert_error(copy(&from, &archive, NULL, false, NULL, &err), &err, ERROR_HOST,
                 "something else");
    assert_error(copy(&from, &nowhere, NULL, false, NULL, &err), &err, ERROR_HOST, "where.tar");
    assert_error(copy(&from, &dir, NULL, false, NULL, &err), &err, ERROR_USAGE, "directory");
}

static void latest_tags_come_last(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_index_layout(f, "l", 1);
    autoreference from = fixture_ref(f, "oci", "l");
    autoreference to = fixture_ref(f, "oci", "copy");
    autostrv tags = STRV_INIT;
    strv_add(&tags, "latest");
    strv_add(&tags, "latest-test");
    strv_add(&tags, "1.2.3");
    strv_add(&tags, "abc");
    assert_done(copy(&from, &to, &tags, true, NULL, &err), &err);
    autojson *index = NULL;
    autofree char *path = fixture_path(f, "copy/index.json");
    assert_done(json_read_file(AT_FDCWD, path, 65536, &index, &err), &err);
    static const char *const order[] = {"1.2.3", "abc", "latest-test", "latest"};
    json_t *list = json_object_get(index, "manifests");
    assert_int_equal(json_array_size(list), 4); /* no child is listed */
    for (size_t i = 0; i < 4; i++) {
        json_t *notes = json_object_get(json_array_get(list, i), "annotations");
        assert_string_equal(
            json_string_value(json_object_get(notes, "org.opencontainers.image.ref.name")),
            order[i]);
    }
}

static void wrong_tags_are_refused_before_anything_is_sent(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 1, true);
    autoreference from = fixture_ref(f, "oci", "l");
    autoreference to = {0};
    autostrv tags = STRV_INIT;
    strv_add(&tags, "good");
    strv_add(&tags, "../bad");
    /* Nothing listens there: it is not even tried. */
    assert_done(reference_parse("127.0.0.1:1/o/n", false, &to, &err), &err);
    assert_error(copy(&from, &to, &tags, false, NULL, &err), &err, ERROR_INPUT, "../bad");
}

static int mount_always(struct image_target *self, const struct descriptor *descriptor,
                        const struct reference *from, struct error *err)
{
    (void)self, (void)descriptor, (void)from, (void)err;
    return 1;
}

static void mounts_are_asked_for_on_the_same_host_alone(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    static const struct image_target_ops ops = {.mount_blob = mount_always};
    static const char *const names[] = {"a.io/o/n", "a.io/o/base", "b.io/o/base"};
    struct reference refs[3];
    for (size_t i = 0; i < 3; i++)
        assert_done(reference_parse(names[i], false, &refs[i], &err), &err);
    struct image_target target;
    struct descriptor d = {.size = 1};
    image_target_init(&target, &ops, &refs[0], NULL);
    assert_int_equal(image_target_mount_blob(&target, &d, &refs[0], &err), 0); /* itself */
    assert_int_equal(image_target_mount_blob(&target, &d, &refs[1], &err), 1);
    assert_int_equal(image_target_mount_blob(&target, &d, &refs[2], &err), 0);
    assert_int_equal(image_target_mount_blob(&target, &d, NULL, &err), 0);
    image_target_release(&target);
    for (size_t i = 0; i < 3; i++)
        reference_release(&refs[i]);
}

static void skopeo_reads_what_we_write(void **state)
{
    struct fixture *f = *state;
    if (!program_exists("skopeo"))
        skip();
    autoerror err = ERROR_INIT;
    for (int gzip = 0; gzip < 2; gzip++) {
        autofree char *name = mem_printf("l%d", gzip);
        make_layout(f, name, 3, gzip);
        autoreference from = fixture_ref(f, "oci", name);
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
            autofree char *tagged = mem_printf("ours%d-%zu:example.com/o/n:v1", gzip, i);
            autoreference ours = fixture_ref(f, kinds[i], tagged);
            assert_done(copy(&from, &ours, NULL, false, NULL, &err), &err);
            autofree char *text = reference_text(&ours);
            autofree char *to = mem_printf("oci:%s/theirs%d-%zu:v1", f->dir, gzip, i);
            const char *const inspect[] = {"skopeo", "inspect", text, NULL};
            const char *const copy_it[] = {"skopeo", "copy", "-q", text, to, NULL};
            assert_int_equal(run_program(inspect), 0);
            assert_int_equal(run_program(copy_it), 0);
            autoreference theirs = {0};
            assert_done(reference_parse(to, false, &theirs, &err), &err);
            assert_whole(&theirs, 3);
        }
    }
}

static void we_read_what_skopeo_writes(void **state)
{
    struct fixture *f = *state;
    if (!program_exists("skopeo"))
        skip();
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 3, true);
    autofree char *from = mem_printf("oci:%s/l:v1", f->dir);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        autofree char *to = mem_printf("%s:%s/theirs-%zu:example.com/o/n:v1", kinds[i], f->dir, i);
        const char *const copy_it[] = {"skopeo", "copy", "-q", from, to, NULL};
        assert_int_equal(run_program(copy_it), 0);
        autoreference theirs = {0};
        assert_done(reference_parse(to, false, &theirs, &err), &err);
        assert_whole(&theirs, 3);
        if (i) { /* the same, compressed as a whole */
            const char *const gzip[] = {"gzip", theirs.path, NULL};
            assert_int_equal(run_program(gzip), 0);
            autofree char *zipped = mem_printf("%s:%s.gz", kinds[i], theirs.path);
            autoreference packed = {0};
            assert_done(reference_parse(zipped, false, &packed, &err), &err);
            assert_whole(&packed, 3);
        }
    }
}

static void umoci_reads_our_layouts(void **state)
{
    struct fixture *f = *state;
    if (!program_exists("umoci"))
        skip();
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 2, true);
    autoreference from = fixture_ref(f, "oci", "l");
    autoreference ours = fixture_ref(f, "oci", "ours:v1");
    assert_done(copy(&from, &ours, NULL, false, NULL, &err), &err);
    autofree char *image = fixture_path(f, "ours:v1");
    autofree char *bundle = fixture_path(f, "bundle");
    const char *const unpack[] = {"umoci",   "raw", "unpack", "--rootless",
                                  "--image", image, bundle,   NULL};
    assert_int_equal(run_program(unpack), 0);
    autofree char *file = mem_printf("%s/file", bundle);
    assert_int_equal(access(file, F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_kind_copies_to_every_kind),
        TEST(an_index_is_copied_whole_or_by_platform),
        TEST(the_same_image_gives_the_same_archive),
        TEST(a_second_copy_sends_nothing),
        TEST(a_failed_copy_leaves_nothing),
        TEST(targets_that_cannot_be_written_say_so),
        TEST(latest_tags_come_last),
        TEST(wrong_tags_are_refused_before_anything_is_sent),
        TEST(mounts_are_asked_for_on_the_same_host_alone),
        TEST(skopeo_reads_what_we_write),
        TEST(we_read_what_skopeo_writes),
        TEST(umoci_reads_our_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
