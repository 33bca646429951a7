#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_tree.h"

#include <base/mem.h>

#include <string.h>
#include <sys/stat.h>

static void add(struct scan_list *list, enum scan_kind kind, const char *path, mode_t mode,
                const char *link)
{
    MEM_PUSH(list->items, list->count, list->cap) =
        (struct scan_entry){.path = mem_strdup(path),
                            .kind = kind,
                            .mode = mode,
                            .size = S_ISREG(mode) ? 10 : 0,
                            .link = mem_strdup_null(link)};
}

/* Two layers: a system with /bin -> usr/bin, and one that changes it in every way. */
static struct image_tree *make_tree(void)
{
    struct scan_list *layers = mem_zalloc(2, sizeof *layers);
    add(&layers[0], SCAN_ENTRY, "/usr/bin/sh", S_IFREG | 0755, NULL);
    add(&layers[0], SCAN_ENTRY, "/bin", S_IFLNK | 0777, "usr/bin");
    add(&layers[0], SCAN_ENTRY, "/etc/a/one", S_IFREG | 0644, NULL);
    add(&layers[0], SCAN_ENTRY, "/etc/b/two", S_IFREG | 0644, NULL);
    add(&layers[0], SCAN_ENTRY, "/etc/c", S_IFREG | 0644, NULL);
    add(&layers[0], SCAN_ENTRY, "/loop", S_IFLNK | 0777, "/loop");
    add(&layers[0], SCAN_ENTRY, "/up", S_IFLNK | 0777, "../../etc/c");
    add(&layers[1], SCAN_WHITEOUT, "/etc/a", 0, NULL);
    add(&layers[1], SCAN_ENTRY, "/etc/b/new", S_IFREG | 0644, NULL);
    add(&layers[1], SCAN_OPAQUE, "/etc/b", 0, NULL);
    add(&layers[1], SCAN_ENTRY, "/etc/c", S_IFREG | 0600, NULL);
    return image_tree_new(layers, 2);
}

static void layers_merge_as_an_overlay_does(void **state)
{
    (void)state;
    struct image_tree *tree = make_tree();
    assert_null(image_tree_find(tree, "/etc/a/one", true));
    assert_null(image_tree_find(tree, "/etc/a", true));
    assert_null(
        image_tree_find(tree, "/etc/b/two", true)); /* opaque, though said after /etc/b/new */
    assert_non_null(image_tree_find(tree, "/etc/b/new", true));
    const struct tree_node *c = image_tree_find(tree, "/etc/c", true);
    assert_int_equal(c->layer, 1);
    assert_int_equal(tree_mode(c), S_IFREG | 0600);
    assert_int_equal(tree->hidden_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(tree->hidden[i].by, 1);
        assert_int_equal(tree->hidden[i].deleted,
                         strcmp(tree->hidden[i].entry->path, "/etc/c") != 0);
    }
    image_tree_free(tree);
}

static void links_are_followed_within_the_root(void **state)
{
    (void)state;
    struct image_tree *tree = make_tree();
    assert_string_equal(image_tree_find(tree, "/bin/sh", true)->path, "/usr/bin/sh");
    assert_string_equal(image_tree_find(tree, "/bin", false)->path, "/bin");
    assert_string_equal(image_tree_find(tree, "/up", true)->path, "/etc/c");
    assert_string_equal(image_tree_find(tree, "//usr/./lib/../bin//sh", true) == NULL ? "none" : "",
                        "none");
    assert_null(image_tree_find(tree, "/loop", true));
    assert_null(image_tree_find(tree, "/etc/c/x", true));
    assert_ptr_equal(image_tree_find(tree, "/../..", true), tree->root);
    image_tree_free(tree);
}

static void nodes_are_sorted(void **state)
{
    (void)state;
    struct image_tree *tree = make_tree();
    autofree const struct tree_node **nodes = image_tree_sorted(tree);
    for (size_t i = 0; i + 2 < tree->node_count; i++)
        assert_true(strcmp(nodes[i]->path, nodes[i + 1]->path) < 0);
    assert_string_equal(nodes[0]->path, "/bin");
    image_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_merge_as_an_overlay_does),
        cmocka_unit_test(links_are_followed_within_the_root),
        cmocka_unit_test(nodes_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
