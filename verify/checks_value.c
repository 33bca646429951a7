#include "checks_value.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

bool value_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->plain &&
           (!*node->text || !strcmp(node->text, "~") || !strcmp(node->text, "null"));
}

static int add_text(const struct yaml_file *file, const struct yaml_node *node, const char *key,
                    struct strv *out, struct error *err)
{
    if (node->kind != YAML_SCALAR)
        return yaml_error(file, node, err, "“%s” must be a text or a list of texts", key);
    if (!*node->text || value_is_null(node))
        return yaml_error(file, node, err, "“%s” must not be empty", key);
    strv_add(out, node->text);
    return 0;
}

/* visit for the text itself, or for each text of a list that holds at least one. */
static int each_text(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                     int (*visit)(const struct yaml_file *, const struct yaml_node *, const char *,
                                  void *, struct error *),
                     void *context, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node)
        return 0;
    if (node->kind != YAML_SEQUENCE)
        return visit(file, node, key, context, err);
    if (!node->count)
        return yaml_error(file, node, err, "“%s” must not be empty", key);
    for (size_t i = 0; i < node->count; i++)
        if (visit(file, node->items[i], key, context, err))
            return -1;
    return 0;
}

static int visit_text(const struct yaml_file *file, const struct yaml_node *node, const char *key,
                      void *context, struct error *err)
{
    return add_text(file, node, key, context, err);
}

int value_texts(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                struct strv *out, struct error *err)
{
    return each_text(file, map, key, visit_text, out, err);
}

static int visit_pattern(const struct yaml_file *file, const struct yaml_node *node,
                         const char *key, void *context, struct error *err)
{
    autostrv text = STRV_INIT;
    if (add_text(file, node, key, &text, err))
        return -1;
    struct pattern *pattern;
    autoerror problem = ERROR_INIT;
    if (pattern_new(node->text, &pattern, &problem))
        return yaml_error(file, node, err, "%s", problem.message);
    patterns_add(context, pattern);
    return 0;
}

int value_patterns(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                   struct patterns *out, struct error *err)
{
    return each_text(file, map, key, visit_pattern, out, err);
}

int value_text(const struct yaml_file *file, const struct yaml_node *map, const char *key,
               char **out, struct error *err)
{
    const char *text = NULL;
    if (yaml_get_string(file, map, key, NULL, &text, err))
        return -1;
    if (!text)
        return 0;
    if (!*text)
        return yaml_error(file, yaml_get(map, key), err, "“%s” must not be empty", key);
    free(*out);
    *out = mem_strdup(text);
    return 0;
}

int value_path(const struct yaml_file *file, const struct yaml_node *map, const char *key,
               bool may_be_empty, char **out, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    const char *text = NULL;
    if (!node || yaml_get_string(file, map, key, "", &text, err))
        return node ? -1 : 0;
    if (*text != '/' && (*text || !may_be_empty))
        return yaml_error(file, node, err, "“%s” must be an absolute path", key);
    free(*out);
    *out = *text ? mem_strdup(text) : NULL;
    return 0;
}

/* "2", "0.5": thousandths; 0 where it is no such number, or is out of range. */
static unsigned parse_seconds(const char *text)
{
    size_t whole = strcspn(text, ".");
    const char *part = text[whole] ? text + whole + 1 : "0";
    autofree char *digits = mem_strndup(text, whole);
    long long seconds = str_number(digits, DAY_MS / 1000), thousandths = str_number(part, 999);
    size_t n = strlen(part);
    if (seconds < 0 || thousandths < 0 || n > 3)
        return 0;
    for (; n < 3; n++)
        thousandths *= 10;
    long long sum = seconds * 1000 + thousandths;
    return sum > DAY_MS ? 0 : (unsigned)sum;
}

int value_seconds(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                  unsigned *out, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node)
        return 0;
    unsigned ms = node->kind == YAML_SCALAR ? parse_seconds(node->text) : 0;
    if (!ms)
        return yaml_error(file, node, err,
                          "“%s” must be a number of seconds, more than 0 and at most a day", key);
    *out = ms;
    return 0;
}

int value_limits(const struct yaml_file *file, const struct yaml_node *map, struct limits *out,
                 struct error *err)
{
    const struct yaml_node *memory = yaml_get(map, "memory"), *pids = yaml_get(map, "pids");
    struct limits given = *out;
    autoerror ignored = ERROR_INIT;
    if (memory &&
        (memory->kind != YAML_SCALAR || limits_parse(memory->text, NULL, NULL, &given, &ignored)))
        return yaml_error(file, memory, err, "“memory” must be a size such as 512m or 2g");
    if (memory)
        out->memory = given.memory;
    if (pids &&
        (pids->kind != YAML_SCALAR || limits_parse(NULL, NULL, pids->text, &given, &ignored)))
        return yaml_error(file, pids, err, "“pids” must be a number such as 100");
    if (pids)
        out->pids = given.pids;
    return 0;
}

int value_environment(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                      struct strv *out, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node)
        return 0;
    if (node->kind != YAML_MAPPING)
        return yaml_error(file, node, err, "“%s” must be a mapping (NAME: value)", key);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *name = node->keys[i], *value = node->items[i];
        if (!*name->text || strchr(name->text, '='))
            return yaml_error(file, name, err, "“%s” is no name of a variable", name->text);
        if (value->kind != YAML_SCALAR)
            return yaml_error(file, value, err, "the variable “%s” must be a text", name->text);
        env_set(out, name->text, value_is_null(value) ? "" : value->text);
    }
    return 0;
}

int value_network(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                  enum check_network *out, struct error *err)
{
    const char *text = NULL;
    if (yaml_get_string(file, map, key, NULL, &text, err))
        return -1;
    if (!text)
        return 0;
    if (str_eq(text, "none"))
        *out = CHECK_NETWORK_NONE;
    else if (str_eq(text, "host"))
        *out = CHECK_NETWORK_HOST;
    else
        return yaml_error(file, yaml_get(map, key), err, "“%s” must be none or host", key);
    return 0;
}

int value_program(const struct yaml_file *file, const struct yaml_node *node, const char *key,
                  struct check_program *out, struct error *err)
{
    out->shell = node->kind == YAML_SCALAR;
    if (out->shell)
        return add_text(file, node, key, &out->argv, err);
    if (node->kind != YAML_SEQUENCE || !node->count)
        return yaml_error(file, node, err, "“%s” must be a text for a shell or a list of arguments",
                          key);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = node->items[i];
        if (item->kind != YAML_SCALAR)
            return yaml_error(file, item, err, "an argument of “%s” must be a text", key);
        strv_add(&out->argv, item->text);
    }
    if (!*out->argv.items[0])
        return yaml_error(file, node->items[0], err, "the program of “%s” must not be empty", key);
    return 0;
}

int value_programs(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                   struct check_programs *out, struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node)
        return 0;
    bool list = node->kind == YAML_SEQUENCE;
    if (list && !node->count)
        return yaml_error(file, node, err, "“%s” must not be empty", key);
    for (size_t i = 0; i < (list ? node->count : 1); i++) {
        MEM_PUSH(out->items, out->count, out->cap) = (struct check_program){0};
        struct check_program *program = &out->items[out->count - 1];
        if (value_program(file, list ? node->items[i] : node, key, program, err))
            return -1;
    }
    return 0;
}

int value_mode(const struct yaml_file *file, const struct yaml_node *map, const char *key, int *out,
               struct error *err)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node)
        return 0;
    const char *text = node->kind == YAML_SCALAR ? node->text : "";
    size_t n = strlen(text);
    if (n < 3 || n > 5 || strspn(text, "01234567") != n || (n == 5 && *text != '0'))
        return yaml_error(file, node, err, "“%s” must be octal permission bits, as 0755", key);
    *out = (int)strtol(text, NULL, 8);
    return 0;
}
