/* base/io: whole reads and writes, files that appear whole or not at all, faults at every call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io.h"
#include "mem.h"
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
    char name[] = "/tmp/io_test.XXXXXX";
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

#ifdef IMGBUILD_FAULTS
static size_t entries(const char *path)
{
    autoclosedir DIR *dir = opendir(path);
    size_t n = 0;
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    return n;
}
#endif

static void a_file_is_written_and_read_back(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    umask(022);
    assert_int_equal(io_write_file(AT_FDCWD, "f", "a\0b", 3, 0666, 1, &err), 0);
    struct stat st;
    stat("f", &st);
    assert_int_equal(st.st_mode & 07777, 0644);
    autostr text = STR_INIT;
    str_add(&text, "before");
    assert_int_equal(io_read_file(AT_FDCWD, "f", 3, &text, &err), 0);
    assert_int_equal(text.len, 3);
    assert_memory_equal(text.data, "a\0b", 4);
}

static void an_output_goes_through_links_and_into_what_is_no_file(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    autostr text = STR_INIT;
    struct stat st;
    assert_int_equal(io_write_output("out", "1", 1, &err), 0);
    assert_int_equal(symlink("out", "link"), 0);
    assert_int_equal(io_write_output("link", "22", 2, &err), 0);
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(io_read_file(AT_FDCWD, "out", 10, &text, &err), 0);
    assert_string_equal(str_text(&text), "22");

    char buffer[8];
    assert_int_equal(mkfifo("pipe", 0600), 0);
    autoclose int reader = open("pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(io_write_output("pipe", "333", 3, &err), 0);
    assert_int_equal(read(reader, buffer, sizeof buffer), 3);
    assert_int_equal(lstat("pipe", &st), 0);
    assert_true(S_ISFIFO(st.st_mode));

    assert_int_equal(io_write_output("/dev/full", "x", 1, &err), -1);
    assert_int_equal(err.kind, ERROR_HOST);
    assert_int_equal(io_write_output("nowhere/out", "x", 1, &err), -1);
    const char *const names[] = {"out", "link", "pipe"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(names[i]);
}

static void a_large_file_meets_its_cap_and_leaves_the_output_alone(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    autofree char *bytes = mem_zalloc(1, 100000);
    assert_int_equal(io_write_file(AT_FDCWD, "large", bytes, 100000, 0600, 0, &err), 0);
    autostr text = STR_INIT;
    str_add(&text, "before");
    assert_int_equal(io_read_file(AT_FDCWD, "large", 99999, &text, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(str_text(&text), "before");
    assert_int_equal(io_read_file(AT_FDCWD, "large", 100000, &text, &err), 0);
    assert_int_equal(text.len, 100000);
}

static void what_is_no_file_is_told_and_does_not_hang(void **state)
{
    (void)state;
    autoerror err = ERROR_INIT;
    autostr text = STR_INIT;
    assert_int_equal(io_read_file(AT_FDCWD, "absent", 10, &text, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_int_equal(io_read_file(AT_FDCWD, "f/below", 10, &text, &err), -1);
    assert_int_equal(err.kind, ERROR_MISSING);
    assert_int_equal(io_read_file(AT_FDCWD, ".", 10, &text, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(io_read_file(AT_FDCWD, "fifo", 10, &text, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
}

static void a_pipe_in_small_pieces_is_read_whole(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (!pid) {
        for (int i = 0; i < 50; i++)
            (void)!write(ends[1], "0123456789", 10);
        _exit(0);
    }
    close(ends[1]);
    char buffer[600];
    assert_int_equal(io_read(ends[0], buffer, sizeof buffer), 500);
    close(ends[0]);
    waitpid(pid, NULL, 0);
}

static void random_names_are_sixteen_digits_and_differ(void **state)
{
    (void)state;
    char a[17], b[17];
    io_random_name(a);
    io_random_name(b);
    assert_int_equal(strspn(a, "0123456789abcdef"), 16);
    assert_string_not_equal(a, b);
}

#ifdef IMGBUILD_FAULTS

/* What a child does: replace a file's content, then read it back. */
static int replace_and_read(void)
{
    autoerror err = ERROR_INIT;
    autostr text = STR_INIT;
    if (io_write_file(AT_FDCWD, "faults/file", "new content", 11, 0600, 1, &err) ||
        io_read_file(AT_FDCWD, "faults/file", 100, &text, &err))
        return error_exit_code(&err);
    return str_eq(str_text(&text), "new content") ? 0 : 99;
}

static int in_child(const char *variable, const char *value)
{
    pid_t pid = fork();
    if (!pid) {
        setenv(variable, value, 1);
        _exit(replace_and_read());
    }
    int status;
    waitpid(pid, &status, 0);
    return status;
}

static void prepare(void)
{
    path_remove_tree(AT_FDCWD, "faults", NULL);
    assert_int_equal(mkdir("faults", 0755), 0);
    assert_int_equal(io_write_file(AT_FDCWD, "faults/file", "old", 3, 0600, 0, NULL), 0);
}

static void assert_old_or_new(void)
{
    autostr text = STR_INIT;
    assert_int_equal(io_read_file(AT_FDCWD, "faults/file", 100, &text, NULL), 0);
    assert_true(str_eq(str_text(&text), "old") || str_eq(str_text(&text), "new content"));
}

/* Every call fails once: each time an error, the old content or the new, and nothing beside it. */
static void failing_anywhere_leaves_old_or_new(void **state)
{
    (void)state;
    int n, status = -1;
    for (n = 1; n < 50 && status; n++) {
        char value[32];
        snprintf(value, sizeof value, "%d:%s", n, n % 2 ? "EIO" : "ENOSPC");
        prepare();
        status = in_child("IMGBUILD_FAULT", value);
        assert_true(WIFEXITED(status));
        assert_int_not_equal(WEXITSTATUS(status), 99);
        assert_old_or_new();
        assert_int_equal(entries("faults"), 1);
    }
    assert_int_equal(status, 0);
    assert_true(n > 7);
}

static void dying_anywhere_leaves_old_or_new(void **state)
{
    (void)state;
    int n, status = -1;
    for (n = 1; n < 50 && status; n++) {
        char value[32];
        snprintf(value, sizeof value, "%d", n);
        prepare();
        status = in_child("IMGBUILD_KILL", value);
        assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : !status);
        assert_old_or_new();
    }
    assert_int_equal(status, 0);
    assert_true(n > 7);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_and_read_back),
        cmocka_unit_test(an_output_goes_through_links_and_into_what_is_no_file),
        cmocka_unit_test(a_large_file_meets_its_cap_and_leaves_the_output_alone),
        cmocka_unit_test(what_is_no_file_is_told_and_does_not_hang),
        cmocka_unit_test(a_pipe_in_small_pieces_is_read_whole),
        cmocka_unit_test(random_names_are_sixteen_digits_and_differ),
#ifdef IMGBUILD_FAULTS
        cmocka_unit_test(failing_anywhere_leaves_old_or_new),
        cmocka_unit_test(dying_anywhere_leaves_old_or_new),
#endif
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
