#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "copy_fixture.h"
#include "copy_open.h"

#include <errno.h>

static int setup(void **state)
{
    struct tree *t = mem_zalloc(1, sizeof *t);
    tree_new(t);
    tree_add(t, "top", "top");
    tree_add(t, "a/one", "one");
    tree_add(t, "a/two", "two");
    tree_add(t, "a/b/three", "three");
    tree_add(t, "ab/four", "four");
    if (symlinkat("/a/b", t->fd, "ab/dir") || symlinkat("/a/one", t->fd, "a/link") ||
        symlinkat("/etc/passwd", t->fd, "a/outside"))
        abort();
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    tree_free(*state);
    free(*state);
    return 0;
}

static void assert_content(struct copy_opener *o, const char *path, const char *content)
{
    char bytes[16] = "";
    autoclose int fd = copy_open(o, path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, sizeof bytes), strlen(content));
    assert_string_equal(bytes, content);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void opens_files_of_one_directory_after_another(void **state)
{
    struct tree *t = *state;
    struct copy_opener o = COPY_OPENER(t->fd);
    assert_content(&o, "a/one", "one");
    assert_content(&o, "a/two", "two");
    assert_content(&o, "a/b/three", "three");
    assert_content(&o, "ab/four", "four");
    assert_content(&o, "a/one", "one");
    assert_content(&o, "top", "top");
    copy_opener_release(&o);
}

static void follows_symlinks_beneath_the_root_alone(void **state)
{
    struct tree *t = *state;
    struct copy_opener o = COPY_OPENER(t->fd);
    assert_content(&o, "a/link", "one");
    assert_content(&o, "ab/dir/three", "three");
    assert_int_equal(copy_open(&o, "a/outside", O_RDONLY), -1);
    assert_int_equal(errno, ENOENT);
    assert_content(&o, "a/b/../../../a/two", "two");
    int dir = copy_open(&o, "ab/dir", O_RDONLY | O_DIRECTORY);
    assert_true(dir >= 0);
    close(dir);
    int root = copy_open(&o, "", O_RDONLY | O_DIRECTORY);
    int parent = copy_open(&o, "..", O_RDONLY | O_DIRECTORY);
    struct stat a, b;
    assert_true(parent >= 0 && !fstat(parent, &a) && !fstat(t->fd, &b));
    assert_int_equal(a.st_ino, b.st_ino);
    assert_true(root < 0 || !close(root));
    close(parent);
    copy_opener_release(&o);
}

static void goes_on_after_what_is_not_there(void **state)
{
    struct tree *t = *state;
    struct copy_opener o = COPY_OPENER(t->fd);
    assert_int_equal(copy_open(&o, "gone/one", O_RDONLY), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(copy_open(&o, "a/gone", O_RDONLY), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(copy_open(&o, "top/one", O_RDONLY), -1);
    assert_int_equal(errno, ENOTDIR);
    assert_content(&o, "a/one", "one");
    copy_opener_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_files_of_one_directory_after_another, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(follows_symlinks_beneath_the_root_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(goes_on_after_what_is_not_there, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
