/* registry/tar_file, tar_writer and the archives: hostile and legacy ones. */
#include "image_fixture.h"
#include "reference.h"
#include "tar_file.h"
#include "tar_writer.h"

struct member {
    const char *name;
    const char *bytes; /* NULL: a link */
    size_t size;
    const char *symlink, *hardlink;
};

/* A tar made of these, by libarchive. */
static char *make_tar(const struct fixture *f, const char *name, const struct member *m, size_t n,
                      bool pax)
{
    char *path = fixture_path(f, name);
    struct archive *a = archive_write_new();
    if (pax)
        archive_write_set_format_pax(a);
    else
        archive_write_set_format_gnutar(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, m[i].name);
        archive_entry_set_filetype(e, m[i].symlink ? AE_IFLNK : AE_IFREG);
        archive_entry_set_perm(e, 0644);
        if (m[i].symlink)
            archive_entry_set_symlink(e, m[i].symlink);
        if (m[i].hardlink)
            archive_entry_set_hardlink(e, m[i].hardlink);
        archive_entry_set_size(e, m[i].bytes ? (la_int64_t)m[i].size : 0);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        if (m[i].bytes)
            assert_int_equal(archive_write_data(a, m[i].bytes, m[i].size), m[i].size);
        archive_entry_free(e);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return path;
}

static void members_are_read_in_place(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autostr long_name = STR_INIT;
    for (int i = 0; i < 300; i++)
        str_add_char(&long_name, 'n');
    struct member members[] = {
        {"a", "first", 5, NULL, NULL},
        {"./b/c", "second", 6, NULL, NULL},
        {long_name.data, "third", 5, NULL, NULL},
        {"empty", "", 0, NULL, NULL},
        {"a", "last of its name", 16, NULL, NULL},
        {"x/link", NULL, 0, "../b/c", NULL},
        {"hard", NULL, 0, NULL, "./b/c"},
        {"out", NULL, 0, "../../../../etc/passwd", NULL},
        {"absolute", NULL, 0, "/etc/passwd", NULL},
        {"loop1", NULL, 0, "loop2", NULL},
        {"loop2", NULL, 0, "loop1", NULL},
    };
    for (int pax = 0; pax < 2; pax++) {
        autofree char *path = make_tar(f, "t.tar", members, COUNT_OF(members), pax);
        struct tar_file *tar;
        autostr text = STR_INIT;
        assert_done(tar_file_open(path, &tar, &err), &err);
        assert_done(tar_file_read(tar, "a", 100, &text, &err), &err);
        assert_string_equal(str_text(&text), "last of its name");
        static const char *const second[] = {"b/c", "./b/c", "x/link", "hard"};
        for (size_t i = 0; i < COUNT_OF(second); i++) {
            assert_done(tar_file_read(tar, second[i], 100, &text, &err), &err);
            assert_string_equal(str_text(&text), "second");
        }
        assert_done(tar_file_read(tar, long_name.data, 100, &text, &err), &err);
        assert_string_equal(str_text(&text), "third");
        assert_int_equal(tar_file_size(tar, "empty"), 0);
        static const char *const none[] = {"out", "absolute", "loop1", "b", "", "/etc/passwd"};
        for (size_t i = 0; i < COUNT_OF(none); i++)
            assert_int_equal(tar_file_size(tar, none[i]), -1);
        assert_error(tar_file_read(tar, "b/c", 3, &text, &err), &err, ERROR_INPUT, "larger");
        assert_error(tar_file_read(tar, "no", 3, &text, &err), &err, ERROR_MISSING, "no");
        tar_file_close(tar);
    }
}

static void broken_archives_are_refused(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct tar_file *tar;
    autofree char *big = mem_zalloc(1, 100000);
    struct member members[] = {{"a", big, 100000, NULL, NULL}};
    autofree char *path = make_tar(f, "t.tar", members, 1, false);
    assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(tar_file_open(path, &tar, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    error_release(&err);
    autofree char *text = fixture_path(f, "text");
    assert_done(io_write_file(AT_FDCWD, text, "hello, world", 12, 0644, 0, &err), &err);
    assert_int_equal(tar_file_open(text, &tar, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    error_release(&err);
    autofree char *gzip = fixture_path(f, "bad.gz");
    assert_done(io_write_file(AT_FDCWD, gzip, "\x1f\x8b garbage", 10, 0644, 0, &err), &err);
    assert_int_equal(tar_file_open(gzip, &tar, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    error_release(&err);
    autofree char *fifo = fixture_path(f, "fifo");
    assert_int_equal(mkfifo(fifo, 0644), 0);
    assert_error(tar_file_open(fifo, &tar, &err), &err, ERROR_INPUT, "regular");
    assert_error(tar_file_open("/absent/file", &tar, &err), &err, ERROR_MISSING, "absent");
}

/* GHSA-f36w-mj3v-6jqv and others: a small file must not fill the disk. */
static void a_bomb_is_not_inflated(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct tar_file *tar;
    autofree char *path = fixture_path(f, "bomb.tar.gz");
    autofree char *zeros = mem_zalloc(1, 1 << 20);
    struct archive *a = archive_write_new();
    archive_write_set_format_gnutar(a);
    archive_write_add_filter_gzip(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, "zeros");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_size(e, 100 << 20);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(archive_write_data(a, zeros, 1 << 20), 1 << 20);
    archive_entry_free(e);
    archive_write_close(a);
    archive_write_free(a);
    assert_error(tar_file_open(path, &tar, &err), &err, ERROR_INPUT, "inflates to more");
}

/* CVE-2025-58183: metadata is capped before it is held. */
static void endless_metadata_is_refused(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    enum { METADATA = 2 << 20 };
    autofree char *path = fixture_path(f, "t.tar");
    autofree char *pax = mem_alloc(METADATA);
    memset(pax, 'x', METADATA);
    memcpy(pax, "2097152 path=", 13);
    pax[METADATA - 1] = '\n';
    struct tar_writer *w;
    assert_done(tar_writer_new(path, &w, &err), &err);
    assert_done(tar_writer_put(w, "pax", pax, METADATA, &err), &err);
    assert_done(tar_writer_put(w, "a", "x", 1, &err), &err);
    assert_done(tar_writer_finish(w, &err), &err);
    tar_writer_close(w);
    /* Make the first member the metadata of the second. */
    autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    unsigned char header[512];
    assert_int_equal(pread(fd, header, 512, 0), 512);
    header[156] = 'x';
    memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum & 0777777);
    assert_int_equal(pwrite(fd, header, 512, 0), 512);
    struct tar_file *tar;
    assert_int_equal(tar_file_open(path, &tar, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
}

static void sparse_members_are_refused(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autofree char *path = fixture_path(f, "t.tar");
    struct archive *a = archive_write_new();
    archive_write_set_format_pax(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, "manifest.json");
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_size(e, 1 << 20);
    archive_entry_sparse_add_entry(e, 4096, 3);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    autofree char *bytes = mem_zalloc(1, 1 << 20);
    archive_write_data(a, bytes, 1 << 20);
    archive_entry_free(e);
    archive_write_close(a);
    archive_write_free(a);
    struct tar_file *tar;
    assert_error(tar_file_open(path, &tar, &err), &err, ERROR_INPUT, "sparse");
}

static void too_many_members_are_refused(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autofree char *path = fixture_path(f, "many.tar");
    struct tar_writer *w;
    assert_done(tar_writer_new(path, &w, &err), &err);
    for (int i = 0; i <= 100000; i++) {
        int64_t offset;
        assert_done(tar_writer_place(w, "x", 0, &offset, &err), &err);
    }
    assert_done(tar_writer_finish(w, &err), &err);
    tar_writer_close(w);
    struct tar_file *tar;
    assert_error(tar_file_open(path, &tar, &err), &err, ERROR_INPUT, "more than 100000");
}

static void sizes_beyond_eight_gibibytes_are_written(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autofree char *path = fixture_path(f, "huge.tar");
    const int64_t size = INT64_C(9) << 30;
    struct tar_writer *w;
    int64_t offset;
    assert_done(tar_writer_new(path, &w, &err), &err);
    assert_done(tar_writer_place(w, "huge", size, &offset, &err), &err); /* a hole */
    assert_done(tar_writer_put(w, "after", "it", 2, &err), &err);
    assert_done(tar_writer_finish(w, &err), &err);
    tar_writer_close(w);
    struct tar_file *tar;
    autostr text = STR_INIT;
    assert_done(tar_file_open(path, &tar, &err), &err);
    assert_int_equal(tar_file_size(tar, "huge"), size);
    assert_done(tar_file_read(tar, "after", 10, &text, &err), &err);
    assert_string_equal(str_text(&text), "it");
    tar_file_close(tar);
}

static void a_member_cannot_run_into_the_next(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autofree char *path = fixture_path(f, "t.tar");
    struct tar_writer *w;
    int64_t offset;
    assert_done(tar_writer_new(path, &w, &err), &err);
    assert_done(tar_writer_place(w, "a", 3, &offset, &err), &err);
    autosource *longer = source_from_bytes("abcd", 4);
    autosource *shorter = source_from_bytes("ab", 2);
    assert_error(tar_writer_fill(w, offset, 3, longer, &err), &err, ERROR_INTEGRITY, "more");
    assert_error(tar_writer_fill(w, offset, 3, shorter, &err), &err, ERROR_INTEGRITY, "not the 3");
    assert_error(tar_writer_place(w, "a", -1, &offset, &err), &err, ERROR_INPUT, "fit");
    tar_writer_close(w);
    assert_int_equal(count_entries(f->dir), 0);
}

/* What docker save wrote before version 25: HEX/layer.tar, links between equal layers, HEX.json,
 * repositories. */
static void legacy_docker_archives_are_read(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autostr plain = STR_INIT, zipped = STR_INIT;
    struct digest ids[2];
    make_layer("plain\n", 1000, false, &plain, &ids[0]);
    make_layer("zipped\n", 1000, true, &zipped, &ids[1]);
    autofree char *config =
        mem_printf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"%s\","
                   "\"%s\",\"%s\"]}}",
                   ids[0].text, ids[1].text, ids[0].text);
    static const char list[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"busybox:1\",\"ghcr.io/o/"
                               "n:t\"],\"Layers\":[\"l0/layer.tar\",\"l1/layer.tar\",\"l2/"
                               "layer.tar\"]},{\"Config\":\"none\",\"RepoTags\":null,\"Layers\":"
                               "[]}]";
    struct member members[] = {
        {"c.json", config, strlen(config), NULL, NULL},
        {"l0/VERSION", "1.0", 3, NULL, NULL},
        {"l0/layer.tar", plain.data, plain.len, NULL, NULL},
        {"l1/layer.tar", zipped.data, zipped.len, NULL, NULL},
        {"l2/layer.tar", NULL, 0, "../l0/layer.tar", NULL},
        {"repositories", "{}", 2, NULL, NULL},
        {"manifest.json", list, strlen(list), NULL, NULL},
    };
    autofree char *path = make_tar(f, "legacy.tar", members, COUNT_OF(members), false);
    static const char *const names[] = {"busybox:1", "docker.io/library/busybox:1",
                                        "ghcr.io/o/n:t"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        autofree char *name = mem_printf("legacy.tar:%s", names[i]);
        autoreference ref = fixture_ref(f, "docker-archive", name);
        struct memory_sink sink;
        memory_init(&sink);
        struct pull_options options = {.keep_layout_fd = -1};
        autoimage image = {0};
        assert_done(image_pull(&ref, &options, &sink.sink, &image, &err), &err);
        assert_int_equal(image.layer_count, 3);
        assert_int_equal(sink.count, 2); /* the third is the first */
        assert_string_equal(image.layers[0].media_type, MEDIA_OCI_LAYER);
        assert_string_equal(image.layers[1].media_type, MEDIA_OCI_LAYER_GZIP);
    }
    autoreference unnamed = fixture_ref(f, "docker-archive", "legacy.tar");
    autoreference wrong = fixture_ref(f, "docker-archive", "legacy.tar:busybox:2");
    struct image_source *source = NULL;
    assert_error(image_source_open(&unnamed, NULL, &source, &err), &err, ERROR_MISSING,
                 "say which");
    assert_int_equal(image_source_open(&wrong, NULL, &source, &err), -1);
    assert_string_equal(err.hint, "it has: busybox:1, ghcr.io/o/n:t");
}

static void lies_in_docker_archives_are_found(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    autostr plain = STR_INIT;
    struct digest id, other;
    make_layer("plain\n", 1000, false, &plain, &id);
    digest_bytes("other", 5, &other);
    static const char *const lists[][2] = {
        /* manifest.json, words of the error */
        {"[]", "lists no image"},
        {"{}", "lists no image"},
        {"[1]", "in a number"},
        {"[{\"Config\":\"../../etc/passwd\",\"Layers\":[]}]", "has no"},
        {"[{\"Config\":\"/etc/passwd\",\"Layers\":[]}]", "has no"},
        {"[{\"Config\":\"c.json\",\"Layers\":[\"l.tar\",\"l.tar\"]}]", "lists 1 layers"},
        {"[{\"Config\":\"c.json\",\"Layers\":[\"/etc/passwd\"]}]", "has no /etc/passwd"},
        {"[{\"Config\":\"c.json\",\"Layers\":[7]}]", "not a string"},
        {"[{\"Config\":7}]", "string"},
        {"[", "JSON"},
    };
    autofree char *config = mem_printf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{"
                                       "\"diff_ids\":[\"%s\"]}}",
                                       other.text);
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct member members[] = {
            {"c.json", config, strlen(config), NULL, NULL},
            {"l.tar", plain.data, plain.len, NULL, NULL},
            {"manifest.json", lists[i][0], strlen(lists[i][0]), NULL, NULL},
        };
        autofree char *path = make_tar(f, "t.tar", members, COUNT_OF(members), false);
        autoreference ref = fixture_ref(f, "docker-archive", "t.tar");
        struct image_source *source = NULL;
        if (!image_source_open(&ref, NULL, &source, &err))
            fail_msg("%s was taken", lists[i][0]);
        if (!strstr(err.message, lists[i][1]))
            fail_msg("%s: %s", lists[i][0], err.message);
        error_release(&err);
    }
    /* A plain layer whose diff_id is another's. */
    static const char list[] = "[{\"Config\":\"c.json\",\"Layers\":[\"l.tar\"]}]";
    struct member members[] = {
        {"c.json", config, strlen(config), NULL, NULL},
        {"l.tar", plain.data, plain.len, NULL, NULL},
        {"manifest.json", list, strlen(list), NULL, NULL},
    };
    autofree char *path = make_tar(f, "t.tar", members, COUNT_OF(members), false);
    autoreference ref = fixture_ref(f, "docker-archive", "t.tar");
    struct memory_sink sink;
    memory_init(&sink);
    struct pull_options options = {.keep_layout_fd = -1};
    struct image image;
    assert_error(image_pull(&ref, &options, &sink.sink, &image, &err), &err, ERROR_INTEGRITY,
                 "digest");
    assert_int_equal(sink.count, 0);
}

static void docker_loads_what_it_should_find(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    make_layout(f, "l", 2, true);
    autoreference from = fixture_ref(f, "oci", "l");
    autoreference to = fixture_ref(f, "docker-archive", "d.tar");
    autostrv tags = STRV_INIT;
    strv_add(&tags, "ghcr.io/o/n:t");
    strv_add(&tags, "name");
    assert_done(copy(&from, &to, &tags, true, NULL, &err), &err);
    struct tar_file *tar;
    autostr text = STR_INIT;
    autojson *list = NULL;
    assert_done(tar_file_open(to.path, &tar, &err), &err);
    assert_done(tar_file_read(tar, "manifest.json", 65536, &text, &err), &err);
    assert_done(json_parse(text.data, text.len, "m", &list, &err), &err);
    assert_int_equal(json_array_size(list), 1);
    json_t *entry = json_array_get(list, 0);
    autojson *wanted = json_pack("[s, s]", "ghcr.io/o/n:t", "name:latest");
    assert_true(json_equal(json_object_get(entry, "RepoTags"), wanted));
    json_t *layers = json_object_get(entry, "Layers");
    assert_int_equal(json_array_size(layers), 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(tar_file_size(tar, json_string_value(json_array_get(layers, i))) > 0);
    tar_file_close(tar);
}

static void an_archive_of_the_wrong_kind_says_which_it_is(void **state)
{
    struct fixture *f = *state;
    autoerror err = ERROR_INIT;
    struct member members[] = {{"manifest.json", "[]", 2, NULL, NULL}};
    autofree char *path = make_tar(f, "d.tar", members, 1, false);
    autoreference oci = fixture_ref(f, "oci-archive", "d.tar");
    struct image_source *source = NULL;
    assert_int_equal(image_source_open(&oci, NULL, &source, &err), -1);
    assert_non_null(strstr(err.hint, "docker-archive:"));
    error_release(&err);
    struct member none[] = {{"file", "x", 1, NULL, NULL}};
    autofree char *other = make_tar(f, "o.tar", none, 1, false);
    autoreference docker = fixture_ref(f, "docker-archive", "o.tar");
    assert_error(image_source_open(&docker, NULL, &source, &err), &err, ERROR_INPUT,
                 "no manifest.json");
    autoreference found = {0};
    assert_error(reference_parse(other, true, &found, &err), &err, ERROR_INPUT, "neither");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(members_are_read_in_place),
        TEST(broken_archives_are_refused),
        TEST(a_bomb_is_not_inflated),
        TEST(endless_metadata_is_refused),
        TEST(sparse_members_are_refused),
        TEST(too_many_members_are_refused),
        TEST(sizes_beyond_eight_gibibytes_are_written),
        TEST(a_member_cannot_run_into_the_next),
        TEST(legacy_docker_archives_are_read),
        TEST(lies_in_docker_archives_are_found),
        TEST(docker_loads_what_it_should_find),
        TEST(an_archive_of_the_wrong_kind_says_which_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
