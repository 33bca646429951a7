/* The sections that run nothing: files, licenses, metadata. */
#include "cst_private.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

static int parse_path(struct cst *c, const struct yaml_node *test, struct file_rule *rule,
                      struct error *err)
{
    const char *path = NULL;
    rule->mode = -1;
    if (yaml_get_string(c->p->file, test, "path", "", &path, err))
        return -1;
    if (!*path)
        return yaml_error(c->p->file, test, err, "a file test needs a “path”");
    rule->path = mem_printf("%s%s", *path == '/' ? "" : "/", path);
    return 0;
}

/* An owner's number; -1 is anybody. */
static int parse_id(struct cst *c, const struct yaml_node *test, const char *key, bool *asked,
                    uint32_t *out, struct error *err)
{
    int64_t id = -1;
    if (yaml_get_int(c->p->file, test, key, -1, &id, err))
        return -1;
    if (id < -1 || id > UINT32_MAX)
        return yaml_error(c->p->file, yaml_get(test, key), err, "“%s” is no number of an owner",
                          key);
    *asked = id >= 0;
    *out = (uint32_t)id;
    return 0;
}

static int parse_executable(struct cst *c, const struct yaml_node *test, struct file_rule *rule,
                            struct error *err)
{
    static const struct {
        const char *word;
        mode_t bits;
    } words[] = {{"any", 0111}, {"owner", 0100}, {"group", 0010}, {"other", 0001}};
    const char *word = NULL;
    if (yaml_get_string(c->p->file, test, "isExecutableBy", "", &word, err))
        return -1;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (!strcmp(word, words[i].word))
            rule->executable = words[i].bits;
    if (*word && !rule->executable)
        return yaml_error(c->p->file, yaml_get(test, "isExecutableBy"), err,
                          "“isExecutableBy” must be owner, group, other or any");
    return 0;
}

int cst_existence(struct cst *c, const struct yaml_node *test, struct error *err)
{
    static const char *const keys[] = {"name", "path", "shouldExist",   "permissions",
                                       "uid",  "gid",  "isExecutableBy"};
    const struct yaml_file *file = c->p->file;
    struct check *check;
    bool exists = true;
    const char *permissions = NULL;
    if (yaml_allow_keys(file, test, keys, c->old ? 4 : COUNT_OF(keys), err) ||
        cst_add(c, test, CHECK_FILE, &check, err))
        return -1;
    struct file_rule *rule = &check->look;
    if (parse_path(c, test, rule, err) ||
        yaml_get_bool(file, test, "shouldExist", true, &exists, err) ||
        yaml_get_string(file, test, "permissions", "", &permissions, err) ||
        parse_id(c, test, "uid", &rule->has_uid, &rule->uid, err) ||
        parse_id(c, test, "gid", &rule->has_gid, &rule->gid, err) ||
        parse_executable(c, test, rule, err))
        return -1;
    rule->absent = !exists;
    if (*permissions)
        rule->permissions = mem_strdup(permissions);
    /* of a link itself nothing but its permissions can be asked: "Lrwxrwxrwx" */
    if (*permissions == 'L')
        rule->type = FILE_SYMLINK;
    return 0;
}

int cst_content(struct cst *c, const struct yaml_node *test, struct error *err)
{
    static const char *const keys[] = {"name", "path", "expectedContents", "excludedContents"};
    struct check *check;
    if (yaml_allow_keys(c->p->file, test, keys, COUNT_OF(keys), err) ||
        cst_add(c, test, CHECK_FILE, &check, err) || parse_path(c, test, &check->look, err) ||
        cst_patterns(c, test, "expectedContents", &check->look.has, err))
        return -1;
    check->look.type = FILE_REGULAR;
    return cst_patterns(c, test, "excludedContents", &check->look.lacks, err);
}

int cst_license(struct cst *c, const struct yaml_node *test, struct error *err)
{
    static const char *const keys[] = {"debian", "files"};
    struct check *check;
    if (yaml_allow_keys(c->p->file, test, keys, COUNT_OF(keys), err) ||
        cst_add(c, test, CHECK_LICENSE, &check, err) ||
        yaml_get_bool(c->p->file, test, "debian", false, &check->license.debian, err) ||
        (cst_member(test, "files") &&
         yaml_get_strings(c->p->file, test, "files", &check->license.files, err)))
        return -1;
    if (!check->license.debian && !check->license.files.count)
        return yaml_error(c->p->file, test, err, "a license test that names no file tests nothing");
    return 0;
}

/* ---- metadata ---- */

static struct metadata_rule *add_rule(struct metadata_rules *rules, enum metadata_field field,
                                      const char *key)
{
    MEM_PUSH(rules->items, rules->count, rules->cap) =
        (struct metadata_rule){.field = field, .key = mem_strdup_null(key)};
    return &rules->items[rules->count - 1];
}

/* [{key, value, isRegex}]; with absent, keys that must not be there. */
static int parse_pair(struct cst *c, const struct yaml_node *item, enum metadata_field field,
                      bool absent, struct metadata_rules *rules, struct error *err)
{
    static const char *const keys[] = {"key", "value", "isRegex"};
    const struct yaml_file *file = c->p->file;
    const char *key = NULL, *value = NULL;
    bool regex = false;
    if (item->kind != YAML_MAPPING)
        return yaml_error(file, item, err, "an item must be {key, value}");
    if (yaml_allow_keys(file, item, keys, COUNT_OF(keys), err) ||
        yaml_get_string(file, item, "key", "", &key, err) ||
        yaml_get_string(file, item, "value", "", &value, err) ||
        yaml_get_bool(file, item, "isRegex", false, &regex, err))
        return -1;
    if (!*key)
        return yaml_error(file, item, err, "“key” must not be empty");
    struct metadata_rule *rule = add_rule(rules, field, key);
    rule->unset = absent;
    if (absent)
        return 0;
    autoerror problem = ERROR_INIT;
    if (regex && pattern_new_re2(value, &rule->pattern, &problem))
        return yaml_error(file, yaml_get(item, "value"), err, "%s", problem.message);
    if (!regex)
        rule->value = mem_strdup(value);
    return 0;
}

static int parse_pairs(struct cst *c, const struct yaml_node *map, const char *key,
                       enum metadata_field field, bool absent, struct metadata_rules *rules,
                       struct error *err)
{
    const struct yaml_node *list = cst_member(map, key);
    if (list && list->kind != YAML_SEQUENCE)
        return yaml_error(c->p->file, list, err, "“%s” must be a list of {key, value}", key);
    for (size_t i = 0; list && i < list->count; i++)
        if (parse_pair(c, list->items[i], field, absent, rules, err))
            return -1;
    return 0;
}

/* Ports and volumes; a port that must be there and has no protocol is a TCP one, one that must not
 * be there is of any. */
static int parse_members(struct cst *c, const struct yaml_node *map, const char *key,
                         enum metadata_field field, bool absent, struct metadata_rules *rules,
                         struct error *err)
{
    autostrv texts = STRV_INIT;
    const struct yaml_node *list = cst_member(map, key);
    if (!list || yaml_get_strings(c->p->file, map, key, &texts, err))
        return list ? -1 : 0;
    for (size_t i = 0; i < texts.count; i++) {
        bool bare = field == METADATA_PORT && !absent && !strchr(texts.items[i], '/');
        autofree char *text = mem_printf("%s%s", texts.items[i], bare ? "/tcp" : "");
        if (!*texts.items[i])
            return yaml_error(c->p->file, list->items[i], err, "“%s” must not be empty", key);
        add_rule(rules, field, text)->unset = absent;
    }
    return 0;
}

static int parse_list(struct cst *c, const struct yaml_node *map, const char *key,
                      enum metadata_field field, struct metadata_rules *rules, struct error *err)
{
    if (!cst_member(map, key))
        return 0;
    return yaml_get_strings(c->p->file, map, key, &add_rule(rules, field, NULL)->values, err);
}

static int parse_word(struct cst *c, const struct yaml_node *map, const char *key,
                      enum metadata_field field, struct metadata_rules *rules, struct error *err)
{
    const char *text = NULL;
    if (yaml_get_string(c->p->file, map, key, "", &text, err))
        return -1;
    if (*text)
        add_rule(rules, field, NULL)->value = mem_strdup(text);
    return 0;
}

int cst_metadata(struct cst *c, const struct yaml_node *map, struct error *err)
{
    static const char *const keys[] = {
        "envVars", "unboundEnvVars", "exposedPorts", "unexposedPorts",   "entrypoint", "cmd",
        "workdir", "volumes",        "user",         "unmountedVolumes", "labels"};
    struct check *check;
    if (yaml_allow_keys(c->p->file, map, keys, COUNT_OF(keys), err) ||
        cst_add(c, map, CHECK_METADATA, &check, err))
        return -1;
    struct metadata_rules *rules = &check->metadata;
    if (parse_pairs(c, map, "envVars", METADATA_ENV, false, rules, err) ||
        parse_pairs(c, map, "unboundEnvVars", METADATA_ENV, true, rules, err) ||
        parse_pairs(c, map, "labels", METADATA_LABEL, false, rules, err) ||
        parse_members(c, map, "exposedPorts", METADATA_PORT, false, rules, err) ||
        parse_members(c, map, "unexposedPorts", METADATA_PORT, true, rules, err) ||
        parse_members(c, map, "volumes", METADATA_VOLUME, false, rules, err) ||
        parse_members(c, map, "unmountedVolumes", METADATA_VOLUME, true, rules, err))
        return -1;
    if (parse_list(c, map, "entrypoint", METADATA_ENTRYPOINT, rules, err) ||
        parse_list(c, map, "cmd", METADATA_CMD, rules, err) ||
        parse_word(c, map, "workdir", METADATA_WORKDIR, rules, err) ||
        parse_word(c, map, "user", METADATA_USER, rules, err))
        return -1;
    if (!rules->count)
        return yaml_error(c->p->file, map, err, "“metadataTest” asks for nothing");
    return 0;
}
