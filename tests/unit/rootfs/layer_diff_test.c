/* Diff: what a directory has is what its layer says; apply and diff are each other's inverse. */
#include "layer_fixture.h"

#include <rootfs/snapshot.h>
#include <rootfs/whiteout.h>

#include <sys/socket.h>
#include <sys/un.h>

static void stats_of(struct fixture *f, int dir, const char *const *skip, struct memory *to,
                     struct layer_diff_stats *stats)
{
    struct layer_diff_options options = {.skip = skip, .clamp = -1};
    must(f, layer_diff(dir, &options, &to->sink, stats, &f->err));
}

static bool is_empty(struct fixture *f, int dir, const char *const *skip)
{
    struct layer_diff_options options = {.skip = skip, .clamp = -1};
    bool empty = false;
    must(f, layer_diff_empty(dir, &options, &empty, &f->err));
    return empty;
}

/* The names in a tar, one a line. */
static char *names_of(const struct str *tar)
{
    struct str out = STR_INIT;
    for (size_t at = 0; at + 512 <= tar->len && tar->data[at];) {
        if (tar->data[at + 156] != 'x')
            str_addf(&out, "%.100s\n", tar->data + at);
        size_t size = strtoul(tar->data + at + 124, NULL, 8);
        at += 512 + (size + 511) / 512 * 512;
    }
    return str_take(&out);
}

static void make_many_kinds(int dir)
{
    assert_int_equal(mkdirat(dir, "b", 0750), 0);
    assert_int_equal(mkdirat(dir, "a", 0755), 0);
    write_text(dir, "b/zeta", "z");
    write_text(dir, "b/alpha", "a");
    write_text(dir, "a-dash", "sorts between a and a/");
    assert_int_equal(linkat(dir, "b/zeta", dir, "a/link", 0), 0);
    assert_int_equal(symlinkat("b/zeta", dir, "a/sym"), 0);
    assert_int_equal(mknodat(dir, "a/pipe", S_IFIFO | 0600, 0), 0);
    assert_int_equal(mknodat(dir, "a/dev", S_IFCHR | 0600, makedev(5, 1)), 0);
    assert_int_equal(fchownat(dir, "b/alpha", 1000, 100, 0), 0);
    assert_int_equal(fchmodat(dir, "b/alpha", 06755, 0), 0);
    assert_int_equal(whiteout_make(WHITEOUT_TRUSTED, dir, "b/gone"), 0);
    autoclose int b = openat(dir, "b", O_RDONLY);
    assert_int_equal(whiteout_set_opaque(WHITEOUT_TRUSTED, b), 0);
    assert_int_equal(fsetxattr(b, "user.note", "n", 1, 0), 0);
    assert_int_equal(fsetxattr(b, "trusted.overlay.origin", "o", 1, 0), 0);
}

static void the_walk_is_sorted_and_complete(void **state)
{
    struct fixture *f = *state;
    autoclose int dir = make_dir(f, "in");
    make_many_kinds(dir);
    automemory m = MEMORY;
    struct layer_diff_stats stats;
    stats_of(f, dir, NULL, &m, &stats);
    autofree char *names = names_of(&m.bytes);
    assert_string_equal(names, "a/\na/dev\na/link\na/pipe\na/sym\na-dash\nb/\nb/.wh..wh..opq\n"
                               "b/alpha\nb/.wh.gone\nb/zeta\n");
    assert_null(memmem(m.bytes.data, m.bytes.len, "trusted", 7));
    assert_int_equal(stats.entries, 10);
    automemory again = MEMORY;
    diff(f, dir, &again);
    assert_int_equal(m.bytes.len, again.bytes.len);
    assert_memory_equal(m.bytes.data, again.bytes.data, m.bytes.len);
}

static void apply_undoes_diff(void **state)
{
    struct fixture *f = *state;
    autoclose int in = make_dir(f, "in"), out = make_dir(f, "out");
    make_many_kinds(in);
    automemory m = MEMORY, again = MEMORY;
    diff(f, in, &m);
    must(f, apply(f, out, &m.bytes, NULL));
    autofree char *a = tree(in), *b = tree(out);
    assert_trees_equal(a, b);
    diff(f, out, &again);
    assert_int_equal(m.bytes.len, again.bytes.len);
    assert_memory_equal(m.bytes.data, again.bytes.data, m.bytes.len);
}

static void sockets_are_left_out_and_counted(void **state)
{
    struct fixture *f = *state;
    autoclose int dir = make_dir(f, "in");
    autoclose int s = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/in/socket", f->path);
    assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof at), 0);
    assert_true(is_empty(f, dir, NULL));
    automemory m = MEMORY;
    struct layer_diff_stats stats;
    stats_of(f, dir, NULL, &m, &stats);
    assert_int_equal(stats.left_out, 1);
    assert_int_equal(stats.entries, 0);
}

static void skipped_paths_leave_no_trace(void **state)
{
    struct fixture *f = *state;
    static const char *const skip[] = {"mnt/point", "etc/hosts", NULL};
    autoclose int dir = make_dir(f, "in");
    assert_true(is_empty(f, dir, skip));
    assert_int_equal(mkdirat(dir, "mnt", 0755), 0);
    assert_int_equal(mkdirat(dir, "mnt/point", 0755), 0);
    write_text(dir, "mnt/point/inside", "x");
    assert_true(is_empty(f, dir, skip));
    assert_false(is_empty(f, dir, NULL));
    automemory none = MEMORY;
    struct layer_diff_stats stats;
    stats_of(f, dir, skip, &none, &stats);
    assert_int_equal(stats.entries, 0);
    write_text(dir, "mnt/other", "x");
    assert_false(is_empty(f, dir, skip));
    automemory some = MEMORY;
    stats_of(f, dir, skip, &some, &stats);
    autofree char *names = names_of(&some.bytes);
    assert_string_equal(names, "mnt/\nmnt/other\n");
    /* An empty directory that nothing skipped is in is the step's doing. */
    assert_int_equal(path_remove_tree(dir, "mnt", NULL), 0);
    assert_int_equal(mkdirat(dir, "etc", 0755), 0);
    assert_int_equal(mkdirat(dir, "new", 0755), 0);
    assert_false(is_empty(f, dir, skip));
}

static void a_whiteout_or_an_empty_directory_is_something(void **state)
{
    struct fixture *f = *state;
    autoclose int dir = make_dir(f, "in");
    assert_true(is_empty(f, dir, NULL));
    assert_int_equal(whiteout_make(WHITEOUT_TRUSTED, dir, "gone"), 0);
    assert_false(is_empty(f, dir, NULL));
}

static void a_name_that_means_a_deletion_is_refused(void **state)
{
    struct fixture *f = *state;
    autoclose int dir = make_dir(f, "in");
    write_text(dir, ".wh.oops", "x");
    automemory m = MEMORY;
    struct layer_diff_options options = {.clamp = -1};
    struct layer_diff_stats stats;
    assert_fails(f, layer_diff(dir, &options, &m.sink, &stats, &f->err), ERROR_INPUT, ".wh.oops");
}

/* Real files with set-id bits, hard links and attributes: GNU tar makes the tar, both unpack it. */
static void a_real_tree_comes_back(void **state)
{
    struct fixture *f = *state;
    const char *given = getenv("LAYER_TAR");
    autofree char *tar = given ? mem_strdup(given) : mem_printf("%s/real.tar", f->path);
    autofree char *to = mem_printf("%s/theirs", f->path);
    const char *const make[] = {"tar",
                                "--format=pax",
                                "--xattrs",
                                "--xattrs-include=*",
                                "--numeric-owner",
                                "-cf",
                                tar,
                                "-C",
                                "/",
                                "--exclude=*/ssl/private",
                                "etc",
                                "usr/sbin",
                                "usr/share/perl5",
                                "var/lib/dpkg/info",
                                NULL};
    const char *const extract[] = {
        "tar", "-xpf", tar, "-C", to, "--xattrs", "--xattrs-include=*", "--numeric-owner", NULL};
    if (!given && run_program(make) > 1)
        skip();
    autoclose int ours = make_dir(f, "ours"), theirs = make_dir(f, "theirs");
    autoclose int again = make_dir(f, "again");
    assert_int_equal(run_program(extract), 0);
    struct layer_apply_options options = {.what = "layer", .device_nodes = true};
    struct digest d;
    autosource *from = source_from_fd(open(tar, O_RDONLY | O_CLOEXEC), tar);
    must(f, layer_apply(ours, from, &options, &d, &f->err));
    autofree char *a = tree(ours), *b = tree(theirs);
    if (!given) { /* implied by the names on the command line */
        static const char *const implied[] = {"usr", "usr/share", "var", "var/lib", "var/lib/dpkg"};
        const struct timespec zero[2] = {{0, 0}, {0, 0}};
        for (size_t i = 0; i < COUNT_OF(implied); i++) {
            utimensat(ours, implied[i], zero, 0);
            utimensat(theirs, implied[i], zero, 0);
        }
        free(a);
        free(b);
        a = tree(ours);
        b = tree(theirs);
    }
    assert_trees_equal(b, a);
    automemory m = MEMORY, second = MEMORY;
    diff(f, ours, &m);
    must(f, apply(f, again, &m.bytes, NULL));
    autofree char *c = tree(again);
    assert_trees_equal(a, c);
    diff(f, again, &second);
    assert_int_equal(m.bytes.len, second.bytes.len);
    assert_memory_equal(m.bytes.data, second.bytes.data, m.bytes.len);
}

/* What a step does in a snapshot is what its layer does on top of the same base elsewhere. */
static void a_step_s_layer_repeats_the_step(void **state)
{
    struct fixture *f = *state;
    autoclose int base = make_dir(f, "base"), layer = make_dir(f, "layer");
    assert_int_equal(mkdirat(base, "etc", 0755), 0);
    assert_int_equal(mkdirat(base, "old", 0755), 0);
    assert_int_equal(mkdirat(base, "full", 0755), 0);
    write_text(base, "etc/conf", "before");
    write_text(base, "etc/gone", "x");
    write_text(base, "old/file", "x");
    write_text(base, "full/file", "x");
    assert_int_equal(linkat(base, "etc/conf", base, "etc/conf2", 0), 0);
    autosnapshot step = SNAPSHOT_NONE, replay = SNAPSHOT_NONE;
    if (snapshot_new(f->store, &base, 1, SNAPSHOT_WRITABLE, &step, &f->err))
        skip();
    int root = step.root_fd;
    write_text(root, "etc/conf", "after");
    assert_int_equal(unlinkat(root, "etc/gone", 0), 0);
    assert_int_equal(path_remove_tree(root, "old", NULL), 0);
    assert_int_equal(mkdirat(root, "old", 0700), 0);
    write_text(root, "old/new", "x");
    assert_int_equal(path_remove_tree(root, "full", NULL), 0);
    assert_int_equal(mkdirat(root, "new", 01777), 0);
    write_text(root, "new/one", "1");
    assert_int_equal(linkat(root, "new/one", root, "new/two", 0), 0);
    autofree char *wanted = tree(root);
    automemory m = MEMORY;
    diff(f, step.upper_fd, &m);
    must(f, apply(f, layer, &m.bytes, NULL));
    const int layers[] = {base, layer};
    must(f, snapshot_new(f->store, layers, 2, 0, &replay, &f->err));
    autofree char *got = tree(replay.root_fd);
    assert_trees_equal(wanted, got);
    assert_false(exists(replay.root_fd, "old/file"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_walk_is_sorted_and_complete),
        CASE(apply_undoes_diff),
        CASE(sockets_are_left_out_and_counted),
        CASE(skipped_paths_leave_no_trace),
        CASE(a_whiteout_or_an_empty_directory_is_something),
        CASE(a_name_that_means_a_deletion_is_refused),
        CASE(a_real_tree_comes_back),
        CASE(a_step_s_layer_repeats_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
