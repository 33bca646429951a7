#include "diff_report.h"

#include "output.h"
#include "report_style.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { FORMAT_VERSION = 1 };

enum { LISTS = 3 };

static const struct {
    const char *name, *heading;
} names[LISTS] = {{"config", "Config"}, {"packages", "Packages"}, {"files", "Files"}};

static const struct diff_list *list_at(const struct image_diff *d, size_t i)
{
    const struct diff_list *const lists[LISTS] = {&d->config, &d->packages, &d->files};
    return lists[i];
}

/* "+1.2 MB". */
static void add_growth(struct str *out, int64_t bytes)
{
    str_add_char(out, bytes < 0 ? '-' : '+');
    report_add_size(out, bytes < 0 ? -bytes : bytes);
}

static size_t count_of(const struct diff_list *list, enum diff_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++)
        n += list->items[i].kind == kind;
    return n;
}

/* ---- text ---- */

static void clean(struct str *out, const char *text)
{
    autostr cleaned = STR_INIT;
    output_clean(text, strlen(text), &cleaned);
    for (const char *p = str_text(&cleaned); *p; p++)
        str_add(out, *p == '\n' ? "\\n" : (char[]){*p, 0});
}

static void add_item(struct str *out, const struct diff_item *item)
{
    static const char marks[] = {[DIFF_ADDED] = '+', [DIFF_REMOVED] = '-', [DIFF_CHANGED] = '~'};
    str_addf(out, "  %c ", marks[item->kind]);
    clean(out, item->name);
    if ((item->before && *item->before) || (item->after && *item->after)) {
        str_add(out, ": ");
        clean(out, item->before ? item->before : item->after);
        if (item->kind == DIFF_CHANGED) {
            str_add(out, " => ");
            clean(out, item->after);
        }
    }
    str_add_char(out, '\n');
}

static void add_list(struct str *out, const struct diff_list *list, const char *heading,
                     size_t limit)
{
    size_t shown[3] = {0};
    if (!list->count)
        return;
    str_addf(out, "\n%s: %zu added, %zu removed, %zu changed\n", heading,
             count_of(list, DIFF_ADDED), count_of(list, DIFF_REMOVED),
             count_of(list, DIFF_CHANGED));
    for (size_t i = 0; i < list->count; i++)
        if (!limit || shown[list->items[i].kind]++ < limit)
            add_item(out, &list->items[i]);
    for (size_t kind = 0; kind < COUNT_OF(shown); kind++)
        if (limit && shown[kind] > limit)
            str_addf(out, "  … %zu more %s (--all lists them)\n", shown[kind] - limit,
                     diff_kind_name((enum diff_kind)kind));
}

void diff_report_text(const struct image_diff *d, size_t limit, FILE *out)
{
    autostr text = STR_INIT;
    for (size_t i = 0; i < 2; i++) {
        const struct diff_side *s = &d->sides[i];
        str_addf(&text, "%c %s %s, %s, %zu layers, ", "-+"[i], s -> reference, s -> digest.text,
                 s->platform, s->inventory.layer_count);
        report_add_size(&text, s->inventory.bytes);
        str_addf(&text, " in %zu files\n", s->inventory.file_count);
    }
    int64_t growth = d->sides[1].inventory.bytes - d->sides[0].inventory.bytes;
    if (growth) {
        str_add(&text, "Size: ");
        add_growth(&text, growth);
        str_add_char(&text, '\n');
    }
    for (size_t i = 0; i < LISTS; i++)
        add_list(&text, list_at(d, i), names[i].heading, limit);
    if (image_diff_is_empty(d))
        str_add(&text, "no difference in config, packages or files\n");
    fputs(str_text(&text), out);
}

/* ---- JSON ---- */

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, text ? json_from_text(text) : json_null());
}

static json_t *side_to_json(const struct diff_side *s)
{
    json_t *out = json_object();
    set_text(out, "reference", s->reference);
    json_object_set_new(out, "digest", json_string(s->digest.text));
    json_object_set_new(out, "platform", json_string(s->platform));
    json_object_set_new(out, "layers", json_integer((json_int_t)s->inventory.layer_count));
    json_object_set_new(out, "files", json_integer((json_int_t)s->inventory.file_count));
    json_object_set_new(out, "bytes", json_integer(s->inventory.bytes));
    json_object_set_new(out, "wasted", json_integer(s->inventory.wasted));
    return out;
}

static json_t *list_to_json(const struct diff_list *list, bool files)
{
    json_t *out = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const struct diff_item *item = &list->items[i];
        json_t *object = json_object();
        set_text(object, "name", item->name);
        json_object_set_new(object, "change", json_string(diff_kind_name(item->kind)));
        set_text(object, "before", item->before);
        set_text(object, "after", item->after);
        if (files)
            json_object_set_new(object, "bytes", json_integer(item->bytes));
        json_array_append_new(out, object);
    }
    return out;
}

json_t *diff_to_json(const struct image_diff *d)
{
    json_t *out = json_object();
    json_object_set_new(out, "version", json_integer(FORMAT_VERSION));
    json_object_set_new(out, "before", side_to_json(&d->sides[0]));
    json_object_set_new(out, "after", side_to_json(&d->sides[1]));
    json_object_set_new(out, "equal", json_boolean(image_diff_is_empty(d)));
    for (size_t i = 0; i < LISTS; i++)
        json_object_set_new(out, names[i].name,
                            list_to_json(list_at(d, i), list_at(d, i) == &d->files));
    return out;
}

/* ---- HTML ---- */

static void add_side(struct str *out, const char *what, const struct diff_side *s)
{
    str_addf(out, "<tr><td>%s</td>", what);
    report_add_element(out, "td", "w", s->reference);
    report_add_element(out, "td", "w mono wide", s->digest.text);
    report_add_element(out, "td", NULL, s->platform);
    str_addf(out, "<td class=\"n\">%zu</td><td class=\"n\">%zu</td><td class=\"n\">",
             s->inventory.layer_count, s->inventory.file_count);
    report_add_size(out, s->inventory.bytes);
    str_add(out, "</td></tr>\n");
}

static void add_cell(struct str *out, const char *text)
{
    autostr cleaned = STR_INIT;
    if (text)
        output_clean(text, strlen(text), &cleaned);
    report_add_element(out, "td", "w mono", str_text(&cleaned));
}

static void add_table(struct str *out, const struct diff_list *list, const char *heading)
{
    static const char *const classes[] = {
        [DIFF_ADDED] = "passed", [DIFF_REMOVED] = "failed", [DIFF_CHANGED] = "skipped"};
    str_addf(out, "<h2>%s</h2>\n<details%s><summary>%zu added, %zu removed, %zu changed</summary>",
             heading, list->count && list->count <= 200 ? " open" : "", count_of(list, DIFF_ADDED),
             count_of(list, DIFF_REMOVED), count_of(list, DIFF_CHANGED));
    str_add(out, "<div class=\"scroll\"><table><tr><th></th><th>name</th><th>before</th>"
                 "<th>after</th></tr>\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct diff_item *item = &list->items[i];
        str_add(out, "<tr>");
        report_add_element(out, "td", classes[item->kind], diff_kind_name(item->kind));
        add_cell(out, item->name);
        add_cell(out, item->before);
        add_cell(out, item->after);
        str_add(out, "</tr>\n");
    }
    str_add(out, "</table></div></details>\n");
}

void diff_report_html(const struct image_diff *d, FILE *out)
{
    autostr text = STR_INIT;
    autofree char *title =
        mem_printf("imgverify diff: %s, %s", d->sides[0].reference, d->sides[1].reference);
    report_page_begin(&text, title);
    report_add_element(&text, "h1", NULL, "What differs between two images");
    str_add(&text, "<div class=\"scroll\"><table><tr><th></th><th>image</th>"
                   "<th class=\"wide\">digest</th><th>platform</th><th class=\"n\">layers</th>"
                   "<th class=\"n\">files</th><th class=\"n\">size</th></tr>\n");
    add_side(&text, "before", &d->sides[0]);
    add_side(&text, "after", &d->sides[1]);
    str_add(&text, "</table></div>\n");
    for (size_t i = 0; i < LISTS; i++)
        add_table(&text, list_at(d, i), names[i].heading);
    report_page_end(&text);
    fputs(str_text(&text), out);
}
