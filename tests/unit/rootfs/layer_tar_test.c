/* The tar writer: byte for byte the same each time, and read alike by libarchive and GNU tar. */
#include "layer_fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <time.h>

static const struct str *one(struct tar *t, struct fixture *f, const struct layer_entry *e,
                             const char *text)
{
    tar_begin(t, f);
    tar_put(t, e, text);
    return tar_end(t);
}

/* Read the only entry back. */
struct back {
    struct archive *archive;
    struct archive_entry *entry;
};

static void read_back(struct back *b, const struct str *tar)
{
    b->archive = archive_read_new();
    archive_read_support_format_tar(b->archive);
    assert_int_equal(archive_read_open_memory(b->archive, tar->data, tar->len), ARCHIVE_OK);
    assert_int_equal(archive_read_next_header(b->archive, &b->entry), ARCHIVE_OK);
}

static void a_plain_entry_is_one_ustar_header(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    const struct layer_entry e = {.path = "usr/bin/tool",
                                  .mode = S_IFREG | 0755,
                                  .uid = 1,
                                  .gid = 2,
                                  .mtime = {1700000000, 0}};
    const struct str *tar = one(&t, f, &e, "hello");
    /* Header, content, the end: no extended header where none is needed. */
    assert_int_equal(tar->len, 512 + 512 + 1024);
    assert_string_equal(tar->data, "usr/bin/tool");
    assert_memory_equal(tar->data + 100,
                        "0000755\0000000001\0000000002\00000000000005\000"
                        "14524770400",
                        8 + 8 + 8 + 12 + 11);
    assert_memory_equal(tar->data + 257, "ustar\00000", 8);
    assert_int_equal(tar->data[156], '0');
    assert_memory_equal(tar->data + 512, "hello\0\0", 7);
    struct digest d;
    digest_bytes(tar->data, tar->len, &d);
    struct tar again;
    const struct str *second = one(&again, f, &e, "hello");
    assert_int_equal(second->len, tar->len);
    assert_memory_equal(second->data, tar->data, tar->len);
    memory_release(&t.memory);
    memory_release(&again.memory);
}

static char *repeat(const char *text, size_t n)
{
    struct str s = STR_INIT;
    while (n--)
        str_add(&s, text);
    return str_take(&s);
}

static void paths_of_every_length_come_back(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 1; n <= 300; n++)
        for (int deep = 0; deep < 2; deep++) {
            autofree char *path = mem_alloc(n + 1);
            for (size_t i = 0; i < n; i++)
                path[i] = deep && i % 10 == 9 && i + 1 < n ? '/' : (char)('a' + i % 26);
            path[n] = '\0';
            for (int dir = 0; dir < 2; dir++) {
                struct tar t;
                const struct layer_entry e = {.path = path,
                                              .mode = dir ? S_IFDIR | 0755 : S_IFREG | 0644};
                const struct str *tar = one(&t, f, &e, NULL);
                struct back b;
                read_back(&b, tar);
                autofree char *expected = mem_printf("%s%s", path, dir ? "/" : "");
                assert_string_equal(archive_entry_pathname(b.entry), expected);
                archive_read_free(b.archive);
                /* What fits into ustar needs nothing else. */
                if (n + (size_t)dir <= 100)
                    assert_int_equal(tar->len, 512 + 1024);
                memory_release(&t.memory);
            }
        }
}

static void what_does_not_fit_goes_into_records(void **state)
{
    struct fixture *f = *state;
    autofree char *link = repeat("target/", 60);
    struct tar t;
    const struct layer_entry e = {.path = "l",
                                  .mode = S_IFLNK | 0777,
                                  .uid = 4000000000,
                                  .gid = 2097152,
                                  .link = link,
                                  .mtime = {10000000000, 123000000}};
    struct back b;
    read_back(&b, one(&t, f, &e, NULL));
    assert_string_equal(archive_entry_symlink(b.entry), link);
    assert_int_equal(archive_entry_uid(b.entry), 4000000000);
    assert_int_equal(archive_entry_gid(b.entry), 2097152);
    assert_int_equal(archive_entry_mtime(b.entry), 10000000000);
    assert_int_equal(archive_entry_mtime_nsec(b.entry), 123000000);
    archive_read_free(b.archive);
    assert_non_null(memmem(t.memory.bytes.data, t.memory.bytes.len, "mtime=10000000000.123\n", 22));
    memory_release(&t.memory);
}

static void huge_files_have_their_size(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    const struct layer_entry e = {
        .path = "huge", .mode = S_IFREG | 0644, .size = INT64_C(10) << 30};
    must(f, layer_tar_entry(t.tar, &e, &f->err));
    assert_fails(f, layer_tar_finish(t.tar, &f->err), ERROR_INTERNAL, "short");
    /* The head is still in the writer's buffer: content pushes it out. */
    autofree char *block = mem_zalloc(1, 1 << 20);
    must(f, layer_tar_content(t.tar, block, 1 << 20, &f->err));
    struct back b;
    read_back(&b, &t.memory.bytes);
    assert_int_equal(archive_entry_size(b.entry), INT64_C(10) << 30);
    archive_read_free(b.archive);
    layer_tar_free(t.tar);
    memory_release(&t.memory);
}

static void times_before_1970_are_written(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct timespec time;
        const char *record;
    } rows[] = {{{-1, 0}, "12 mtime=-1\n"},
                {{-5, 500000000}, "14 mtime=-4.5\n"},
                {{-1, 999999999}, "22 mtime=-0.000000001\n"},
                {{0, 1}, "21 mtime=0.000000001\n"},
                {{7, 100000000}, "13 mtime=7.1\n"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tar t;
        const struct layer_entry e = {.path = "x", .mode = S_IFREG | 0644, .mtime = rows[i].time};
        one(&t, f, &e, NULL);
        assert_non_null(memmem(t.memory.bytes.data, t.memory.bytes.len, rows[i].record,
                               strlen(rows[i].record)));
        memory_release(&t.memory);
    }
}

/* The length of a record counts its own digits: at the edges it must settle. */
static void record_lengths_settle(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 0; n < 1100; n++) {
        autofree char *value = mem_zalloc(1, n + 1);
        memset(value, 'v', n);
        const struct layer_xattr x = {"user.k", value, n};
        const struct layer_entry e = {
            .path = "x", .mode = S_IFREG | 0644, .xattrs = &x, .xattr_count = 1};
        struct tar t;
        struct back b;
        read_back(&b, one(&t, f, &e, NULL));
        const char *name;
        const void *got;
        size_t size;
        assert_int_equal(archive_entry_xattr_reset(b.entry), 1);
        assert_int_equal(archive_entry_xattr_next(b.entry, &name, &got, &size), ARCHIVE_OK);
        assert_string_equal(name, "user.k");
        assert_int_equal(size, n);
        archive_read_free(b.archive);
        memory_release(&t.memory);
    }
}

static void no_time_is_later_than_the_clamp(void **state)
{
    struct fixture *f = *state;
    struct memory memory = MEMORY;
    struct layer_tar *tar = layer_tar_new(&memory.sink, 1000);
    static const struct timespec times[] = {{999, 5}, {1000, 0}, {1000, 5}, {2000, 7}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        const struct layer_entry e = {.path = "x", .mode = S_IFREG, .mtime = times[i]};
        must(f, layer_tar_entry(tar, &e, &f->err));
    }
    must(f, layer_tar_finish(tar, &f->err));
    layer_tar_free(tar);
    struct back b;
    read_back(&b, &memory.bytes);
    assert_int_equal(archive_entry_mtime_nsec(b.entry), 5);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(archive_read_next_header(b.archive, &b.entry), ARCHIVE_OK);
        assert_int_equal(archive_entry_mtime(b.entry), 1000);
        assert_int_equal(archive_entry_mtime_nsec(b.entry), 0);
    }
    archive_read_free(b.archive);
    memory_release(&memory);
}

static void a_file_that_shrinks_is_an_error(void **state)
{
    struct fixture *f = *state;
    write_text(f->dir, "file", "12345");
    autoclose int fd = openat(f->dir, "file", O_RDONLY);
    struct tar t;
    tar_begin(&t, f);
    const struct layer_entry e = {.path = "file", .mode = S_IFREG, .size = 6};
    must(f, layer_tar_entry(t.tar, &e, &f->err));
    assert_fails(f, layer_tar_content_fd(t.tar, fd, &f->err), ERROR_INPUT, "file became shorter");
    layer_tar_free(t.tar);
    memory_release(&t.memory);
    /* One that grows gives what was announced. */
    const struct layer_entry less = {.path = "file", .mode = S_IFREG, .size = 3};
    lseek(fd, 0, SEEK_SET);
    tar_begin(&t, f);
    must(f, layer_tar_entry(t.tar, &less, &f->err));
    must(f, layer_tar_content_fd(t.tar, fd, &f->err));
    tar_end(&t);
    assert_memory_equal(t.memory.bytes.data + 512, "123\0", 4);
    memory_release(&t.memory);
}

static void what_a_tar_cannot_hold_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    const struct layer_entry sock = {.path = "s", .mode = S_IFSOCK};
    assert_fails(f, layer_tar_entry(t.tar, &sock, &f->err), ERROR_INPUT, "type");
    const struct layer_xattr odd = {"user.a=b", "v", 1};
    const struct layer_entry x = {.path = "x", .mode = S_IFREG, .xattrs = &odd, .xattr_count = 1};
    assert_fails(f, layer_tar_entry(t.tar, &x, &f->err), ERROR_INPUT, "user.a=b");
    layer_tar_free(t.tar);
    memory_release(&t.memory);
}

static void whiteouts_are_named_as_the_specification_says(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    must(f, layer_tar_whiteout(t.tar, "a/b", &f->err));
    must(f, layer_tar_whiteout(t.tar, "top", &f->err));
    must(f, layer_tar_opaque(t.tar, "a/d", &f->err));
    must(f, layer_tar_opaque(t.tar, "", &f->err));
    const struct str *tar = tar_end(&t);
    assert_string_equal(tar->data, "a/.wh.b");
    assert_string_equal(tar->data + 512, ".wh.top");
    assert_string_equal(tar->data + 1024, "a/d/.wh..wh..opq");
    assert_string_equal(tar->data + 1536, ".wh..wh..opq");
    memory_release(&t.memory);
}

/* GNU tar extracts what we wrote exactly as we unpack it. */
static void gnu_tar_agrees(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    autofree char *deep = repeat("directory/", 30);
    autofree char *file = mem_printf("%sfile", deep);
    autofree char *name = repeat("n", 250);
    const struct layer_xattr x[] = {{"user.one", "1", 1}, {"user.two", "\0\xff\n", 3}};
    tar_put(&t,
            &(struct layer_entry){.path = file,
                                  .mode = S_IFREG | 04755,
                                  .uid = 12,
                                  .gid = 3000000,
                                  .mtime = {1600000000, 987654321},
                                  .xattrs = x,
                                  .xattr_count = 2},
            "text");
    tar_file(&t, name, "long name");
    tar_dir(&t, "d", 0750); /* GNU tar sets its time when it leaves it */
    tar_link(&t, "d/hard", name);
    tar_put(&t,
            &(struct layer_entry){
                .path = "d/sym", .mode = S_IFLNK | 0777, .link = file, .mtime = {5, 0}},
            NULL);
    tar_put(&t,
            &(struct layer_entry){.path = "d/dev", .mode = S_IFBLK | 0600, .rdev = makedev(8, 17)},
            NULL);
    const struct str *tar = tar_end(&t);
    autoclose int ours = make_dir(f, "ours"), theirs = make_dir(f, "theirs");
    must(f, apply(f, ours, tar, NULL));
    autoclose int fd = openat(f->dir, "x.tar", O_WRONLY | O_CREAT, 0644);
    assert_int_equal(io_write(fd, tar->data, tar->len), 0);
    autofree char *path = mem_printf("%s/x.tar", f->path);
    autofree char *to = mem_printf("%s/theirs", f->path);
    const char *const argv[] = {
        "tar", "-xpf", path, "-C", to, "--xattrs", "--xattrs-include=*", "--numeric-owner", NULL};
    assert_int_equal(run_program(argv), 0);
    /* Parents that no entry names have no time to keep. */
    for (const char *at = deep; (at = strchr(at, '/')); at++) {
        autofree char *parent = mem_strndup(deep, (size_t)(at - deep));
        const struct timespec zero[2] = {{0, 0}, {0, 0}};
        utimensat(ours, parent, zero, 0);
        utimensat(theirs, parent, zero, 0);
    }
    autofree char *a = tree(ours), *b = tree(theirs);
    assert_trees_equal(a, b);
    memory_release(&t.memory);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_plain_entry_is_one_ustar_header),
        CASE(paths_of_every_length_come_back),
        CASE(what_does_not_fit_goes_into_records),
        CASE(huge_files_have_their_size),
        CASE(times_before_1970_are_written),
        CASE(record_lengths_settle),
        CASE(no_time_is_later_than_the_clamp),
        CASE(a_file_that_shrinks_is_an_error),
        CASE(what_a_tar_cannot_hold_is_refused),
        CASE(whiteouts_are_named_as_the_specification_says),
        CASE(gnu_tar_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
