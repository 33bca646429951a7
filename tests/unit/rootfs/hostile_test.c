/* Layers made to do harm: each is refused or does nothing outside its directory. The tars are made
 * here, block by block, since our own writer would not make them. */
#include "layer_fixture.h"

#include "layer_writer.h"

/* One header (POSIX.1-2001, ustar); fields as given, checksum right. */
static void raw(struct str *out, char type, const char *name, const char *link, int64_t size)
{
    char h[512] = {0};
    unsigned sum = 0;
    memcpy(h, name, strnlen(name, 100));
    memcpy(h + 100, "0000755", 7);
    memcpy(h + 108, "0000000", 7);
    memcpy(h + 116, "0000000", 7);
    snprintf(h + 124, 12, "%011llo", (unsigned long long)size);
    memcpy(h + 136, "00000000000", 11);
    h[156] = type;
    memcpy(h + 157, link, strnlen(link, 100));
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < sizeof h; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    str_add_bytes(out, h, sizeof h);
}

static void raw_content(struct str *out, const void *bytes, size_t n)
{
    static const char zeros[512];
    str_add_bytes(out, bytes, n);
    str_add_bytes(out, zeros, (size_t)(-n % 512));
}

static void raw_file(struct str *out, const char *name, const char *text)
{
    raw(out, '0', name, "", (int64_t)strlen(text));
    raw_content(out, text, strlen(text));
}

static void raw_end(struct str *out)
{
    static const char zeros[1024];
    str_add_bytes(out, zeros, sizeof zeros);
}

/* Beside the layer's directory lie a file and a directory that must not change. */
static void assert_untouched(struct fixture *f)
{
    autofree char *victim = content(f->dir, "victim");
    assert_string_equal(victim, "untouched");
    assert_int_equal(look(f->dir, "victim").st_nlink, 1);
    autoclose int dir = openat(f->dir, "victims", O_RDONLY | O_DIRECTORY);
    autofree char *inside = tree(dir);
    assert_string_equal(inside, "");
}

static int attack(struct fixture *f, struct str *tar)
{
    raw_end(tar);
    if (!exists(f->dir, "victim")) {
        write_text(f->dir, "victim", "untouched");
        assert_int_equal(mkdirat(f->dir, "victims", 0755), 0);
    }
    assert_int_equal(path_remove_tree(f->dir, "out", NULL), 0);
    autoclose int dir = make_dir(f, "out");
    int code = apply(f, dir, tar, NULL);
    assert_untouched(f);
    return code;
}

static void dots_lead_nowhere(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {
        "../victim",      "a/../../victim", "..",
        "a/..",           "/../victim",     "a/../b",
        "../victims/new", "./../victim",    "a/b/../../../victims/x"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        autostr tar = STR_INIT;
        raw_file(&tar, names[i], "owned");
        assert_fails(f, attack(f, &tar), ERROR_INPUT, "leads out");
    }
}

static void a_link_to_the_outside_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const targets[] = {"../victim", "/../victim", "a/../../victim"};
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        autostr tar = STR_INIT;
        raw(&tar, '1', "mine", targets[i], 0);
        raw_file(&tar, "mine", "owned");
        assert_fails(f, attack(f, &tar), ERROR_INPUT, "which this layer lacks");
    }
    autostr absent = STR_INIT;
    raw(&absent, '1', "mine", "etc/passwd", 0);
    assert_fails(f, attack(f, &absent), ERROR_INPUT, "hard link to etc/passwd");
    autostr dir = STR_INIT;
    raw(&dir, '5', "d", "", 0);
    raw(&dir, '1', "mine", "d", 0);
    assert_fails(f, attack(f, &dir), ERROR_INPUT, "is a directory");
    autostr none = STR_INIT;
    raw(&none, '1', "mine", "", 0);
    assert_fails(f, attack(f, &none), ERROR_INPUT, "");
}

/* Through a symlink, absolute or climbing, with the layer's own directory as the root. */
static void symlinks_do_not_lead_out(void **state)
{
    struct fixture *f = *state;
    autofree char *absolute = mem_printf("%s/victims", f->path);
    const char *const targets[] = {"../victims", "../../../../../../../../victims", absolute,
                                   "/proc/self/cwd", "/proc/self/root"};
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        autostr tar = STR_INIT;
        raw(&tar, '2', "way", targets[i], 0);
        raw_file(&tar, "way/new", "owned");
        int code = attack(f, &tar);
        assert_int_equal(code, -1);
        error_release(&f->err);
        autostr link = STR_INIT;
        raw(&link, '2', "way", targets[i], 0);
        raw(&link, '1', "mine", "way/victim", 0);
        assert_int_equal(attack(f, &link), -1);
        error_release(&f->err);
    }
}

/* A file over a symlink replaces the symlink, and is not written through it; a whiteout, a chown or
 * a directory neither. */
static void nothing_is_written_through_a_symlink(void **state)
{
    struct fixture *f = *state;
    static const char types[] = {'0', '5', '2', '6', '1'};
    for (size_t i = 0; i < sizeof types; i++) {
        autostr tar = STR_INIT;
        raw_file(&tar, "own", "x");
        raw(&tar, '2', "way", "../victim", 0);
        raw(&tar, types[i], "way", "own", 0);
        must(f, attack(f, &tar));
    }
    autostr tar = STR_INIT;
    raw(&tar, '2', "way", "../victims", 0);
    raw_file(&tar, ".wh.way", "");
    must(f, attack(f, &tar));
}

static void a_hard_link_to_a_symlink_is_the_symlink(void **state)
{
    struct fixture *f = *state;
    autostr tar = STR_INIT;
    raw(&tar, '2', "way", "../victim", 0);
    raw(&tar, '1', "copy", "way", 0);
    raw_file(&tar, "copy", "owned"); /* replaces the link */
    must(f, attack(f, &tar));
}

static void the_root_stays(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {".", "./", "/", "", "./.", "//"};
    static const char types[] = {'0', '2', '1', '3', '6'};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        for (size_t k = 0; k < sizeof types; k++) {
            autostr tar = STR_INIT;
            raw_file(&tar, "x", "x");
            raw(&tar, types[k], names[i], "x", 0);
            int code = attack(f, &tar);
            /* A file whose name ends in a slash is a directory to old tars, and to libarchive. */
            if (code)
                assert_fails(f, code, ERROR_INPUT, "");
            assert_true(exists(f->dir, "out/x"));
            assert_true(S_ISDIR(look(f->dir, "out").st_mode));
        }
}

static void odd_whiteouts_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {".wh.", ".wh..", ".wh...", "a/.wh...", "a/.wh."};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        autostr tar = STR_INIT;
        raw_file(&tar, names[i], "");
        assert_fails(f, attack(f, &tar), ERROR_INPUT, "whiteout of nothing");
    }
    autostr inside = STR_INIT;
    raw_file(&inside, ".wh.dir/file", "x");
    assert_fails(f, attack(f, &inside), ERROR_INPUT, "can't hold anything");
    autostr link = STR_INIT; /* a hard link named like a whiteout is a whiteout */
    raw_file(&link, "x", "x");
    raw(&link, '1', ".wh.y", "x", 0);
    must(f, attack(f, &link));
    struct stat st = look(f->dir, "out/y");
    assert_true(S_ISCHR(st.st_mode));
    autostr target = STR_INIT;
    raw_file(&target, ".wh.y", "");
    raw(&target, '1', "z", "y", 0);
    assert_fails(f, attack(f, &target), ERROR_INPUT, "which is deleted");
}

static void a_file_in_the_way_is_no_directory(void **state)
{
    struct fixture *f = *state;
    autostr tar = STR_INIT;
    raw_file(&tar, "a", "x");
    raw_file(&tar, "a/b", "x");
    assert_fails(f, attack(f, &tar), ERROR_INPUT, "a is not a directory");
    autostr loop = STR_INIT;
    raw(&loop, '2', "a", "b", 0);
    raw(&loop, '2', "b", "a", 0);
    raw_file(&loop, "a/x", "x");
    assert_fails(f, attack(f, &loop), ERROR_INPUT, "not a directory");
}

static void pax(struct str *tar, const char *key, size_t size)
{
    autostr record = STR_INIT;
    size_t length = strlen(key) + size + 3 + 7;
    str_addf(&record, "%07zu %s=", length, key);
    for (size_t i = 0; i < size; i++)
        str_add_char(&record, 'a');
    str_add_char(&record, '\n');
    raw(tar, 'x', "pax", "", (int64_t)record.len);
    raw_content(tar, record.data, record.len);
}

static void metadata_is_capped(void **state)
{
    struct fixture *f = *state;
    autostr big = STR_INIT;
    pax(&big, "comment", 2 << 20);
    raw_file(&big, "x", "x");
    int code = attack(f, &big);
    assert_fails(f, code, ERROR_INPUT, "broken");
    /* Claims of terabytes cost nothing before they are read. */
    autostr claim = STR_INIT;
    raw(&claim, 'x', "pax", "", INT64_C(1) << 32);
    assert_int_equal(attack(f, &claim), -1);
    error_release(&f->err);
    autostr name = STR_INIT;
    pax(&name, "path", 5000);
    raw_file(&name, "x", "x");
    assert_fails(f, attack(f, &name), ERROR_INPUT, "too long");
    autostr link = STR_INIT;
    pax(&link, "linkpath", 100000);
    raw(&link, '2', "x", "", 0);
    assert_fails(f, attack(f, &link), ERROR_INPUT, "x: ");
}

static void endless_headers_end(void **state)
{
    struct fixture *f = *state;
    autostr tar = STR_INIT;
    for (int i = 0; i < 12000; i++) /* six megabytes of headers, and no entry yet */
        raw(&tar, 'x', "pax", "", 0);
    raw_file(&tar, "x", "x");
    int code = attack(f, &tar);
    if (code)
        assert_fails(f, code, ERROR_INPUT, "");
    /* A sparse map (GNU 1.0) with more entries than anybody needs. */
    autostr map = STR_INIT, text = STR_INIT, sparse = STR_INIT;
    str_add(&text, "2000000\n");
    while (text.len < 8 << 20)
        str_add(&text, "0\n0\n");
    str_add(&map, "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n20 GNU.sparse.name=x\n"
                  "30 GNU.sparse.realsize=1000000\n");
    raw(&sparse, 'x', "pax", "", (int64_t)map.len);
    raw_content(&sparse, map.data, map.len);
    raw(&sparse, '0', "x", "", (int64_t)text.len);
    raw_content(&sparse, text.data, text.len);
    assert_fails(f, attack(f, &sparse), ERROR_INPUT, "broken");
}

static void depth_is_capped(void **state)
{
    struct fixture *f = *state;
    autostr path = STR_INIT, tar = STR_INIT, record = STR_INIT;
    for (int i = 0; i < 1000; i++)
        str_add(&path, "d/");
    str_add(&path, "file");
    size_t length = path.len + strlen("path") + 3 + 7;
    str_addf(&record, "%07zu path=%s\n", length, path.data);
    raw(&tar, 'x', "pax", "", (int64_t)record.len);
    raw_content(&tar, record.data, record.len);
    raw_file(&tar, "x", "x");
    assert_fails(f, attack(f, &tar), ERROR_INPUT, "deeper");
}

/* Without a tar of gigabytes: what is ignored counts as well. */
static void entries_are_capped(void **state)
{
    struct fixture *f = *state;
    static const struct layer_entry e = {.path = ".wh..wh.private", .mode = S_IFREG};
    static const struct layer_apply_options options = {.what = "the layer"};
    struct layer_writer *writer = layer_writer_new(f->dir, &options);
    int code = 0, n = 0;
    for (; !code && n < 5000001; n++)
        code = layer_writer_entry(writer, &e, &f->err);
    layer_writer_free(writer);
    assert_int_equal(n, 5000001);
    assert_fails(f, code, ERROR_INPUT, "more than 5000000 entries");
}

static void impossible_owners_are_refused(void **state)
{
    struct fixture *f = *state;
    autostr tar = STR_INIT;
    static const char record[] = "18 uid=4294967295\n";
    raw(&tar, 'x', "pax", "", sizeof record - 1);
    raw_content(&tar, record, sizeof record - 1);
    raw_file(&tar, "x", "x");
    assert_fails(f, attack(f, &tar), ERROR_INPUT, "owner");
}

static void broken_tars_are_refused(void **state)
{
    struct fixture *f = *state;
    autostr sum = STR_INIT;
    raw_file(&sum, "one", "1");
    raw_file(&sum, "two", "2");
    sum.data[1024 + 20] ^= 1;
    assert_fails(f, attack(f, &sum), ERROR_INPUT, "broken");
    autostr junk = STR_INIT;
    for (int i = 0; i < 3000; i++)
        str_add(&junk, "no tar at all ");
    assert_fails(f, attack(f, &junk), ERROR_INPUT, "broken");
    autostr cut = STR_INIT;
    raw(&cut, '0', "big", "", 1 << 20);
    str_add(&cut, "only this much");
    autoclose int dir = make_dir(f, "cut");
    assert_fails(f, apply(f, dir, &cut, NULL), ERROR_INPUT, "broken");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(dots_lead_nowhere),
        CASE(a_link_to_the_outside_is_refused),
        CASE(symlinks_do_not_lead_out),
        CASE(nothing_is_written_through_a_symlink),
        CASE(a_hard_link_to_a_symlink_is_the_symlink),
        CASE(the_root_stays),
        CASE(odd_whiteouts_are_refused),
        CASE(a_file_in_the_way_is_no_directory),
        CASE(metadata_is_capped),
        CASE(endless_headers_end),
        CASE(depth_is_capped),
        CASE(entries_are_capped),
        CASE(impossible_owners_are_refused),
        CASE(broken_tars_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
