#include "report_contents.h"

#include "report_style.h"
#include "report_text.h"
#include "size_tree.h"
#include "treemap.h"

#include <base/mem.h>

#include <stdlib.h>

enum { MAP_DEPTH = 3, MAP_WIDTH = 24, WASTES_SHOWN = 50 };

/* The map's sides, and the areas below which a box has no name, and is not divided. */
#define MAP_SIDE_X 16.0
#define MAP_SIDE_Y 9.0
#define BOX_NAMED 0.12
#define BOX_DIVIDED 0.6

/* ---- the treemap ---- */

struct map {
    struct str *out;
    size_t layer;
};

static void add_title(struct str *out, const struct map *m, const char *path, int64_t bytes)
{
    str_addf(out, "layer %zu: /", m->layer + 1);
    report_add_xml(out, path);
    str_add(out, ", ");
    report_add_size(out, bytes);
}

static void draw(const struct map *m, const struct size_node *node, const char *path,
                 struct treemap_box box, struct treemap_box parent, unsigned depth);

static void draw_children(const struct map *m, const struct size_node *node, const char *path,
                          struct treemap_box box, unsigned depth)
{
    autofree double *weights = mem_zalloc(node->count + 1, sizeof *weights);
    autofree struct treemap_box *boxes = mem_zalloc(node->count + 1, sizeof *boxes);
    for (size_t i = 0; i < node->count; i++)
        weights[i] = (double)node->children[i].bytes;
    box.x = box.y = 0;
    treemap_divide(weights, node->count, box, boxes);
    for (size_t i = 0; i < node->count; i++) {
        const char *name = node->children[i].name;
        autofree char *inner = *path ? mem_printf("%s/%s", path, name) : mem_strdup(name);
        draw(m, &node->children[i], inner, boxes[i], box, depth);
    }
}

static void add_name(const struct map *m, const struct size_node *node, unsigned depth)
{
    if (depth)
        report_add_xml(m->out, node->name);
    else
        str_addf(m->out, "layer %zu", m->layer + 1);
}

/* Boxes are placed in parts of their parent's, so a page of any width shows them rightly. */
static void draw(const struct map *m, const struct size_node *node, const char *path,
                 struct treemap_box box, struct treemap_box parent, unsigned depth)
{
    double area = box.width * box.height;
    if (area <= 0)
        return;
    str_addf(m->out,
             "<div style=\"left:%.3f%%;top:%.3f%%;width:%.3f%%;height:%.3f%%;"
             "background:hsl(%zu 50%% %u%%)\" title=\"",
             box.x / parent.width * 100, box.y / parent.height * 100,
             box.width / parent.width * 100, box.height / parent.height * 100, m->layer * 47 % 360,
             58 + depth * 9);
    add_title(m->out, m, path, node->bytes);
    str_add(m->out, "\">");
    if (area > BOX_NAMED)
        add_name(m, node, depth);
    if (node->count && area > BOX_DIVIDED) {
        str_add(m->out, "<div style=\"inset:14px 1px 1px 1px;border:0;padding:0\">");
        draw_children(m, node, path, box, depth + 1);
        str_add(m->out, "</div>");
    }
    str_add(m->out, "</div>\n");
}

static int heavier_first(const void *a, const void *b)
{
    const struct size_node *const *x = a, *const *y = b;
    return ((*x)->bytes < (*y)->bytes) - ((*x)->bytes > (*y)->bytes);
}

static void add_map(struct str *out, const struct image_result *image)
{
    struct size_node root;
    size_tree_make(image->inventory, MAP_DEPTH, MAP_WIDTH, &root);
    autofree const struct size_node **order = mem_zalloc(root.count + 1, sizeof *order);
    autofree double *weights = mem_zalloc(root.count + 1, sizeof *weights);
    autofree struct treemap_box *boxes = mem_zalloc(root.count + 1, sizeof *boxes);
    for (size_t i = 0; i < root.count; i++)
        order[i] = &root.children[i];
    qsort(order, root.count, sizeof *order, heavier_first);
    for (size_t i = 0; i < root.count; i++)
        weights[i] = (double)order[i]->bytes;
    const struct treemap_box all = {0, 0, MAP_SIDE_X, MAP_SIDE_Y};
    treemap_divide(weights, root.count, all, boxes);
    str_add(out, "<h2>Sizes by layer and folder</h2>\n<div class=\"map\">\n");
    for (size_t i = 0; i < root.count; i++) {
        struct map map = {out, (size_t)(order[i] - root.children)};
        draw(&map, order[i], "", boxes[i], all, 0);
    }
    str_add(out, "</div>\n");
    size_node_release(&root);
}

/* ---- tables ---- */

static void add_size_cell(struct str *out, int64_t bytes)
{
    str_add(out, "<td class=\"n\">");
    report_add_size(out, bytes);
    str_add(out, "</td>");
}

static void add_layers(struct str *out, const struct image_result *image)
{
    const struct inventory *v = image->inventory;
    str_add(out,
            "<h2>Layers</h2>\n<div class=\"scroll\"><table><tr><th class=\"n\">#</th>"
            "<th class=\"n\">size</th><th class=\"n\">hidden later</th><th>made by</th></tr>\n");
    for (size_t i = 0; i < v->layer_count; i++) {
        int64_t hidden = 0;
        for (size_t k = 0; k < v->waste_count; k++)
            hidden += v->wastes[k].layer == i ? v->wastes[k].bytes : 0;
        str_addf(out, "<tr><td class=\"n\">%zu</td>", i + 1);
        add_size_cell(out, v->layer_bytes[i]);
        add_size_cell(out, hidden);
        report_add_element(out, "td", "w mono",
                           i < image->made_by.count ? image->made_by.items[i] : "");
        str_add(out, "</tr>\n");
    }
    str_add(out, "</table></div>\n");
}

static int more_wasted_first(const void *a, const void *b)
{
    const struct inventory_waste *const *x = a, *const *y = b;
    return ((*x)->bytes < (*y)->bytes) - ((*x)->bytes > (*y)->bytes);
}

static void add_wastes(struct str *out, const struct inventory *v)
{
    str_add(out, "<h2>Wasted bytes</h2>\n<p>");
    report_add_size(out, v->wasted);
    str_addf(out, " in %zu files that a later layer deletes or writes anew.</p>\n", v->waste_count);
    if (!v->waste_count)
        return;
    autofree const struct inventory_waste **order = mem_zalloc(v->waste_count, sizeof *order);
    for (size_t i = 0; i < v->waste_count; i++)
        order[i] = &v->wastes[i];
    qsort(order, v->waste_count, sizeof *order, more_wasted_first);
    str_add(out, "<details><summary>the largest</summary><div class=\"scroll\"><table>"
                 "<tr><th class=\"n\">size</th><th>file</th><th class=\"n\">layer</th>"
                 "<th>then</th></tr>\n");
    for (size_t i = 0; i < v->waste_count && i < WASTES_SHOWN; i++) {
        str_add(out, "<tr>");
        add_size_cell(out, order[i]->bytes);
        report_add_element(out, "td", "w mono", order[i]->path);
        str_addf(out, "<td class=\"n\">%zu</td><td>%s by %zu</td></tr>\n", order[i]->layer + 1,
                 order[i]->deleted ? "deleted" : "written anew", order[i]->by + 1);
    }
    str_add(out, "</table></div></details>\n");
}

static void add_packages(struct str *out, const struct inventory *v)
{
    str_addf(out,
             "<h2>Packages</h2>\n<details><summary>%zu packages</summary>"
             "<div class=\"scroll\"><table><tr><th>kind</th><th>name</th><th>version</th>"
             "<th class=\"wide\">where</th></tr>\n",
             v->package_count);
    for (size_t i = 0; i < v->package_count; i++) {
        const struct inventory_package *p = &v->packages[i];
        str_add(out, "<tr>");
        report_add_element(out, "td", NULL, p->kind);
        report_add_element(out, "td", "w", p->name);
        report_add_element(out, "td", "w mono", p->version);
        report_add_element(out, "td", "wide w mono", p->place);
        str_add(out, "</tr>\n");
    }
    str_add(out, "</table></div></details>\n");
}

void report_add_contents(struct str *out, const struct image_result *image)
{
    if (!image->inventory)
        return;
    add_map(out, image);
    add_layers(out, image);
    add_wastes(out, image->inventory);
    add_packages(out, image->inventory);
}
