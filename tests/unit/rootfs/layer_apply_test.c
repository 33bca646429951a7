/* Unpacking: what a layer says is what the directory has, in whatever order it says it. */
#include "layer_fixture.h"

#include <rootfs/compress.h>
#include <rootfs/whiteout.h>

static int applied(struct fixture *f, struct tar *t, const char *name)
{
    int dir = make_dir(f, name);
    must(f, apply(f, dir, tar_end(t), NULL));
    memory_release(&t->memory);
    return dir;
}

static void modes_owners_and_times_are_kept(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_put(&t,
            &(struct layer_entry){.path = "d",
                                  .mode = S_IFDIR | 02750,
                                  .uid = 10,
                                  .gid = 20,
                                  .mtime = {1234567890, 123456789}},
            NULL);
    tar_put(&t,
            &(struct layer_entry){.path = "d/setuid",
                                  .mode = S_IFREG | 04711,
                                  .uid = 1000,
                                  .gid = 3000000,
                                  .mtime = {-5, 0}},
            "content");
    tar_put(&t,
            &(struct layer_entry){
                .path = "d/link", .mode = S_IFLNK | 0777, .uid = 7, .link = "/x", .mtime = {99, 5}},
            NULL);
    tar_put(&t, &(struct layer_entry){.path = "d/pipe", .mode = S_IFIFO | 0622}, NULL);
    tar_put(&t,
            &(struct layer_entry){.path = "d/null", .mode = S_IFCHR | 0666, .rdev = makedev(1, 3)},
            NULL);
    tar_put(&t, &(struct layer_entry){.path = "tmp", .mode = S_IFDIR | 01777}, NULL);
    mode_t mask = umask(077); /* ours must not matter, nor change */
    autoclose int dir = applied(f, &t, "out");
    assert_int_equal(umask(mask), 077);
    autofree char *got = tree(dir);
    assert_string_equal(got, "d 42750 10:20 1234567890.123456789\n"
                             "d/link 120777 7:0 99.000000005 -> /x\n"
                             "d/null 20666 0:0 0.000000000 1:3\n"
                             "d/pipe 10622 0:0 0.000000000\n"
                             "d/setuid 104711 1000:3000000 -5.000000000 7 ed7002b439e9ac84\n"
                             "tmp 41777 0:0 0.000000000\n");
}

static void entries_may_come_in_any_order(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_file(&t, "a/b/c", "first");
    tar_put(
        &t,
        &(struct layer_entry){.path = "a/b", .mode = S_IFDIR | 0700, .uid = 5, .mtime = {50, 0}},
        NULL);
    tar_file(&t, "./a//./other", "second");
    tar_file(&t, "/absolute", "third");
    tar_dir(&t, "a", 0751);
    autoclose int dir = applied(f, &t, "out");
    assert_int_equal(look(dir, "a/b").st_mode, S_IFDIR | 0700);
    assert_int_equal(look(dir, "a/b").st_uid, 5);
    assert_int_equal(look(dir, "a/b").st_mtime, 50);
    assert_int_equal(look(dir, "a").st_mode, S_IFDIR | 0751);
    assert_int_equal(look(dir, "a").st_mtime, 1000);
    assert_true(exists(dir, "a/b/c") && exists(dir, "a/other") && exists(dir, "absolute"));
}

static void a_directory_s_last_entry_counts(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_dir(&t, "d", 02750);
    tar_file(&t, "d/file", "x");
    tar_put(&t,
            &(struct layer_entry){.path = "d", .mode = S_IFDIR | 0755, .gid = 3, .mtime = {7, 0}},
            NULL);
    tar_dir(&t, "e", 0700);
    tar_dir(&t, "e", 01777);
    autoclose int dir = applied(f, &t, "out");
    struct stat st = look(dir, "d");
    assert_int_equal(st.st_mode, S_IFDIR | 0755);
    assert_int_equal(st.st_gid, 3);
    assert_int_equal(st.st_mtime, 7);
    assert_int_equal(look(dir, "d/file").st_gid, 0); /* nothing is inherited */
    assert_int_equal(look(dir, "e").st_mode, S_IFDIR | 01777);
}

static void the_later_entry_replaces_the_earlier(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_file(&t, "file-then-dir", "x");
    tar_dir(&t, "file-then-dir", 0755);
    tar_file(&t, "file-then-dir/in", "y");
    tar_dir(&t, "dir-then-file", 0755);
    tar_file(&t, "dir-then-file/in", "z");
    tar_file(&t, "dir-then-file", "now a file");
    tar_symlink(&t, "link-then-file", "file-then-dir/in");
    tar_file(&t, "link-then-file", "mine");
    tar_file(&t, "file-then-link", "x");
    tar_symlink(&t, "file-then-link", "t");
    tar_file(&t, "twice", "long first content");
    tar_file(&t, "twice", "short");
    tar_file(&t, "hard", "gone");
    tar_link(&t, "hard", "twice");
    tar_link(&t, "hard", "twice"); /* again: no harm */
    autoclose int dir = applied(f, &t, "out");
    assert_true(exists(dir, "file-then-dir/in"));
    autofree char *a = content(dir, "dir-then-file");
    autofree char *b = content(dir, "link-then-file");
    autofree char *c = content(dir, "file-then-dir/in");
    autofree char *d = content(dir, "twice");
    assert_string_equal(a, "now a file");
    assert_string_equal(b, "mine");
    assert_string_equal(c, "y");
    assert_string_equal(d, "short");
    assert_true(S_ISLNK(look(dir, "file-then-link").st_mode));
    assert_int_equal(look(dir, "hard").st_ino, look(dir, "twice").st_ino);
}

static void whiteouts_become_the_overlay_s_own(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_dir(&t, "etc", 0755);
    must(f, layer_tar_whiteout(t.tar, "etc/gone", &f->err));
    must(f, layer_tar_whiteout(t.tar, "top", &f->err));
    must(f, layer_tar_opaque(t.tar, "var/fresh", &f->err));
    tar_file(&t, "var/fresh/new", "x");
    autoclose int dir = applied(f, &t, "out");
    struct stat gone = look(dir, "etc/gone"), top = look(dir, "top");
    assert_true(whiteout_is(&gone) && whiteout_is(&top));
    autoclose int fresh = openat(dir, "var/fresh", O_RDONLY);
    assert_true(whiteout_is_opaque(WHITEOUT_TRUSTED, fresh));
    autoclose int var = openat(dir, "var", O_RDONLY);
    assert_false(whiteout_is_opaque(WHITEOUT_TRUSTED, var));
    assert_false(exists(dir, "etc/.wh.gone"));
}

/* A whiteout speaks of lower layers alone: what the same layer has of that name stays. */
static void a_whiteout_spares_its_own_layer(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_file(&t, "file-first", "x");
    must(f, layer_tar_whiteout(t.tar, "file-first", &f->err));
    must(f, layer_tar_whiteout(t.tar, "file-last", &f->err));
    tar_file(&t, "file-last", "x");
    tar_file(&t, "dir-first/in", "x");
    must(f, layer_tar_whiteout(t.tar, "dir-first", &f->err));
    must(f, layer_tar_whiteout(t.tar, "dir-last", &f->err));
    tar_dir(&t, "dir-last", 0755);
    must(f, layer_tar_whiteout(t.tar, "implied", &f->err));
    tar_file(&t, "implied/in", "x");
    must(f, layer_tar_whiteout(t.tar, "twice", &f->err));
    must(f, layer_tar_whiteout(t.tar, "twice", &f->err));
    autoclose int dir = applied(f, &t, "out");
    assert_true(S_ISREG(look(dir, "file-first").st_mode));
    assert_true(S_ISREG(look(dir, "file-last").st_mode));
    static const char *const opaque[] = {"dir-first", "dir-last", "implied"};
    for (size_t i = 0; i < COUNT_OF(opaque); i++) {
        autoclose int fd = openat(dir, opaque[i], O_RDONLY | O_DIRECTORY);
        assert_true(fd >= 0);
        assert_true(whiteout_is_opaque(WHITEOUT_TRUSTED, fd));
    }
    assert_true(exists(dir, "implied/in"));
}

static void a_union_file_system_s_own_files_are_passed_over(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_dir(&t, ".wh..wh.plnk", 0700);
    tar_file(&t, ".wh..wh.plnk/1.2", "x");
    tar_file(&t, ".wh..wh.aufs", "");
    tar_file(&t, "kept", "x");
    autoclose int dir = applied(f, &t, "out");
    autofree char *got = tree(dir);
    assert_string_equal(got, "kept 100644 0:0 0.000000000 1 2d711642b726b044\n");
}

static void links_join_names(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_file(&t, "a/one", "shared");
    tar_link(&t, "b/c/two", "a/one");
    tar_link(&t, "three", "./a/one");
    tar_symlink(&t, "sym", "nowhere");
    tar_link(&t, "sym-too", "/sym");
    autoclose int dir = applied(f, &t, "out");
    assert_int_equal(look(dir, "a/one").st_nlink, 3);
    assert_int_equal(look(dir, "a/one").st_ino, look(dir, "b/c/two").st_ino);
    assert_int_equal(look(dir, "sym").st_ino, look(dir, "sym-too").st_ino);
    assert_true(S_ISLNK(look(dir, "sym-too").st_mode));
}

static void attributes_and_capabilities_are_kept(void **state)
{
    struct fixture *f = *state;
    /* vfs_cap_data, revision 2: cap_net_raw, effective. */
    static const unsigned char cap[20] = {1, 0, 0, 2, 0, 0x20};
    const struct layer_xattr file[] = {{"security.capability", cap, sizeof cap},
                                       {"trusted.overlay.redirect", "/etc", 4},
                                       {"user.bytes", "a\0\n=\xff", 5}};
    const struct layer_xattr dir_x[] = {{"user.d", "v", 1}};
    const struct layer_xattr opaque[] = {{"trusted.overlay.opaque", "y", 1}};
    struct tar t;
    tar_begin(&t, f);
    tar_put(&t,
            &(struct layer_entry){.path = "ping",
                                  .mode = S_IFREG | 0755,
                                  .uid = 3,
                                  .xattrs = file,
                                  .xattr_count = COUNT_OF(file)},
            "program");
    tar_put(&t,
            &(struct layer_entry){
                .path = "d", .mode = S_IFDIR | 0755, .xattrs = dir_x, .xattr_count = 1},
            NULL);
    tar_put(&t,
            &(struct layer_entry){
                .path = "o", .mode = S_IFDIR | 0755, .xattrs = opaque, .xattr_count = 1},
            NULL);
    autoclose int dir = applied(f, &t, "out");
    autoclose int ping = openat(dir, "ping", O_RDONLY);
    autoclose int d = openat(dir, "d", O_RDONLY);
    autoclose int o = openat(dir, "o", O_RDONLY);
    char value[64];
    assert_int_equal(fgetxattr(ping, "security.capability", value, sizeof value), sizeof cap);
    assert_memory_equal(value, cap, sizeof cap);
    assert_int_equal(fgetxattr(ping, "user.bytes", value, sizeof value), 5);
    assert_memory_equal(value, "a\0\n=\xff", 5);
    assert_int_equal(fgetxattr(ping, "trusted.overlay.redirect", value, sizeof value), -1);
    assert_int_equal(fgetxattr(d, "user.d", value, sizeof value), 1);
    assert_false(whiteout_is_opaque(WHITEOUT_TRUSTED, o)); /* only a ".wh..wh..opq" says so */
}

static void names_are_bytes(void **state)
{
    struct fixture *f = *state;
    /* e with an accent in one and in two code points, Latin-1, a newline; and long ones, for which
     * a pax record is needed. */
    static const char *const names[] = {"\xc3\xa9", "e\xcc\x81", "\xe9", "a\nb", "\xff\xfe"};
    struct tar t;
    tar_begin(&t, f);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        autofree char *long_name = mem_printf("%s%0200d", names[i], 7);
        tar_file(&t, names[i], "x");
        tar_file(&t, long_name, "x");
        autofree char *link = mem_printf("link%zu", i);
        tar_symlink(&t, link, long_name);
        autofree char *hard = mem_printf("hard%zu", i);
        tar_link(&t, hard, long_name);
    }
    autoclose int dir = applied(f, &t, "out");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        autofree char *long_name = mem_printf("%s%0200d", names[i], 7);
        assert_true(exists(dir, names[i]) && exists(dir, long_name));
        autofree char *link = mem_printf("link%zu", i);
        autofree char *target = path_read_link(dir, link);
        assert_string_equal(target, long_name);
        assert_int_equal(look(dir, long_name).st_nlink, 2);
    }
}

static void holes_stay_holes(void **state)
{
    struct fixture *f = *state;
    enum { MIB = 1 << 20 };
    autofree char *big = mem_zalloc(20, MIB);
    memcpy(big + 100, "start", 5);
    memcpy(big + 9 * MIB + 77, "middle", 6);
    struct tar t;
    tar_begin(&t, f);
    const struct layer_entry e = {
        .path = "sparse", .mode = S_IFREG | 0644, .size = 20 * (int64_t)MIB};
    must(f, layer_tar_entry(t.tar, &e, &f->err));
    must(f, layer_tar_content(t.tar, big, 20 * (size_t)MIB, &f->err));
    const struct layer_entry empty = {.path = "zeros", .mode = S_IFREG | 0644, .size = 3 * MIB};
    must(f, layer_tar_entry(t.tar, &empty, &f->err));
    must(f, layer_tar_content(t.tar, big + 11 * MIB, 3 * (size_t)MIB, &f->err));
    autoclose int dir = applied(f, &t, "out");
    autoclose int fd = openat(dir, "sparse", O_RDONLY);
    autofree char *got = mem_alloc(20 * (size_t)MIB);
    assert_int_equal(look(dir, "sparse").st_size, 20 * MIB);
    assert_true(look(dir, "sparse").st_blocks * 512 < MIB);
    assert_int_equal(io_read(fd, got, 20 * (size_t)MIB), 20 * MIB);
    assert_memory_equal(got, big, 20 * (size_t)MIB);
    assert_int_equal(look(dir, "zeros").st_size, 3 * MIB);
    assert_true(look(dir, "zeros").st_blocks * 512 < MIB / 4);
}

static void an_empty_layer_is_a_layer(void **state)
{
    struct fixture *f = *state;
    autoclose int dir = make_dir(f, "out");
    autostr none = STR_INIT, zeros = STR_INIT;
    struct digest d;
    must(f, apply(f, dir, &none, &d));
    assert_string_equal(d.text,
                        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b"
                        "855");
    static const char block[1024];
    str_add_bytes(&zeros, block, sizeof block);
    must(f, apply(f, dir, &zeros, &d));
    assert_string_equal(d.text,
                        "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c"
                        "6ef");
}

/* Symlinks of the same layer lead where they would lead in the image. */
static void symlinked_parents_are_followed_inside(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_dir(&t, "usr/lib", 0755);
    tar_symlink(&t, "lib", "usr/lib");
    tar_symlink(&t, "abs", "/usr/lib");
    tar_file(&t, "lib/one", "1");
    tar_file(&t, "abs/two", "2");
    autoclose int dir = applied(f, &t, "out");
    assert_true(exists(dir, "usr/lib/one") && exists(dir, "usr/lib/two"));
    assert_true(S_ISLNK(look(dir, "lib").st_mode));
}

static void the_root_s_own_entry_dresses_it(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_put(&t,
            &(struct layer_entry){.path = "", .mode = S_IFDIR | 0711, .uid = 4, .mtime = {4444, 0}},
            NULL);
    tar_file(&t, "x", "x");
    autoclose int dir = applied(f, &t, "out");
    struct stat st = look(dir, ".");
    assert_int_equal(st.st_mode, S_IFDIR | 0711);
    assert_int_equal(st.st_uid, 4);
    assert_int_equal(st.st_mtime, 4444);
}

static void device_nodes_are_left_out_unless_wanted(void **state)
{
    struct fixture *f = *state;
    struct tar t;
    tar_begin(&t, f);
    tar_put(&t, &(struct layer_entry){.path = "sda", .mode = S_IFBLK | 0660, .rdev = makedev(8, 0)},
            NULL);
    /* This would be a whiteout that no entry names. */
    tar_put(&t, &(struct layer_entry){.path = "zero", .mode = S_IFCHR | 0660}, NULL);
    struct str *tar = tar_end(&t);
    autoclose int dir = make_dir(f, "out");
    struct layer_apply_options options = {.what = "layer"};
    autosource *from = source_from_bytes(tar->data, tar->len);
    struct digest d;
    must(f, layer_apply(dir, from, &options, &d, &f->err));
    autofree char *got = tree(dir);
    assert_string_equal(got, "");
    must(f, apply(f, dir, tar, NULL));
    assert_true(exists(dir, "sda"));
    assert_false(exists(dir, "zero"));
    memory_release(&t.memory);
}

static void a_full_disk_is_the_host_s_fault(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0)
        skip();
    autofree char *where = mem_printf("%s/small", f->path);
    assert_int_equal(mkdir(where, 0755), 0);
    static const char *const words = "size=1m";
    const char *const mount_argv[] = {"mount", "-t", "tmpfs", "-o", words, "none", where, NULL};
    const char *const umount_argv[] = {"umount", where, NULL};
    if (run_program(mount_argv))
        skip();
    struct tar t;
    tar_begin(&t, f);
    autofree char *big = mem_alloc(3 << 20);
    memset(big, 'x', 3 << 20);
    const struct layer_entry e = {.path = "big", .mode = S_IFREG | 0644, .size = 3 << 20};
    must(f, layer_tar_entry(t.tar, &e, &f->err));
    must(f, layer_tar_content(t.tar, big, 3 << 20, &f->err));
    struct str *tar = tar_end(&t);
    int dir = open(where, O_RDONLY | O_DIRECTORY);
    int code = apply(f, dir, tar, NULL);
    close(dir);
    memory_release(&t.memory);
    assert_int_equal(run_program(umount_argv), 0);
    assert_int_equal(code, -1);
    assert_int_equal(f->err.sys, ENOSPC);
    assert_non_null(f->err.hint);
    assert_fails(f, code, ERROR_HOST, "the layer: big: write: No space left");
}

/* Nothing of a bad blob passes, and what is wrong with the blob is said before what follows from
 * it. */
static void a_wrong_digest_outdoes_a_broken_tar(void **state)
{
    struct fixture *f = *state;
    autoclose int dir = make_dir(f, "out");
    autofree char *junk = mem_alloc(1 << 20);
    memset(junk, 'j', 1 << 20);
    struct digest other, d;
    digest_bytes("other", 5, &other);
    autosource *from =
        source_verified(source_from_bytes(junk, 1 << 20), &other, 1 << 20, "the blob");
    struct layer_apply_options options = {.what = "layer"};
    int code = layer_apply(dir, from, &options, &d, &f->err);
    assert_fails(f, code, ERROR_INTEGRITY, "the blob");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(modes_owners_and_times_are_kept),
        CASE(entries_may_come_in_any_order),
        CASE(a_directory_s_last_entry_counts),
        CASE(the_later_entry_replaces_the_earlier),
        CASE(whiteouts_become_the_overlay_s_own),
        CASE(a_whiteout_spares_its_own_layer),
        CASE(a_union_file_system_s_own_files_are_passed_over),
        CASE(links_join_names),
        CASE(attributes_and_capabilities_are_kept),
        CASE(names_are_bytes),
        CASE(holes_stay_holes),
        CASE(an_empty_layer_is_a_layer),
        CASE(symlinked_parents_are_followed_inside),
        CASE(the_root_s_own_entry_dresses_it),
        CASE(device_nodes_are_left_out_unless_wanted),
        CASE(a_full_disk_is_the_host_s_fault),
        CASE(a_wrong_digest_outdoes_a_broken_tar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
