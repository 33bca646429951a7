/* Users and groups as images name them, honest and hostile. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <rootfs/passwd.h>

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char passwd_text[] = "root:x:0:0:root:/root:/bin/bash\n"
                                  "garbage\n"
                                  "postgres:x:105:110:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n"
                                  "1234:x:77:78::/digits:\n"
                                  "bad:x:-1:5::/:\n"
                                  "homeless:x:500:501:::\n"
                                  "big:x:4294967296:1::/:\n"
                                  "last:x:600:601::/last:/bin/sh";
static const char group_text[] = "root:x:0:\nssl-cert:x:111:postgres\npostgres:x:110:\n"
                                 "two:x:112:other,postgres\nnearly:x:113:postgres2\n";

struct fixture {
    char base[64];
    int root;
    struct user_ids ids;
    struct error err;
};

static void write_text(int dir, const char *path, const char *text)
{
    autoclose int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    strcpy(f->base, "/tmp/passwd_test.XXXXXX");
    assert_non_null(mkdtemp(f->base));
    f->root = open(f->base, O_RDONLY | O_DIRECTORY);
    assert_int_equal(mkdirat(f->root, "etc", 0755), 0);
    write_text(f->root, "etc/passwd", passwd_text);
    write_text(f->root, "etc/group", group_text);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->root);
    assert_int_equal(path_remove_tree(AT_FDCWD, f->base, NULL), 0);
    user_ids_release(&f->ids);
    error_release(&f->err);
    free(f);
    return 0;
}

static int look(struct fixture *f, const char *user)
{
    user_ids_release(&f->ids);
    error_release(&f->err);
    return passwd_lookup(f->root, user, &f->ids, &f->err);
}

static void expect(struct fixture *f, const char *user, uint32_t uid, uint32_t gid, size_t groups,
                   const char *name, const char *home)
{
    assert_int_equal(look(f, user), 0);
    assert_int_equal(f->ids.uid, uid);
    assert_int_equal(f->ids.gid, gid);
    assert_int_equal(f->ids.group_count, 1 + groups); /* its own, and these */
    assert_int_equal(f->ids.groups[0], gid);
    if (name)
        assert_string_equal(f->ids.name, name);
    else
        assert_null(f->ids.name);
    assert_string_equal(f->ids.home, home);
}

static void finds_users_as_docker_does(void **state)
{
    struct fixture *f = *state;
    expect(f, "", 0, 0, 0, "root", "/root");
    expect(f, "postgres", 105, 110, 2, "postgres", "/var/lib/postgresql");
    assert_int_equal(f->ids.groups[1], 111);
    assert_int_equal(f->ids.groups[2], 112);
    expect(f, "105", 105, 110, 2, "postgres", "/var/lib/postgresql");
    expect(f, "1234", 77, 78, 0, "1234", "/digits"); /* a name before a number */
    expect(f, "9999", 9999, 0, 0, NULL, "/");
    expect(f, "9999:8888", 9999, 8888, 0, NULL, "/");
    expect(f, "postgres:root", 105, 0, 0, "postgres", "/var/lib/postgresql");
    expect(f, "homeless", 500, 501, 0, "homeless", "/");
    expect(f, "last:", 600, 601, 0, "last", "/last");
}

static void names_that_are_not_there_are_errors(void **state)
{
    struct fixture *f = *state;
    static const char *const absent[] = {"nobody", "root:nogroup", "bad",     "big",
                                         "-1",     "4294967296",   "garbage", "root:-1"};
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        assert_int_equal(look(f, absent[i]), -1);
        assert_int_equal(f->err.kind, ERROR_INPUT);
    }
}

static void numbers_need_no_files(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(unlinkat(f->root, "etc/passwd", 0), 0);
    assert_int_equal(unlinkat(f->root, "etc/group", 0), 0);
    expect(f, "", 0, 0, 0, NULL, "/");
    expect(f, "5:6", 5, 6, 0, NULL, "/");
    assert_int_equal(look(f, "root"), -1);
}

static void an_owner_without_a_group_has_its_own(void **state)
{
    struct fixture *f = *state;
    uint32_t uid, gid;
    assert_int_equal(passwd_lookup_owner(f->root, "postgres", &uid, &gid, &f->err), 0);
    assert_true(uid == 105 && gid == 110);
    assert_int_equal(passwd_lookup_owner(f->root, "55", &uid, &gid, &f->err), 0);
    assert_true(uid == 55 && gid == 55);
    assert_int_equal(passwd_lookup_owner(f->root, "55:two", &uid, &gid, &f->err), 0);
    assert_true(uid == 55 && gid == 112);
    assert_int_equal(passwd_lookup_owner(f->root, "nobody", &uid, &gid, &f->err), -1);
    assert_true(uid == 55 && gid == 112);
}

static void links_stay_in_the_root(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(unlinkat(f->root, "etc/passwd", 0), 0);
    assert_int_equal(symlinkat("/etc/shadow-like", f->root, "etc/passwd"), 0);
    write_text(f->root, "etc/shadow-like", "inside:x:1:2::/:\n");
    expect(f, "inside", 1, 2, 0, "inside", "/");
    /* A way out by climbing or through /proc finds nothing, or is refused. */
    assert_int_equal(unlinkat(f->root, "etc/passwd", 0), 0);
    assert_int_equal(symlinkat("../../../../../../etc/passwd", f->root, "etc/passwd"), 0);
    assert_int_equal(look(f, "daemon"), -1);
    assert_int_equal(unlinkat(f->root, "etc/passwd", 0), 0);
    assert_int_equal(symlinkat("/proc/self/root/etc/passwd", f->root, "etc/passwd"), 0);
    assert_int_equal(look(f, "daemon"), -1);
}

static void what_is_no_small_file_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(unlinkat(f->root, "etc/passwd", 0), 0);
    assert_int_equal(mkfifoat(f->root, "etc/passwd", 0644), 0);
    assert_int_equal(look(f, "root"), -1);
    assert_int_equal(f->err.kind, ERROR_INPUT);
    assert_int_equal(unlinkat(f->root, "etc/passwd", 0), 0);
    assert_int_equal(mkdirat(f->root, "etc/passwd", 0755), 0);
    assert_int_equal(look(f, "root"), -1);
    assert_int_equal(unlinkat(f->root, "etc/passwd", AT_REMOVEDIR), 0);
    autoclose int fd = openat(f->root, "etc/passwd", O_WRONLY | O_CREAT, 0644);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    assert_int_equal(look(f, "root"), -1);
    assert_int_equal(f->err.kind, ERROR_INPUT);
}

static void too_many_groups_are_refused(void **state)
{
    struct fixture *f = *state;
    autostr text = STR_INIT;
    for (int i = 0; i < 70000; i++)
        str_addf(&text, "g%d:x:%d:postgres\n", i, i + 1);
    write_text(f->root, "etc/group", str_text(&text));
    assert_int_equal(look(f, "postgres"), -1);
    assert_int_equal(f->err.kind, ERROR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_users_as_docker_does, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_are_not_there_are_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_need_no_files, setup, teardown),
        cmocka_unit_test_setup_teardown(an_owner_without_a_group_has_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(links_stay_in_the_root, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_small_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_groups_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
