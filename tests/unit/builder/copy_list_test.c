#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "copy_fixture.h"
#include "copy_hash.h"
#include "copy_list.h"

static int setup(void **state)
{
    struct tree *t = mem_zalloc(1, sizeof *t);
    tree_new(t);
    tree_add(t, "src/a.py", "a");
    tree_add(t, "src/b.py", "b");
    tree_add(t, "src/sub/c.py", "c");
    tree_add(t, "src/sub.txt", "t");
    tree_add(t, "README.md", "readme");
    tree_add(t, "empty/", "");
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    tree_free(*state);
    free(*state);
    return 0;
}

/* The list in one line: "name" of each, directories with a slash, singles in brackets. */
static char *names(const struct copy_list *list)
{
    autostr out = STR_INIT;
    for (size_t i = 0; i < list->count; i++) {
        const struct copy_file *f = &list->items[i];
        str_addf(&out, "%s%s%s%s%s", i ? " " : "", f->single ? "[" : "", f->name,
                 S_ISDIR(f->st.st_mode) ? "/" : "", f->single ? "]" : "");
    }
    return str_take(&out);
}

static void expect(struct tree *t, const char *pattern, const char *ignore_text, const char *wanted)
{
    autoerror err = ERROR_INIT;
    autoignore *ignore = NULL;
    assert_int_equal(ignore_parse(ignore_text, strlen(ignore_text), ".dockerignore", &ignore, &err),
                     0);
    struct copy_tree tree = {.root_fd = t->fd, .ignore = ignore, .what = "the build context"};
    autocopylist list = {0};
    if (copy_list_add(&list, &tree, pattern, NULL, &err)) {
        assert_null(wanted);
        assert_int_equal(err.kind, ERROR_INPUT);
        return;
    }
    autofree char *found = names(&list);
    assert_string_equal(found, wanted);
}

static void a_directory_gives_its_content_in_order(void **state)
{
    expect(*state, "src", "", "/ a.py b.py sub/ sub/c.py sub.txt");
    expect(*state, "src/", "", "/ a.py b.py sub/ sub/c.py sub.txt");
    expect(*state, "./src/.", "", "/ a.py b.py sub/ sub/c.py sub.txt");
    expect(*state, "empty", "", "/");
}

static void a_file_keeps_its_name(void **state)
{
    expect(*state, "README.md", "", "[README.md]");
    expect(*state, "/src/a.py", "", "[a.py]");
    expect(*state, "../../README.md", "", "[README.md]");
}

static void patterns_match_within_one_component(void **state)
{
    expect(*state, "src/*.py", "", "[a.py] [b.py]");
    expect(*state, "*/a.p?", "", "[a.py]");
    expect(*state, "src/[ab].py", "", "[a.py] [b.py]");
    expect(*state, "*.py", "", "");
    expect(*state, "nothing", "", NULL);
    expect(*state, "src/[a-", "", NULL);
}

static void ignored_files_are_left_out_and_exceptions_come_back(void **state)
{
    expect(*state, "src", "src/sub\n", "/ a.py b.py sub.txt");
    expect(*state, "src", "src\n!src/sub/c.py\n", "/ sub/ sub/c.py");
    expect(*state, "README.md", "*.md\n", NULL);
    expect(*state, ".", "*\n!src/a.py\n", "/ src/ src/a.py");
}

static void a_symlinked_source_is_followed_and_inner_links_are_kept(void **state)
{
    struct tree *t = *state;
    assert_int_equal(symlinkat("src/a.py", t->fd, "link"), 0);
    assert_int_equal(symlinkat("/etc/passwd", t->fd, "src/outside"), 0);
    assert_int_equal(symlinkat("/etc/passwd", t->fd, "escape"), 0);
    expect(t, "link", "", "[link]");
    expect(t, "escape", "", NULL); /* resolved inside the context, where there is no /etc */
    autocopylist list = {0};
    autoerror err = ERROR_INIT;
    struct copy_tree tree = {.root_fd = t->fd, .what = "the build context"};
    assert_int_equal(copy_list_add(&list, &tree, "src", NULL, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        if (!strcmp(list.items[i].name, "outside"))
            assert_string_equal(list.items[i].link, "/etc/passwd");
}

static void hard_links_are_recognised(void **state)
{
    struct tree *t = *state;
    assert_int_equal(linkat(t->fd, "src/a.py", t->fd, "src/z.py", 0), 0);
    autocopylist list = {0};
    autoerror err = ERROR_INIT;
    struct copy_tree tree = {.root_fd = t->fd, .what = "the build context"};
    assert_int_equal(copy_list_add(&list, &tree, "src", NULL, &err), 0);
    assert_string_equal(list.items[1].name, "a.py");
    assert_int_equal(list.items[1].same_as, SIZE_MAX);
    assert_string_equal(list.items[list.count - 1].name, "z.py");
    assert_int_equal(list.items[list.count - 1].same_as, 1);
}

static void hash(struct tree *t, struct file_hashes *memory, struct digest *out)
{
    autoerror err = ERROR_INIT;
    autocopylist list = {0};
    struct copy_tree tree = {.root_fd = t->fd, .what = "the build context"};
    struct pool *pool = pool_new(2);
    assert_int_equal(copy_list_add(&list, &tree, ".", NULL, &err), 0);
    assert_int_equal(copy_hash(&list, &tree, memory, pool, out, &err), 0);
    pool_free(pool);
}

static void the_hash_knows_content_and_mode_but_not_time(void **state)
{
    struct tree *t = *state;
    struct digest before, touched, changed, mode;
    hash(t, NULL, &before);
    struct timespec times[2] = {{1, 0}, {1, 0}};
    assert_int_equal(utimensat(t->fd, "src/a.py", times, 0), 0);
    hash(t, NULL, &touched);
    assert_true(digest_equal(&before, &touched));
    tree_add(t, "src/a.py", "A");
    hash(t, NULL, &changed);
    assert_false(digest_equal(&before, &changed));
    assert_int_equal(fchmodat(t->fd, "src/a.py", 0755, 0), 0);
    hash(t, NULL, &mode);
    assert_false(digest_equal(&changed, &mode));
}

static void remembered_hashes_serve_until_a_file_changes(void **state)
{
    struct tree *t = *state, cache;
    tree_new(&cache);
    autoerror err = ERROR_INIT;
    struct digest first, second, third;
    usleep(150000); /* young files are not remembered */
    struct file_hashes *memory = file_hashes_load(cache.fd, t->path);
    hash(t, memory, &first);
    assert_int_equal(file_hashes_save(memory, cache.fd, &err), 0);
    file_hashes_free(memory);
    memory = file_hashes_load(cache.fd, t->path);
    struct stat st;
    unsigned char known[FILE_HASH_SIZE];
    assert_int_equal(fstatat(t->fd, "src/a.py", &st, 0), 0);
    assert_int_equal(file_hashes_get(memory, &st, known), 1);
    hash(t, memory, &second);
    assert_true(digest_equal(&first, &second));
    tree_add(t, "src/a.py", "B");
    hash(t, memory, &third);
    assert_false(digest_equal(&first, &third));
    file_hashes_free(memory);
    tree_free(&cache);
}

static void a_damaged_memory_is_only_forgotten(void **state)
{
    struct tree *t = *state;
    struct stat st;
    unsigned char known[FILE_HASH_SIZE];
    struct file_hashes *memory = file_hashes_load(t->fd, "x");
    assert_int_equal(fstatat(t->fd, "src/a.py", &st, 0), 0);
    st.st_ctim.tv_sec -= 10;
    autoerror err = ERROR_INIT;
    memset(known, 7, sizeof known);
    file_hashes_put(memory, &st, known);
    assert_int_equal(file_hashes_save(memory, t->fd, &err), 0);
    file_hashes_free(memory);
    autostrv all = STRV_INIT;
    DIR *dir = opendir(t->path);
    for (struct dirent *e; (e = readdir(dir));)
        if (str_starts(e->d_name, "files-"))
            assert_int_equal(
                truncate((strv_addf(&all, "%s/%s", t->path, e->d_name), all.items[0]), 30), 0);
    closedir(dir);
    memory = file_hashes_load(t->fd, "x");
    assert_int_equal(file_hashes_get(memory, &st, known), 0);
    file_hashes_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_directory_gives_its_content_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_keeps_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(patterns_match_within_one_component, setup, teardown),
        cmocka_unit_test_setup_teardown(ignored_files_are_left_out_and_exceptions_come_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_symlinked_source_is_followed_and_inner_links_are_kept,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(hard_links_are_recognised, setup, teardown),
        cmocka_unit_test_setup_teardown(the_hash_knows_content_and_mode_but_not_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(remembered_hashes_serve_until_a_file_changes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_memory_is_only_forgotten, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
