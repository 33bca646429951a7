#include "format_template.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

static int bad(const char *action, const char *why, struct error *err)
{
    error_set(err, ERROR_USAGE, "--format: “{{%s}}”: %s", action, why);
    return error_hint(err, "it reads {{.a.b}}, {{index .a \"key\"}} or {{json .a}}");
}

static const json_t *member(const json_t *value, const char *name)
{
    const json_t *found = json_object_get(value, name);
    const char *key;
    json_t *item;
    if (found)
        return found;
    json_object_foreach ((json_t *)value, key, item)
        if (!strcasecmp(key, name))
            return item;
    return NULL;
}

/* ".a.b", or "." for all of it. */
static int follow_path(const char *action, const char *path, const json_t **value,
                       struct error *err)
{
    if (*path != '.')
        return bad(action, "a path starts with a dot", err);
    if (str_eq(path, "."))
        return 0;
    autostrv names = STRV_INIT;
    strv_split(&names, path + 1, '.');
    for (size_t i = 0; i < names.count; i++) {
        if (!*names.items[i])
            return bad(action, "a name is missing between two dots", err);
        *value = member(*value, names.items[i]);
    }
    return 0;
}

/* The next word of an action, a "quoted one" without its quotes; NULL at the end. */
static char *next_word(const char **at, bool *quoted)
{
    *at += strspn(*at, " \t");
    *quoted = **at == '"';
    if (!**at)
        return NULL;
    size_t n = *quoted ? strcspn(*at + 1, "\"") : strcspn(*at, " \t");
    char *word = mem_strndup(*at + *quoted, n);
    *at += n + *quoted;
    if (*quoted && **at == '"')
        ++*at;
    return word;
}

/* The keys and numbers behind an index's path. */
static int follow_keys(const char *action, const char *rest, const json_t **value,
                       struct error *err)
{
    for (;;) {
        bool quoted;
        autofree char *word = next_word(&rest, &quoted);
        if (!word)
            return 0;
        long long n = quoted ? -1 : str_number(word, 1000000);
        if (!quoted && n < 0)
            return bad(action, "a key has quotes", err);
        *value = quoted ? json_object_get(*value, word) : json_array_get(*value, (size_t)n);
    }
}

static void print(const json_t *value, bool as_json, struct str *out)
{
    if (json_is_string(value) && !as_json) {
        str_add(out, json_string_value(value));
        return;
    }
    autofree char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (value || as_json)
        str_add(out, text ? text : "null");
}

static int run(const char *text, const json_t *value, struct str *out, struct error *err)
{
    autofree char *copy = mem_strdup(text);
    const char *action = str_trim(copy), *at = action;
    bool quoted;
    autofree char *first = next_word(&at, &quoted);
    if (!first)
        return bad(action, "it is empty", err);
    bool index = str_eq(first, "index"), json = str_eq(first, "json");
    autofree char *path = index || json ? next_word(&at, &quoted) : mem_strdup(first);
    if (!path)
        return bad(action, "a path is missing", err);
    if (follow_path(action, path, &value, err) || (index && follow_keys(action, at, &value, err)))
        return -1;
    if (!index && at[strspn(at, " \t")])
        return bad(action, "more than one path", err);
    print(value, json, out);
    return 0;
}

int format_print(const char *format, const json_t *value, struct str *out, struct error *err)
{
    const char *at = format, *open;
    while ((open = strstr(at, "{{"))) {
        const char *close = strstr(open, "}}");
        str_add_bytes(out, at, (size_t)(open - at));
        if (!close)
            return error_set(err, ERROR_USAGE, "--format: “%s” has no “}}”", open);
        autofree char *action = mem_strndup(open + 2, (size_t)(close - open) - 2);
        if (run(action, value, out, err))
            return -1;
        at = close + 2;
    }
    str_add(out, at);
    return 0;
}
