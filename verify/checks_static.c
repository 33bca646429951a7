/* The `static` group of a checks file: which static checks, and what they are to overlook. */
#include "checks_parse.h"
#include "checks_value.h"

#include <base/mem.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* "20 MB", "1.5GB", "4096": bytes, in powers of ten; -1 where it is no such size. */
static int64_t parse_size(const char *text)
{
    static const struct {
        const char *word;
        double factor;
    } units[] = {{"", 1}, {"B", 1}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};
    char *end;
    double n = isdigit((unsigned char)*text) ? strtod(text, &end) : -1;
    if (n < 0)
        return -1;
    end += strspn(end, " ");
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (!strcmp(end, units[i].word) && n * units[i].factor < 9e15)
            return (int64_t)(n * units[i].factor);
    return -1;
}

static int parse_options(struct checks_parser *p, const struct yaml_node *map,
                         struct static_rule *rule, struct error *err)
{
    static const char *const keys[] = {"allow", "venv", "limit"};
    const char *limit = NULL;
    if (yaml_allow_keys(p->file, map, keys, COUNT_OF(keys), err) ||
        value_texts(p->file, map, "allow", &rule->allow, err) ||
        value_path(p->file, map, "venv", false, &rule->venv, err) ||
        yaml_get_string(p->file, map, "limit", NULL, &limit, err))
        return -1;
    if (rule->venv && !static_kind_is_python(rule->kind))
        return yaml_error(p->file, yaml_get(map, "venv"), err, "“%s” is of the whole image",
                          static_kind_name(rule->kind));
    if (!limit)
        return 0;
    if (rule->kind != STATIC_WASTED)
        return yaml_error(p->file, yaml_get(map, "limit"), err, "“%s” has no limit",
                          static_kind_name(rule->kind));
    rule->limit = parse_size(limit);
    if (rule->limit <= 0)
        return yaml_error(p->file, yaml_get(map, "limit"), err,
                          "“limit” must be a size, as 20 MB, not “%s”", limit);
    return 0;
}

/* options: a mapping, or NULL. */
static int add_static(struct checks_parser *p, enum static_kind kind, const struct yaml_node *place,
                      const struct yaml_node *options, struct error *err)
{
    struct check *check;
    if (checks_parse_name(p, place, static_kind_meaning(kind), CHECK_STATIC, &check, err))
        return -1;
    check->fixed.kind = kind;
    if (static_kind_is_python(kind))
        check->fixed.venv = mem_strdup_null(p->defaults.venv);
    return options ? parse_options(p, options, &check->fixed, err) : 0;
}

static int find_kind(struct checks_parser *p, const struct yaml_node *place, enum static_kind *out,
                     struct error *err)
{
    if (place->kind == YAML_SCALAR && static_kind_find(place->text, out))
        return 0;
    yaml_error(p->file, place, err, "there is no static check “%s”",
               place->kind == YAML_SCALAR ? place->text : "");
    return error_hint(err, "docs/checks.md lists them");
}

/* NAME: true, false, or what it is to overlook. */
static int parse_pair(struct checks_parser *p, const struct yaml_node *map, size_t i,
                      struct error *err)
{
    enum static_kind kind;
    const struct yaml_node *value = map->items[i];
    bool wanted = true;
    if (find_kind(p, map->keys[i], &kind, err) ||
        (value->kind != YAML_MAPPING &&
         yaml_get_bool(p->file, map, map->keys[i]->text, true, &wanted, err)))
        return -1;
    return wanted
               ? add_static(p, kind, map->keys[i], value->kind == YAML_MAPPING ? value : NULL, err)
               : 0;
}

/* All of them, but for those that the mapping (or NULL) names. */
static int add_others(struct checks_parser *p, const struct yaml_node *place,
                      const struct yaml_node *map, struct error *err)
{
    for (size_t k = 0; k < STATIC_KINDS; k++)
        if ((!map || !yaml_get(map, static_kind_name((enum static_kind)k))) &&
            add_static(p, (enum static_kind)k, place, NULL, err))
            return -1;
    return 0;
}

int checks_parse_static(struct checks_parser *p, const struct yaml_node *section, struct error *err)
{
    const struct yaml_node *node = yaml_get(section, "static");
    bool all = false;
    enum static_kind kind;
    if (!node)
        return 0;
    if (node->kind == YAML_SCALAR) {
        if (yaml_get_bool(p->file, section, "static", false, &all, err))
            return -1;
        return all ? add_others(p, node, NULL, err) : 0;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_MAPPING ? parse_pair(p, node, i, err)
                                       : find_kind(p, node->items[i], &kind, err) ||
                                             add_static(p, kind, node->items[i], NULL, err))
            return -1;
    }
    return node->kind == YAML_MAPPING ? add_others(p, node, node, err) : 0;
}
