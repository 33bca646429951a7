/* Snapshots: layers seen as one, by either way that kernels know. Needs root. */
#include "layer_fixture.h"

#include <rootfs/snapshot.h>
#include <rootfs/whiteout.h>

#include "overlay.h"

#include <sys/syscall.h>

static int layer_of(struct fixture *f, const char *name, const char *file, const char *text)
{
    int fd = make_dir(f, name);
    write_text(fd, file, text);
    return fd;
}

static void start(struct fixture *f, const int *fds, size_t n, enum snapshot_flags flags,
                  struct snapshot *out)
{
    if (geteuid() != 0)
        skip();
    must(f, snapshot_new(f->store, fds, n, flags, out, &f->err));
}

static void upper_layers_hide_lower_ones(void **state)
{
    struct fixture *f = *state;
    autoclose int a = layer_of(f, "a", "both", "lower"), b = layer_of(f, "b", "both", "upper");
    write_text(a, "gone", "x");
    write_text(a, "below", "x");
    assert_int_equal(whiteout_make(WHITEOUT_TRUSTED, b, "gone"), 0);
    const int layers[] = {a, b};
    for (unsigned flags = 0; flags <= 3; flags++) {
        autosnapshot s = SNAPSHOT_NONE;
        start(f, layers, 2, flags, &s);
        autofree char *text = content(s.root_fd, "both");
        assert_string_equal(text, "upper");
        assert_false(exists(s.root_fd, "gone"));
        assert_true(exists(s.root_fd, "below"));
        assert_int_equal(exists(s.root_fd, "proc"), flags & SNAPSHOT_MOUNT_POINTS ? 1 : 0);
        assert_int_equal(exists(s.root_fd, "etc/hosts"), flags & SNAPSHOT_MOUNT_POINTS ? 1 : 0);
        bool writable = mkdirat(s.root_fd, "new", 0755) == 0;
        assert_int_equal(writable, flags & SNAPSHOT_WRITABLE ? 1 : 0);
        assert_int_equal(s.upper_fd >= 0, flags & SNAPSHOT_WRITABLE ? 1 : 0);
    }
}

static void no_layers_are_an_empty_root(void **state)
{
    struct fixture *f = *state;
    for (unsigned flags = 0; flags <= 1; flags++) {
        autosnapshot s = SNAPSHOT_NONE;
        start(f, NULL, 0, flags, &s);
        autofree char *got = tree(s.root_fd);
        assert_string_equal(got, "");
    }
}

static void one_layer_s_whiteouts_are_hidden_too(void **state)
{
    struct fixture *f = *state;
    autoclose int a = layer_of(f, "a", "file", "x");
    assert_int_equal(whiteout_make(WHITEOUT_TRUSTED, a, "gone"), 0);
    autosnapshot s = SNAPSHOT_NONE;
    start(f, &a, 1, 0, &s);
    assert_true(exists(s.root_fd, "file"));
    assert_false(exists(s.root_fd, "gone"));
}

static void a_layer_may_come_twice(void **state)
{
    struct fixture *f = *state;
    autoclose int a = layer_of(f, "a", "file", "first"), b = make_dir(f, "b");
    assert_int_equal(whiteout_make(WHITEOUT_TRUSTED, b, "file"), 0);
    const int layers[] = {a, b, a};
    autosnapshot s = SNAPSHOT_NONE;
    start(f, layers, 3, 0, &s);
    autofree char *text = content(s.root_fd, "file");
    assert_string_equal(text, "first");
}

static void an_opaque_root_hides_everything(void **state)
{
    struct fixture *f = *state;
    autoclose int a = layer_of(f, "a", "old", "x"), b = layer_of(f, "b", "new", "x");
    assert_int_equal(whiteout_set_opaque(WHITEOUT_TRUSTED, b), 0);
    const int layers[] = {a, b};
    autosnapshot s = SNAPSHOT_NONE;
    start(f, layers, 2, SNAPSHOT_MOUNT_POINTS, &s);
    assert_false(exists(s.root_fd, "old"));
    assert_true(exists(s.root_fd, "new") && exists(s.root_fd, "proc"));
}

static void many_layers_are_stacked(void **state)
{
    struct fixture *f = *state;
    int fds[130];
    for (int i = 0; i < 130; i++) {
        autofree char *name = mem_printf("layer%d", i);
        autofree char *file = mem_printf("file%d", i);
        fds[i] = layer_of(f, name, file, "x");
        write_text(fds[i], "last", name);
    }
    autosnapshot s = SNAPSHOT_NONE;
    start(f, fds, 130, SNAPSHOT_WRITABLE | SNAPSHOT_MOUNT_POINTS, &s);
    autofree char *last = content(s.root_fd, "last");
    assert_string_equal(last, "layer129");
    assert_true(exists(s.root_fd, "file0"));
    for (int i = 0; i < 130; i++)
        close(fds[i]);
}

static void the_root_looks_as_the_top_layer_s(void **state)
{
    struct fixture *f = *state;
    autoclose int a = layer_of(f, "a", "file", "x");
    assert_int_equal(fchmod(a, 0711), 0);
    assert_int_equal(fchown(a, 5, 6), 0);
    autosnapshot s = SNAPSHOT_NONE;
    start(f, &a, 1, SNAPSHOT_WRITABLE, &s);
    struct stat st = look(s.root_fd, ".");
    assert_int_equal(st.st_mode, S_IFDIR | 0711);
    assert_int_equal(st.st_uid, 5);
    assert_int_equal(st.st_gid, 6);
}

static void an_adopted_upper_is_a_layer(void **state)
{
    struct fixture *f = *state;
    autoclose int a = layer_of(f, "a", "file", "x");
    struct digest d;
    digest_bytes("x", 1, &d);
    autosnapshot s = SNAPSHOT_NONE;
    start(f, &a, 1, SNAPSHOT_WRITABLE, &s);
    write_text(s.root_fd, "made", "by the step");
    must(f, snapshot_adopt(&s, &d, &f->err));
    autoclose int kept = fcntl(s.upper_fd, F_DUPFD_CLOEXEC, 0);
    snapshot_release(&s);
    assert_true(store_has_layer(f->store, &d));
    const int layers[] = {a, kept};
    autosnapshot next = SNAPSHOT_NONE;
    start(f, layers, 2, SNAPSHOT_WRITABLE, &next);
    autofree char *text = content(next.root_fd, "made");
    assert_string_equal(text, "by the step");
}

static void a_released_snapshot_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct snapshot s;
    start(f, NULL, 0, SNAPSHOT_WRITABLE, &s);
    write_text(s.root_fd, "made", "x");
    snapshot_release(&s);
    autofree char *left = tree(store_tmp_fd(f->store));
    assert_true(str_starts(left, "lock ") && strchr(left, '\n')[1] == '\0');
    snapshot_release(&s); /* again: no harm */
}

static void nothing_is_mounted_where_others_see_it(void **state)
{
    struct fixture *f = *state;
    autosnapshot s = SNAPSHOT_NONE;
    start(f, NULL, 0, SNAPSHOT_WRITABLE, &s);
    autostr mounts = STR_INIT;
    must(f, io_read_file(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &mounts, &f->err));
    assert_null(strstr(mounts.data, f->path));
}

/* Both ways to mount give the same view, whichever this kernel would take. */
static void old_and_new_mounts_agree(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0)
        skip();
    autoclose int a = layer_of(f, "a", "file", "lower"), b = layer_of(f, "b", "file", "upper");
    autoclose int attach = make_dir(f, "attach");
    write_text(a, "other", "x");
    const int lower[] = {a, b};
    int (*const ways[])(const struct overlay_spec *, struct error *) = {overlay_mount_new,
                                                                        overlay_mount_old};
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        for (int writable = 0; writable < 2; writable++) {
            autofree char *name = mem_printf("upper%zu%d", i, writable);
            autofree char *work_name = mem_printf("work%zu%d", i, writable);
            autoclose int upper = make_dir(f, name), work = make_dir(f, work_name);
            struct overlay_spec o = {lower,  2,    writable ? upper : -1, writable ? work : -1,
                                     attach, false};
            autoclose int root = ways[i](&o, &f->err);
            if (root < 0 && i == 0) { /* an old kernel */
                error_release(&f->err);
                continue;
            }
            must(f, root < 0);
            autofree char *text = content(root, "file");
            assert_string_equal(text, "upper");
            assert_true(exists(root, "other"));
            assert_int_equal(mkdirat(root, "new", 0755), writable ? 0 : -1);
            if (writable)
                assert_true(exists(upper, "new"));
        }
    autofree char *left = tree(attach);
    assert_string_equal(left, "");
}

static void old_kernels_take_as_many_layers_as_docker_does(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0)
        skip();
    autoclose int attach = make_dir(f, "attach");
    int fds[129];
    for (int i = 0; i < 129; i++) {
        autofree char *name = mem_printf("layer%d", i);
        fds[i] = layer_of(f, name, name, "x");
        write_text(fds[i], "last", name);
    }
    struct overlay_spec o = {fds, 128, -1, -1, attach, false};
    autoclose int root = overlay_mount_old(&o, &f->err);
    must(f, root < 0);
    autofree char *last = content(root, "last");
    assert_string_equal(last, "layer127");
    assert_true(exists(root, "layer0") && exists(root, "layer64"));
    o.lower_count = 129;
    assert_fails(f, overlay_mount_old(&o, &f->err), ERROR_HOST, "no more than 128 layers");
    for (int i = 0; i < 129; i++)
        close(fds[i]);
    autofree char *left = tree(attach);
    assert_string_equal(left, "");
}

static void a_refusal_says_why(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0)
        skip();
    autoclose int a = make_dir(f, "a"), b = make_dir(f, "b"), attach = make_dir(f, "c");
    const int lower[] = {a, b};
    /* A work directory that holds the upper one. */
    autoclose int inside = (mkdirat(b, "in", 0755), openat(b, "in", O_RDONLY | O_DIRECTORY));
    struct overlay_spec o = {lower, 1, inside, b, attach, false};
    int fd = overlay_mount(&o, &f->err);
    assert_int_equal(fd, -1);
    assert_fails(f, fd, ERROR_HOST, "mount an overlay: ");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(upper_layers_hide_lower_ones),
        CASE(no_layers_are_an_empty_root),
        CASE(one_layer_s_whiteouts_are_hidden_too),
        CASE(a_layer_may_come_twice),
        CASE(an_opaque_root_hides_everything),
        CASE(many_layers_are_stacked),
        CASE(the_root_looks_as_the_top_layer_s),
        CASE(an_adopted_upper_is_a_layer),
        CASE(a_released_snapshot_leaves_nothing),
        CASE(nothing_is_mounted_where_others_see_it),
        CASE(old_and_new_mounts_agree),
        CASE(old_kernels_take_as_many_layers_as_docker_does),
        CASE(a_refusal_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
