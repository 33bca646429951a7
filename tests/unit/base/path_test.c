/* base/path: text, and resolution beneath a root that an attacker filled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem.h"
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int setup(void **state)
{
    char name[] = "/tmp/path_test.XXXXXX";
    if (!mkdtemp(name))
        return -1;
    *state = mem_strdup(name);
    return chdir(name);
}

static int teardown(void **state)
{
    autofree char *dir = *state;
    return chdir("/") || path_remove_tree(AT_FDCWD, dir, NULL);
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int open_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void assert_content(int fd, const char *wanted)
{
    char text[64] = "";
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof text - 1) >= 0);
    close(fd);
    assert_string_equal(text, wanted);
}

static void paths_are_joined_and_cleaned_as_text(void **state)
{
    (void)state;
    static const char *const joins[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"},
        {"", "b", "b"},    {"a", "", "a"},     {"/", "b", "/b"},
    };
    for (size_t i = 0; i < COUNT_OF(joins); i++) {
        autofree char *joined = path_join(joins[i][0], joins[i][1]);
        assert_string_equal(joined, joins[i][2]);
    }
    static const char *const cleans[][2] = {
        {"", "."},
        {"/", "/"},
        {"//a///b/", "/a/b"},
        {"./a/.", "a"},
        {"a/../b", "b"},
        {"../../a", "../../a"},
        {"/../../a", "/a"},
        {"a/..", "."},
        {"a/../..", ".."},
        {"/..", "/"},
        {"a/b/../../..", ".."},
    };
    for (size_t i = 0; i < COUNT_OF(cleans); i++) {
        autofree char *clean = path_clean(cleans[i][0]);
        assert_string_equal(clean, cleans[i][1]);
    }
}

static void paths_have_a_directory_and_a_last_part(void **state)
{
    (void)state;
    static const char *const parts[][3] = {
        {"a", ".", "a"},       {"/a", "/", "a"},   {"a/b", "a", "b"},
        {"/a/b/", "/a", "b/"}, {"a//b", "a", "b"}, {"/", "/", "/"},
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        autofree char *dir = path_dir(parts[i][0]);
        assert_string_equal(dir, parts[i][1]);
        assert_string_equal(path_base(parts[i][0]), parts[i][2]);
    }
}

static void links_of_an_image_stay_in_its_root(void **state)
{
    (void)state;
    put("secret", "outside");
    assert_int_equal(mkdir("root", 0755), 0);
    assert_int_equal(mkdir("root/etc", 0755), 0);
    put("root/secret", "inside");
    assert_int_equal(symlink("/secret", "root/absolute"), 0);
    assert_int_equal(symlink("../../../secret", "root/etc/climbing"), 0);
    assert_int_equal(symlink("/etc/../..", "root/up"), 0);
    autoclose int root = open_dir("root");
    assert_content(path_open_in_root(root, "absolute", O_RDONLY, 0), "inside");
    assert_content(path_open_in_root(root, "etc/climbing", O_RDONLY, 0), "inside");
    assert_content(path_open_in_root(root, "up/secret", O_RDONLY, 0), "inside");
    assert_content(path_open_in_root(root, "/../secret", O_RDONLY, 0), "inside");
    autoclose int self = path_open_in_root(root, "", O_PATH | O_DIRECTORY, 0);
    assert_true(self >= 0);
}

static void a_file_is_created_in_the_root_through_links(void **state)
{
    (void)state;
    assert_int_equal(mkdir("new", 0755), 0);
    assert_int_equal(mkdir("new/a", 0755), 0);
    assert_int_equal(symlink("/a", "new/b"), 0);
    autoclose int root = open_dir("new");
    autoclose int fd = path_open_in_root(root, "b/file", O_WRONLY | O_CREAT, 0640);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(access("new/a/file", F_OK), 0);
}

static void magic_links_are_refused(void **state)
{
    (void)state;
    autoclose int root = open_dir("/");
    assert_int_equal(path_open_in_root(root, "proc/self/fd/0", O_RDONLY, 0), -1);
    assert_int_equal(path_open_in_root(root, "proc/self/root", O_PATH | O_DIRECTORY, 0), -1);
}

static void beneath_no_link_and_no_climbing_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(mkdir("beneath", 0755), 0);
    put("beneath/file", "x");
    assert_int_equal(symlink("file", "beneath/link"), 0);
    assert_int_equal(symlink(".", "beneath/here"), 0);
    autoclose int dir = open_dir("beneath");
    assert_content(path_open_beneath(dir, "file", O_RDONLY, 0), "x");
    assert_int_equal(path_open_beneath(dir, "link", O_RDONLY, 0), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(path_open_beneath(dir, "here/file", O_RDONLY, 0), -1);
    assert_int_equal(path_open_beneath(dir, "../secret", O_RDONLY, 0), -1);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(path_open_beneath(dir, "/etc/passwd", O_RDONLY, 0), -1);
    assert_int_equal(errno, EXDEV);
}

static void missing_parents_are_made(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    assert_int_equal(path_make_dirs("p/q//r/", &err), 0);
    assert_int_equal(path_make_dirs("p/q/r", &err), 0);
    put("p/file", "");
    assert_int_equal(path_make_dirs("p/file", &err), -1);
    assert_int_equal(err.kind, ERROR_HOST);
    assert_int_equal(path_make_dirs("p/file/x", &err), -1);
    assert_int_equal(path_make_dirs("", &err), -1);
}

static void a_removed_tree_takes_no_link_target_with_it(void **state)
{
    (void)state;
    assert_int_equal(mkdir("outside", 0755), 0);
    put("outside/kept", "");
    assert_int_equal(mkdir("tree", 0755), 0);
    assert_int_equal(symlink("../outside", "tree/link"), 0);
    assert_int_equal(mkfifo("tree/fifo", 0600), 0);
    autoerror err = ERROR_INIT;
    assert_int_equal(path_remove_tree(AT_FDCWD, "tree", &err), 0);
    assert_int_equal(access("tree", F_OK), -1);
    assert_int_equal(access("outside/kept", F_OK), 0);
    assert_int_equal(path_remove_tree(AT_FDCWD, "tree", &err), 0);
    assert_int_equal(symlink("outside", "only-link"), 0);
    assert_int_equal(path_remove_tree(AT_FDCWD, "only-link", &err), 0);
    assert_int_equal(access("outside/kept", F_OK), 0);
}

/* With fewer descriptors than levels. */
static void a_very_deep_tree_is_removed(void **state)
{
    (void)state;
    enum { DEPTH = 700 };
    assert_int_equal(mkdir("deep", 0755), 0);
    int fd = open_dir("deep");
    for (int i = 0; i < DEPTH; i++) {
        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(fd);
        fd = next;
        close(openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    close(fd);
    struct rlimit before, few = {100, 100};
    getrlimit(RLIMIT_NOFILE, &before);
    few.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &few);
    autoerror err = ERROR_INIT;
    int removed = path_remove_tree(AT_FDCWD, "deep", &err);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(removed, 0);
    assert_int_equal(access("deep", F_OK), -1);
}

static void a_wide_tree_is_removed(void **state)
{
    (void)state;
    assert_int_equal(mkdir("wide", 0755), 0);
    autoclose int fd = open_dir("wide");
    for (int i = 0; i < 500; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        if (i % 3)
            close(openat(fd, name, O_WRONLY | O_CREAT, 0));
        else
            assert_int_equal(mkdirat(fd, name, 0), 0);
    }
    autoerror err = ERROR_INIT;
    assert_int_equal(path_remove_tree(AT_FDCWD, "wide", &err), 0);
}

static void a_link_is_read_whole(void **state)
{
    (void)state;
    char target[4000];
    memset(target, 'x', sizeof target - 1);
    target[sizeof target - 1] = '\0';
    assert_int_equal(symlink(target, "long"), 0);
    autofree char *read = path_read_link(AT_FDCWD, "long");
    assert_string_equal(read, target);
    assert_null(path_read_link(AT_FDCWD, "absent"));
    assert_int_equal(errno, ENOENT);
}

static void the_names_in_a_directory_come_sorted_and_without_dots(void **state)
{
    (void)state;
    char name[] = "/tmp/path_test.XXXXXX";
    autoerror err = ERROR_INIT;
    autostrv names = STRV_INIT;
    assert_non_null(mkdtemp(name));
    autoclose int dir = open(name, O_PATH | O_CLOEXEC);
    assert_int_equal(mkdirat(dir, "b", 0755), 0);
    assert_int_equal(mkdirat(dir, "...", 0755), 0);
    assert_int_equal(mkdirat(dir, "B", 0755), 0);
    assert_int_equal(path_list(dir, &names), 0);
    autofree char *joined = strv_join(&names, " ");
    assert_string_equal(joined, "... B b");
    assert_int_equal(path_list(-1, &names), -1);
    assert_int_equal(path_remove_tree(AT_FDCWD, name, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_joined_and_cleaned_as_text),
        cmocka_unit_test(paths_have_a_directory_and_a_last_part),
        cmocka_unit_test(links_of_an_image_stay_in_its_root),
        cmocka_unit_test(a_file_is_created_in_the_root_through_links),
        cmocka_unit_test(magic_links_are_refused),
        cmocka_unit_test(beneath_no_link_and_no_climbing_is_allowed),
        cmocka_unit_test(missing_parents_are_made),
        cmocka_unit_test(a_removed_tree_takes_no_link_target_with_it),
        cmocka_unit_test(a_very_deep_tree_is_removed),
        cmocka_unit_test(a_wide_tree_is_removed),
        cmocka_unit_test(a_link_is_read_whole),
        cmocka_unit_test(the_names_in_a_directory_come_sorted_and_without_dots),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
