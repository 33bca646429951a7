#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check_file.h"

#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A root with a few files; removed at the end. */
struct root {
    char path[64];
    int fd;
};

static void put(const struct root *root, const char *path, const char *text, mode_t mode)
{
    int fd = openat(root->fd, path, O_WRONLY | O_CREAT | O_EXCL, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    fchmod(fd, mode);
    close(fd);
}

static int make_root(void **state)
{
    struct root *root = mem_zalloc(1, sizeof *root);
    strcpy(root->path, "/tmp/file_test.XXXXXX");
    assert_non_null(mkdtemp(root->path));
    root->fd = open(root->path, O_PATH | O_DIRECTORY);
    static const char *const folders[] = {"etc", "app", "app/lib", "app/lib2", "app/.hidden"};
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        assert_int_equal(mkdirat(root->fd, folders[i], 0755), 0);
    put(root, "etc/passwd", "root:x:0:0::/root:/bin/sh\nclient:x:1001:1002::/home/client:/bin/sh\n",
        0644);
    put(root, "etc/group", "root:x:0:\nstaff:x:50:\n", 0644);
    put(root, "app/init.sql", "-- made\nCREATE TABLE a;\n", 0640);
    put(root, "app/start.sh", "#!/bin/sh\n", 0755);
    put(root, "app/lib/a.so.1", "", 0644);
    put(root, "app/lib/b.so.1", "", 0600);
    put(root, "app/lib2/c.so.1", "", 0644);
    put(root, "app/.hidden/d.so.1", "", 0644);
    assert_int_equal(symlinkat("/app/init.sql", root->fd, "inside"), 0);
    assert_int_equal(symlinkat("../../../../app", root->fd, "up"), 0);
    assert_int_equal(symlinkat("/nowhere", root->fd, "dangling"), 0);
    *state = root;
    return 0;
}

static int remove_root(void **state)
{
    struct root *root = *state;
    close(root->fd);
    int failed = path_remove_tree(AT_FDCWD, root->path, NULL);
    free(root);
    return failed;
}

static void add(struct patterns *list, const char *text)
{
    struct pattern *pattern = NULL;
    assert_int_equal(pattern_new(text, &pattern, NULL), 0);
    patterns_add(list, pattern);
}

/* NULL: the rule must hold. */
static void expect(void **state, struct file_rule *rule, const char *has, const char *detail)
{
    const struct root *root = *state;
    autostr found = STR_INIT;
    if (has)
        add(&rule->has, has);
    bool holds = file_rule_holds(root->fd, NULL, rule, &found);
    if (detail)
        assert_string_equal(str_text(&found), detail);
    if (holds != !detail)
        fail_msg("%s: %s", rule->path, str_text(&found));
    patterns_release(&rule->has);
}

#define TEXT(literal) ((char[]){literal})
#define RULE(...) (&(struct file_rule){__VA_ARGS__})

static void a_file_is_there_or_not(void **state)
{
    expect(state, RULE(.path = TEXT("/app/init.sql"), .mode = -1), NULL, NULL);
    expect(state, RULE(.path = TEXT("/app/none"), .mode = -1), NULL, "/app/none is not there");
    expect(state, RULE(.path = TEXT("/app/init.sql/x"), .mode = -1), NULL,
           "/app/init.sql/x is not there");
    expect(state, RULE(.path = TEXT("/app/none"), .absent = true, .mode = -1), NULL, NULL);
    expect(state, RULE(.path = TEXT("/app/init.sql"), .absent = true, .mode = -1), NULL,
           "/app/init.sql is there");
}

static void symlinks_lead_where_the_image_would_go(void **state)
{
    expect(state, RULE(.path = TEXT("/inside"), .type = FILE_REGULAR, .mode = -1), "CREATE TABLE",
           NULL);
    expect(state, RULE(.path = TEXT("/up/init.sql"), .mode = -1), NULL, NULL);
    expect(state, RULE(.path = TEXT("/inside"), .type = FILE_SYMLINK, .mode = -1), NULL, NULL);
    expect(state, RULE(.path = TEXT("/app/init.sql"), .type = FILE_SYMLINK, .mode = -1), NULL,
           "/app/init.sql is no symlink");
    expect(state, RULE(.path = TEXT("/dangling"), .mode = -1), NULL, "/dangling is not there");
    expect(state, RULE(.path = TEXT("/dangling"), .absent = true, .mode = -1), NULL,
           "/dangling is there");
}

static void type_mode_and_content(void **state)
{
    expect(state, RULE(.path = TEXT("/app"), .type = FILE_DIRECTORY, .mode = -1), NULL, NULL);
    expect(state, RULE(.path = TEXT("/app"), .type = FILE_REGULAR, .mode = -1), NULL,
           "/app is no regular file");
    expect(state, RULE(.path = TEXT("/app"), .mode = -1), "x", "/app is no regular file");
    expect(state, RULE(.path = TEXT("/app/start.sh"), .mode = 0755), NULL, NULL);
    expect(state, RULE(.path = TEXT("/app/init.sql"), .mode = 0755), NULL,
           "/app/init.sql has mode 0640, not 0755");
    expect(state, RULE(.path = TEXT("/app/init.sql"), .mode = -1), "^CREATE TABLE", NULL);
    expect(state, RULE(.path = TEXT("/app/init.sql"), .mode = -1), "DROP",
           "/app/init.sql does not match “DROP”");
    struct file_rule rule = {.path = TEXT("/app/init.sql"), .mode = -1};
    add(&rule.lacks, "TABLE");
    expect(state, &rule, NULL, "/app/init.sql matches “TABLE”, which it must not");
    patterns_release(&rule.lacks);
}

static void owners_are_the_images(void **state)
{
    const struct root *root = *state;
    if (fchownat(root->fd, "app/init.sql", 1001, 50, 0)) {
        print_message("needs root to give files away\n");
        skip();
    }
    expect(state, RULE(.path = TEXT("/app/init.sql"), .owner = TEXT("client"), .mode = -1), NULL,
           NULL);
    expect(state, RULE(.path = TEXT("/app/init.sql"), .owner = TEXT("client:staff"), .mode = -1),
           NULL, NULL);
    expect(state, RULE(.path = TEXT("/app/init.sql"), .owner = TEXT("1001:50"), .mode = -1), NULL,
           NULL);
    expect(state, RULE(.path = TEXT("/app/init.sql"), .owner = TEXT("root"), .mode = -1), NULL,
           "/app/init.sql is owned by 1001:50, not by root (0)");
    expect(state, RULE(.path = TEXT("/app/init.sql"), .owner = TEXT("client:root"), .mode = -1),
           NULL, "/app/init.sql is owned by 1001:50, not by client:root (1001:0)");
    const struct file_rule nobody = {
        .path = TEXT("/app/init.sql"), .owner = TEXT("nobody"), .mode = -1};
    autostr why = STR_INIT;
    assert_false(file_rule_holds(root->fd, NULL, &nobody, &why));
}

static void a_glob_needs_a_match_and_all_must_hold(void **state)
{
    const struct root *root = *state;
    autostr found = STR_INIT;
    assert_true(file_rule_holds(root->fd, NULL,
                                RULE(.path = TEXT("/app/*/[ac].so.?"), .is_glob = true, .mode = -1),
                                &found));
    assert_string_equal(str_text(&found), "/app/lib/a.so.1 and 1 more");
    expect(state, RULE(.path = TEXT("/app/*/*.so"), .is_glob = true, .mode = -1), NULL,
           "no file matches /app/*/*.so");
    expect(state, RULE(.path = TEXT("/app/*/*.so"), .is_glob = true, .absent = true, .mode = -1),
           NULL, NULL);
    expect(state, RULE(.path = TEXT("/app/lib/*"), .is_glob = true, .mode = 0644), NULL,
           "/app/lib/b.so.1 has mode 0600, not 0644");
    expect(state, RULE(.path = TEXT("/app/*.sql"), .is_glob = true, .absent = true, .mode = -1),
           NULL, "/app/init.sql is there");
    expect(state, RULE(.path = TEXT("/app/.h*/d*"), .is_glob = true, .mode = -1), NULL, NULL);
    expect(state, RULE(.path = TEXT("/up/*.sql"), .is_glob = true, .mode = -1), "CREATE", NULL);
    expect(state, RULE(.path = TEXT("/../../*/passwd"), .is_glob = true, .mode = -1), NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_there_or_not),
        cmocka_unit_test(symlinks_lead_where_the_image_would_go),
        cmocka_unit_test(type_mode_and_content),
        cmocka_unit_test(owners_are_the_images),
        cmocka_unit_test(a_glob_needs_a_match_and_all_must_hold),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
