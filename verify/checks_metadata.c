/* The `metadata` of an entry: rules about the image's config. */
#include "checks_parse.h"
#include "checks_value.h"

#include <base/mem.h>

#include <string.h>

static struct metadata_rule *add_rule(struct metadata_rules *rules, enum metadata_field field,
                                      const char *key)
{
    MEM_PUSH(rules->items, rules->count, rules->cap) =
        (struct metadata_rule){.field = field, .key = mem_strdup_null(key)};
    return &rules->items[rules->count - 1];
}

/* A text (exactly that), null (must not be set), or {matches: PATTERN}. */
static int parse_value(struct checks_parser *p, const struct yaml_node *node, const char *what,
                       struct metadata_rule *rule, struct error *err)
{
    static const char *const keys[] = {"matches"};
    if (node->kind == YAML_SEQUENCE)
        return yaml_error(p->file, node, err,
                          "“%s” must be a text, null (not set) or {matches: PATTERN}", what);
    if (node->kind == YAML_SCALAR) {
        rule->unset = value_is_null(node);
        rule->value = rule->unset ? NULL : mem_strdup(node->text);
        return 0;
    }
    struct patterns patterns = {0};
    if (yaml_allow_keys(p->file, node, keys, COUNT_OF(keys), err) ||
        value_patterns(p->file, node, "matches", &patterns, err)) {
        patterns_release(&patterns);
        return -1;
    }
    if (patterns.count == 1) {
        rule->pattern = patterns.items[0];
        patterns.items[0] = NULL;
    }
    bool one = patterns.count == 1;
    patterns_release(&patterns);
    return one ? 0 : yaml_error(p->file, node, err, "“%s” needs one pattern in “matches”", what);
}

static int parse_word(struct checks_parser *p, const struct yaml_node *map, const char *key,
                      enum metadata_field field, struct metadata_rules *rules, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    return node ? parse_value(p, node, key, add_rule(rules, field, NULL), err) : 0;
}

/* The whole list, or null for one that must not be set. */
static int parse_list(struct checks_parser *p, const struct yaml_node *map, const char *key,
                      enum metadata_field field, struct metadata_rules *rules, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node)
        return 0;
    struct metadata_rule *rule = add_rule(rules, field, NULL);
    rule->unset = value_is_null(node);
    if (rule->unset)
        return 0;
    if (node->kind != YAML_SEQUENCE)
        return yaml_error(p->file, node, err, "“%s” must be a list, or null for “not set”", key);
    return yaml_get_strings(p->file, map, key, &rule->values, err);
}

static int parse_map(struct checks_parser *p, const struct yaml_node *map, const char *key,
                     enum metadata_field field, struct metadata_rules *rules, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node)
        return 0;
    if (node->kind != YAML_MAPPING)
        return yaml_error(p->file, node, err, "“%s” must be a mapping (NAME: value)", key);
    for (size_t i = 0; i < node->count; i++) {
        const char *name = node->keys[i]->text;
        if (parse_value(p, node->items[i], name, add_rule(rules, field, name), err))
            return -1;
    }
    return 0;
}

/* Each of a list must be in the image's; a port without a protocol is a TCP one. */
static int parse_members(struct checks_parser *p, const struct yaml_node *map, const char *key,
                         enum metadata_field field, struct metadata_rules *rules, struct error *err)
{
    autostrv texts = STRV_INIT;
    if (value_texts(p->file, map, key, &texts, err))
        return -1;
    for (size_t i = 0; i < texts.count; i++) {
        bool bare = field == METADATA_PORT && !strchr(texts.items[i], '/');
        autofree char *text = mem_printf("%s%s", texts.items[i], bare ? "/tcp" : "");
        add_rule(rules, field, text);
    }
    return 0;
}

int checks_parse_metadata(struct checks_parser *p, const struct yaml_node *map,
                          struct metadata_rules *rules, struct error *err)
{
    static const char *const keys[] = {"user", "workdir", "entrypoint", "cmd",
                                       "env",  "labels",  "ports",      "volumes"};
    if (yaml_allow_keys(p->file, map, keys, COUNT_OF(keys), err) ||
        parse_word(p, map, "user", METADATA_USER, rules, err) ||
        parse_word(p, map, "workdir", METADATA_WORKDIR, rules, err) ||
        parse_list(p, map, "entrypoint", METADATA_ENTRYPOINT, rules, err) ||
        parse_list(p, map, "cmd", METADATA_CMD, rules, err) ||
        parse_map(p, map, "env", METADATA_ENV, rules, err) ||
        parse_map(p, map, "labels", METADATA_LABEL, rules, err) ||
        parse_members(p, map, "ports", METADATA_PORT, rules, err) ||
        parse_members(p, map, "volumes", METADATA_VOLUME, rules, err))
        return -1;
    if (!rules->count)
        return yaml_error(p->file, map, err, "“metadata” asks for nothing");
    return 0;
}
