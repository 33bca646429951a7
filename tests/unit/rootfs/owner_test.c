/* Owners in a record: what a layer says of owners, devices and lists comes out as it went in,
 * though every file on the disk is root's. */
#include "layer_fixture.h"

#include <rootfs/owner.h>
#include <rootfs/owner_acl.h>

/* user::rw- user:1000:r-- group::r-- mask::r-- other::--- */
static const unsigned char list[] = {2,  0, 0, 0,                         //
                                     1,  0, 6, 0, 0xff, 0xff, 0xff, 0xff, //
                                     2,  0, 4, 0, 0xe8, 3,    0,    0,    //
                                     4,  0, 4, 0, 0xff, 0xff, 0xff, 0xff, //
                                     16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, //
                                     32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};

static void put_all(struct tar *t)
{
    const struct layer_xattr acl = {ACL_XATTR_ACCESS, list, sizeof list};
    const struct layer_xattr note = {"user.note", "n", 1};
    tar_put(t,
            &(struct layer_entry){
                .path = "dev1", .mode = S_IFCHR | 0620, .uid = 7, .gid = 5, .rdev = makedev(4, 64)},
            NULL);
    tar_put(t, &(struct layer_entry){.path = "disk", .mode = S_IFBLK | 0600, .rdev = makedev(8, 1)},
            NULL);
    tar_put(t, &(struct layer_entry){.path = "fifo", .mode = S_IFIFO | 0640, .uid = 1000}, NULL);
    tar_put(t,
            &(struct layer_entry){.path = "home",
                                  .mode = S_IFDIR | 02750,
                                  .uid = 1000,
                                  .gid = 1001,
                                  .xattrs = &note,
                                  .xattr_count = 1},
            NULL);
    tar_put(t,
            &(struct layer_entry){.path = "home/link",
                                  .mode = S_IFLNK | 0777,
                                  .uid = 1000,
                                  .gid = 1000,
                                  .link = "nowhere"},
            NULL);
    tar_put(t,
            &(struct layer_entry){.path = "home/listed",
                                  .mode = S_IFREG | 0640,
                                  .gid = 4,
                                  .xattrs = &acl,
                                  .xattr_count = 1},
            "x");
    tar_put(t, &(struct layer_entry){.path = "home/suid", .mode = S_IFREG | 04755, .uid = 33}, "y");
    tar_put(
        t,
        &(struct layer_entry){
            .path = "home/suid2", .mode = S_IFREG | 04755, .link = "home/suid", .hard_link = true},
        NULL);
    tar_put(t, &(struct layer_entry){.path = "plain", .mode = S_IFREG | 0644}, "z");
}

static void make(struct fixture *f, const char *name, struct owners *owners, struct digest *in,
                 struct digest *out)
{
    struct tar t;
    tar_begin(&t, f);
    put_all(&t);
    struct str *bytes = tar_end(&t);
    autoclose int dir = make_dir(f, name);
    struct layer_apply_options options = {
        .what = "the layer", .device_nodes = true, .owners = owners};
    autosource *from = source_from_bytes(str_text(bytes), bytes->len);
    must(f, layer_apply(dir, from, &options, in, &f->err));
    automemory made = MEMORY;
    struct layer_diff_options diff = {.clamp = -1, .owners = owners};
    struct layer_diff_stats stats;
    must(f, layer_diff(dir, &diff, &made.sink, &stats, &f->err));
    digest_bytes(made.bytes.data, made.bytes.len, out);
    memory_release(&t.memory);
}

static void a_layer_comes_out_of_the_record_as_it_went_in(void **state)
{
    struct fixture *f = *state;
    struct owners *owners;
    must(f, owners_open(f->dir, "owners", &owners, &f->err));
    struct digest in, recorded, real;
    make(f, "real", NULL, &in, &real);
    make(f, "recorded", owners, &in, &recorded);
    assert_string_equal(recorded.text, real.text);
    struct stat st = look(f->dir, "recorded/home/suid");
    assert_int_equal(st.st_uid, 0);
    assert_true(S_ISREG(look(f->dir, "recorded/dev1").st_mode));
    owners_close(owners);
}

static void the_table_outlives_the_process_and_a_torn_end(void **state)
{
    struct fixture *f = *state;
    struct owners *owners, *other;
    struct stat st;
    must(f, owners_open(f->dir, "owners", &owners, &f->err));
    must(f, owners_open(f->dir, "owners", &other, &f->err));
    assert_int_equal(symlinkat("x", f->dir, "one"), 0);
    assert_int_equal(symlinkat("x", f->dir, "two"), 0);
    assert_false(owners_has_table(owners));
    assert_int_equal(owners_give(owners, f->dir, "one", 5, 6), 0);
    assert_int_equal(owners_refresh(other), 0);
    assert_int_equal(owners_give(other, f->dir, "two", 7, 8), 0);
    owners_close(owners);
    owners_close(other);
    autoclose int fd = openat(f->dir, "owners", O_WRONLY | O_APPEND);
    assert_int_equal(io_write(fd, "torn", 4), 0);
    must(f, owners_open(f->dir, "owners", &owners, &f->err));
    assert_int_equal(owners_stat(owners, f->dir, "one", &st), 0);
    assert_true(st.st_uid == 5 && st.st_gid == 6);
    assert_int_equal(owners_give(owners, f->dir, "one", 0, 0), 0);
    owners_close(owners);
    must(f, owners_open(f->dir, "owners", &owners, &f->err));
    assert_int_equal(owners_stat(owners, f->dir, "one", &st), 0);
    assert_true(st.st_uid == 0 && st.st_gid == 0);
    assert_int_equal(owners_stat(owners, f->dir, "two", &st), 0);
    assert_true(st.st_uid == 7 && st.st_gid == 8);
    owners_close(owners);
}

static void an_inode_used_again_is_another_file(void **state)
{
    struct fixture *f = *state;
    struct owners *owners;
    struct stat st;
    must(f, owners_open(f->dir, "owners", &owners, &f->err));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(symlinkat("x", f->dir, "link"), 0);
        assert_int_equal(owners_stat(owners, f->dir, "link", &st), 0);
        assert_int_equal(st.st_uid, 0);
        assert_int_equal(owners_give(owners, f->dir, "link", 9, 9), 0);
        assert_int_equal(unlinkat(f->dir, "link", 0), 0);
        usleep(11000); /* births are told apart by the kernel's tick */
    }
    owners_close(owners);
}

static void giving_a_file_away_takes_its_set_id_bits(void **state)
{
    struct fixture *f = *state;
    struct owners *owners;
    struct stat st;
    must(f, owners_open(f->dir, "owners", &owners, &f->err));
    write_text(f->dir, "program", "x");
    assert_int_equal(fchmodat(f->dir, "program", 06755, 0), 0);
    assert_int_equal(owners_give(owners, f->dir, "program", 3, 4), 0);
    assert_int_equal(owners_stat(owners, f->dir, "program", &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0755);
    assert_int_equal(st.st_uid, 3);
    owners_close(owners);
}

static void a_list_and_the_mode_never_part(void **state)
{
    (void)state;
    unsigned char copy[sizeof list];
    memcpy(copy, list, sizeof list);
    assert_true(owner_acl_names_ids(list, sizeof list));
    assert_false(owner_acl_names_ids(list, sizeof list - 1));
    assert_int_equal(owner_acl_mode(list, sizeof list, 0777), 0640);
    owner_acl_follow(copy, sizeof copy, 0571);
    assert_int_equal(owner_acl_mode(copy, sizeof copy, 0), 0571);
    assert_int_equal(copy[14], 4); /* the named user's own */
}

static void a_layer_cannot_write_the_record(void **state)
{
    struct fixture *f = *state;
    const struct owner forged = {.uid = 77};
    const struct layer_xattr x[] = {{OWNER_XATTR_ACL, "a", 1},
                                    {OWNER_XATTR, &forged, sizeof forged}};
    struct tar t;
    tar_begin(&t, f);
    tar_put(&t,
            &(struct layer_entry){
                .path = "file", .mode = S_IFREG | 0644, .xattrs = x, .xattr_count = 2},
            "x");
    autoclose int dir = make_dir(f, "dir");
    must(f, apply(f, dir, tar_end(&t), NULL));
    memory_release(&t.memory);
    autofree char *text = tree(dir);
    assert_null(strstr(text, "user.imgbuild"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_layer_comes_out_of_the_record_as_it_went_in),
        TEST(the_table_outlives_the_process_and_a_torn_end),
        TEST(an_inode_used_again_is_another_file),
        TEST(giving_a_file_away_takes_its_set_id_bits),
        TEST(a_list_and_the_mode_never_part),
        TEST(a_layer_cannot_write_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
