#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inventory.h"
#include "size_tree.h"
#include "treemap.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <rootfs/whiteout.h>

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct inventory_form kernels = {.owners = NULL};

struct place {
    char path[64];
    int root, layers[3], merged;
};

static int make(void **state)
{
    struct place *p = mem_zalloc(1, sizeof *p);
    strcpy(p->path, "/tmp/inventory-XXXXXX");
    if (!mkdtemp(p->path))
        return -1;
    p->root = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        char name[2] = {(char)('0' + i), 0};
        mkdirat(p->root, name, 0755);
        p->layers[i] = openat(p->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    mkdirat(p->root, "merged", 0755);
    p->merged = openat(p->root, "merged", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = p;
    return 0;
}

static int unmake(void **state)
{
    struct place *p = *state;
    autoerror err = ERROR_INIT;
    int failed = path_remove_tree(AT_FDCWD, p->path, &err);
    for (int i = 0; i < 3; i++)
        close(p->layers[i]);
    close(p->merged);
    close(p->root);
    free(p);
    return failed;
}

static void put(int dir, const char *path, const char *content)
{
    autoerror err = ERROR_INIT;
    assert_int_equal(io_write_file(dir, path, content, strlen(content), 0644, 0, &err), 0);
}

static const struct inventory_file *find(const struct inventory *v, const char *path)
{
    for (size_t i = 0; i < v->file_count; i++)
        if (!strcmp(v->files[i].path, path))
            return &v->files[i];
    return NULL;
}

static const struct inventory_waste *wasted(const struct inventory *v, const char *path)
{
    for (size_t i = 0; i < v->waste_count; i++)
        if (!strcmp(v->wastes[i].path, path))
            return &v->wastes[i];
    return NULL;
}

static void later_layers_hide_what_they_delete_replace_and_rewrite(void **state)
{
    struct place *p = *state;
    autoerror err = ERROR_INIT;
    autoinventory v = {0};
    mkdirat(p->layers[0], "d", 0755);
    mkdirat(p->layers[0], "d/e", 0755);
    mkdirat(p->layers[0], "opaque", 0755);
    put(p->layers[0], "d/e/deep", "12345");
    put(p->layers[0], "d.txt", "beside");
    put(p->layers[0], "same", "one");
    put(p->layers[0], "gone", "123");
    put(p->layers[0], "opaque/old", "12");
    assert_int_equal(linkat(p->layers[0], "same", p->layers[0], "second", 0), 0);
    if (whiteout_make(WHITEOUT_TRUSTED, p->layers[1], "gone"))
        skip(); /* needs the right to make device nodes */
    put(p->layers[1], "same", "other");
    mkdirat(p->layers[1], "opaque", 0755);
    put(p->layers[1], "opaque/new", "1234");
    autoclose int opaque = openat(p->layers[1], "opaque", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(whiteout_set_opaque(WHITEOUT_TRUSTED, opaque), 0);
    put(p->layers[2], "d", "no directory any more");
    assert_int_equal(inventory_take(p->layers, 3, &kernels, p->merged, &v, &err), 0);

    assert_null(find(&v, "gone"));
    assert_null(find(&v, "d/e"));
    assert_null(find(&v, "opaque/old"));
    assert_int_equal(find(&v, "opaque/new")->layer, 1);
    assert_int_equal(find(&v, "d.txt")->layer, 0);
    assert_int_equal(find(&v, "same")->layer, 1);
    assert_true(wasted(&v, "gone")->deleted);
    assert_int_equal(wasted(&v, "gone")->by, 1);
    assert_int_equal(wasted(&v, "d/e/deep")->by, 2);
    assert_int_equal(wasted(&v, "opaque/old")->bytes, 2);
    /* A file with two names is stored once; whichever name has it. */
    assert_int_equal(v.layer_bytes[0], 5 + 6 + 3 + 3 + 2);
    assert_int_equal(v.layer_bytes[1], 5 + 4);
}

static void packages_come_from_the_records_of_their_managers(void **state)
{
    struct place *p = *state;
    autoerror err = ERROR_INIT;
    autoinventory v = {0};
    static const char status[] =
        "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nDescription: shell\n more\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
        "Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2\n";
    int dirs[] = {p->layers[0], p->merged};
    for (size_t i = 0; i < 2; i++) {
        mkdirat(dirs[i], "var", 0755);
        mkdirat(dirs[i], "var/lib", 0755);
        mkdirat(dirs[i], "var/lib/dpkg", 0755);
        mkdirat(dirs[i], "my_tool-1.2.dist-info", 0755);
        put(dirs[i], "var/lib/dpkg/status", status);
    }
    assert_int_equal(inventory_take(p->layers, 1, &kernels, p->merged, &v, &err), 0);
    assert_int_equal(v.package_count, 3);
    assert_string_equal(v.packages[0].name, "bash");
    assert_string_equal(v.packages[0].version, "5.2-1");
    assert_string_equal(v.packages[1].version, "1:1.2");
    assert_string_equal(v.packages[2].kind, "python");
    assert_string_equal(v.packages[2].name, "my_tool");
}

static void what_a_directory_holds_follows_it(void **state)
{
    (void)state;
    assert_true(inventory_compare_paths("a", "a/b") < 0);
    assert_true(inventory_compare_paths("a/b", "a.b") < 0);
    assert_true(inventory_compare_paths("a/b", "a\x01") < 0);
    assert_true(inventory_compare_paths("a", "a.b") < 0);
    assert_int_equal(inventory_compare_paths("a/b", "a/b"), 0);
}

static void a_treemap_keeps_areas_and_stays_within(void **state)
{
    (void)state;
    static const double weights[] = {6, 6, 4, 3, 2, 2, 1, 0};
    struct treemap_box boxes[8];
    double sum = 0;
    treemap_divide(weights, 8, (struct treemap_box){0, 0, 6, 4}, boxes);
    for (size_t i = 0; i < 8; i++) {
        double area = boxes[i].width * boxes[i].height;
        assert_true(fabs(area - weights[i]) < 1e-9);
        assert_true(boxes[i].x >= -1e-9 && boxes[i].x + boxes[i].width <= 6 + 1e-9);
        assert_true(boxes[i].y >= -1e-9 && boxes[i].y + boxes[i].height <= 4 + 1e-9);
        sum += area;
    }
    assert_true(fabs(sum - 24) < 1e-9);
}

static void sizes_are_summed_by_folder_and_the_small_ones_joined(void **state)
{
    (void)state;
    struct inventory_file files[] = {{.path = (char *)"a/x", .stored = 1, .size = 1},
                                     {.path = (char *)"a/y", .stored = 2, .size = 2},
                                     {.path = (char *)"b", .stored = 5, .size = 5},
                                     {.path = (char *)"c", .stored = 1, .size = 1}};
    const struct inventory v = {.files = files, .file_count = 4, .layer_count = 1};
    struct size_node root;
    size_tree_make(&v, 1, 2, &root);
    assert_int_equal(root.bytes, 9);
    const struct size_node *layer = &root.children[0];
    assert_int_equal(layer->count, 3);
    assert_string_equal(layer->children[0].name, "b");
    assert_string_equal(layer->children[1].name, "a");
    assert_string_equal(layer->children[2].name, "…");
    assert_int_equal(layer->children[2].bytes, 1);
    size_node_release(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(later_layers_hide_what_they_delete_replace_and_rewrite,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(packages_come_from_the_records_of_their_managers, make,
                                        unmake),
        cmocka_unit_test(what_a_directory_holds_follows_it),
        cmocka_unit_test(a_treemap_keeps_areas_and_stays_within),
        cmocka_unit_test(sizes_are_summed_by_folder_and_the_small_ones_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
