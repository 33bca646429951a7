/* Directory views: what is changed in one is found without reading files, and comes out as an
 * overlay's upper directory would. */
#include "layer_fixture.h"

#include "file_changes.h"
#include "view.h"

#include <rootfs/snapshot.h>

/* A store as where no overlay can be. */
static const struct mode in_chroot = {.name = MODE_CHROOT, .view = MODE_VIEW_CHROOT};

struct plain {
    struct store *store;
    int base;
};

static void open_plain(struct fixture *f, struct plain *p)
{
    autofree char *root = mem_printf("%s/plain", f->path);
    must(f, store_open(root, &in_chroot, &p->store, &f->err));
    assert_int_equal(store_form(p->store), WHITEOUT_PLAIN);
    p->base = make_dir(f, "base");
    assert_int_equal(mkdirat(p->base, "etc", 0755), 0);
    assert_int_equal(mkdirat(p->base, "dev", 0700), 0);
    write_text(p->base, "dev/kept", "the image's");
    write_text(p->base, "etc/hosts", "the image's");
    assert_int_equal(mkdirat(p->base, "d", 0755), 0);
    write_text(p->base, "d/a", "a");
    write_text(p->base, "d/b", "b");
    assert_int_equal(linkat(p->base, "d/b", p->base, "b2", 0), 0);
}

static void close_plain(struct plain *p)
{
    close(p->base);
    store_close(p->store);
}

static void check_layer(struct fixture *f, int upper, const char *expected)
{
    autostrv names = STRV_INIT;
    struct file_list list = FILE_LIST_NONE;
    must(f, file_list_make(upper, NULL, &list, &f->err));
    for (size_t i = 0; i < list.count; i++)
        strv_add(&names, file_list_path(&list, i));
    autofree char *joined = strv_join(&names, " ");
    assert_string_equal(joined, expected);
    file_list_release(&list);
}

static void changes_come_out_as_a_layer_and_the_view_goes_on(void **state)
{
    struct fixture *f = *state;
    struct plain p;
    open_plain(f, &p);
    struct snapshot s = SNAPSHOT_NONE, next = SNAPSHOT_NONE;
    must(f,
         snapshot_new(p.store, &p.base, 1, SNAPSHOT_WRITABLE | SNAPSHOT_MOUNT_POINTS, &s, &f->err));
    assert_int_equal(s.view, SNAPSHOT_DIRECTORY);
    assert_true(exists(s.root_fd, "proc") && exists(s.root_fd, "sys"));
    assert_false(exists(s.root_fd, "dev/kept")); /* laid aside for the sandbox's own */
    write_text(s.root_fd, "dev/null", "of the sandbox");
    write_text(s.root_fd, "etc/hosts", "of the sandbox");
    write_text(s.root_fd, "new", "new");
    assert_int_equal(unlinkat(s.root_fd, "d/a", 0), 0);
    assert_int_equal(unlinkat(s.root_fd, "b2", 0), 0); /* d/b loses a name and stays as it is */
    must(f, snapshot_settle(&s, NULL, &f->err));
    check_layer(f, s.upper_fd, ".wh.b2 d d/.wh.a new");
    const int layers[2] = {p.base, s.upper_fd};
    must(f, snapshot_new(p.store, layers, 2, 0, &next, &f->err));
    assert_true(exists(next.root_fd, "dev/kept") && exists(next.root_fd, "new"));
    assert_false(exists(next.root_fd, "dev/null") || exists(next.root_fd, "proc"));
    assert_false(exists(next.root_fd, "d/a"));
    snapshot_release(&next);
    snapshot_release(&s);
    close_plain(&p);
}

static void a_directory_made_anew_hides_the_old_one(void **state)
{
    struct fixture *f = *state;
    struct plain p;
    open_plain(f, &p);
    struct snapshot s = SNAPSHOT_NONE;
    must(f, snapshot_new(p.store, &p.base, 1, SNAPSHOT_WRITABLE, &s, &f->err));
    assert_int_equal(path_remove_tree(s.root_fd, "d", NULL), 0);
    assert_int_equal(mkdirat(s.root_fd, "d", 0755), 0);
    write_text(s.root_fd, "d/b", "new");
    must(f, snapshot_settle(&s, NULL, &f->err));
    check_layer(f, s.upper_fd, "d d/.wh..wh..opq d/b");
    snapshot_release(&s);
    close_plain(&p);
}

static void what_is_written_and_not_settled_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct plain p;
    open_plain(f, &p);
    struct snapshot s = SNAPSHOT_NONE;
    for (int i = 0; i < 2; i++) {
        must(f, snapshot_new(p.store, &p.base, 1, SNAPSHOT_WRITABLE, &s, &f->err));
        assert_false(exists(s.root_fd, "written"));
        write_text(s.root_fd, "written", "x");
        snapshot_release(&s);
    }
    must(f, snapshot_new(p.store, &p.base, 1, 0, &s, &f->err));
    assert_false(exists(s.root_fd, "written"));
    snapshot_release(&s);
    close_plain(&p);
}

static void times_above_mount_points_do_not_count(void **state)
{
    struct fixture *f = *state;
    struct plain p;
    open_plain(f, &p);
    struct snapshot s = SNAPSHOT_NONE;
    autostrv stubs = STRV_INIT;
    strv_add(&stubs, "d/point");
    must(f, snapshot_new(p.store, &p.base, 1, SNAPSHOT_WRITABLE, &s, &f->err));
    assert_int_equal(mkdirat(s.root_fd, "d/point", 0755), 0);
    assert_int_equal(unlinkat(s.root_fd, "d/point", AT_REMOVEDIR), 0);
    must(f, snapshot_settle(&s, &stubs, &f->err));
    check_layer(f, s.upper_fd, "");
    snapshot_release(&s);
    close_plain(&p);
}

static void paths_sort_as_a_walk_meets_them(void **state)
{
    (void)state;
    assert_true(file_list_compare("a", "a/b") < 0);
    assert_true(file_list_compare("a/b", "a-b") < 0);
    assert_true(file_list_compare("a/b", "a\001b") < 0);
    assert_int_equal(file_list_compare("a/b", "a/b"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(changes_come_out_as_a_layer_and_the_view_goes_on),
        CASE(a_directory_made_anew_hides_the_old_one),
        CASE(what_is_written_and_not_settled_is_forgotten),
        CASE(times_above_mount_points_do_not_count),
        CASE(paths_sort_as_a_walk_meets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
