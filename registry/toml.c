#include "toml.h"

#include "toml_text.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

enum { KEY_PARTS_CAP = 16 };

#define BARE "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

static int parse_value(struct toml_text *t, int depth, json_t **out, struct error *err);

/* bare, "quoted" or a.dotted.one */
static int parse_key(struct toml_text *t, struct strv *parts, struct error *err)
{
    do {
        autostr part = STR_INIT;
        toml_skip_blanks(t);
        size_t n = strspn(t->at, BARE);
        if (*t->at == '"' || *t->at == '\'') {
            if (toml_string(t, true, &part, err))
                return -1;
        } else if (n) {
            str_add_bytes(&part, t->at, n);
            t->at += n;
        } else {
            return toml_error(t, err, "a key is expected here");
        }
        if (parts->count == KEY_PARTS_CAP)
            return toml_error(t, err, "a key of more than %d parts", KEY_PARTS_CAP);
        strv_add_take(parts, str_take(&part));
        toml_skip_blanks(t);
    } while (toml_take(t, '.'));
    return 0;
}

/* The table that the first n parts name below `table`, made where it is not there; of an array of
 * tables the last one. */
static int descend(struct toml_text *t, json_t *table, const struct strv *parts, size_t n,
                   json_t **out, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        json_t *next = json_object_get(table, parts->items[i]);
        if (json_is_array(next) && json_array_size(next))
            next = json_array_get(next, json_array_size(next) - 1);
        if (!next) {
            next = json_object();
            if (json_object_set_new(table, parts->items[i], next))
                return toml_error(t, err, "a key that is not UTF-8");
        }
        if (!json_is_object(next))
            return toml_error(t, err, "“%s” is no table", parts->items[i]);
        table = next;
    }
    *out = table;
    return 0;
}

/* key = value, in this table. */
static int parse_pair(struct toml_text *t, int depth, json_t *table, struct error *err)
{
    autostrv parts = STRV_INIT;
    autojson *value = NULL;
    if (parse_key(t, &parts, err))
        return -1;
    const char *last = parts.items[parts.count - 1];
    if (!toml_take(t, '='))
        return toml_error(t, err, "“=” is expected behind the key “%s”", last);
    if (descend(t, table, &parts, parts.count - 1, &table, err))
        return -1;
    if (json_object_get(table, last))
        return toml_error(t, err, "“%s” is given twice", last);
    if (parse_value(t, depth, &value, err))
        return -1;
    if (json_object_set(table, last, value))
        return toml_error(t, err, "a key that is not UTF-8");
    return 0;
}

/* [ a, b, ] */
static int parse_array(struct toml_text *t, int depth, json_t *out, struct error *err)
{
    t->at++;
    for (toml_skip_lines(t); !toml_take(t, ']'); toml_skip_lines(t)) {
        autojson *item = NULL;
        if (parse_value(t, depth, &item, err))
            return -1;
        json_array_append(out, item);
        toml_skip_lines(t);
        if (!toml_take(t, ',') && *t->at != ']')
            return toml_error(t, err, "“,” or “]” is expected here");
    }
    return 0;
}

/* { a = 1, b = 2 } */
static int parse_inline(struct toml_text *t, int depth, json_t *out, struct error *err)
{
    t->at++;
    toml_skip_blanks(t);
    if (toml_take(t, '}'))
        return 0;
    do {
        if (parse_pair(t, depth, out, err))
            return -1;
        toml_skip_blanks(t);
    } while (toml_take(t, ','));
    return toml_take(t, '}') ? 0 : toml_error(t, err, "“,” or “}” is expected here");
}

/* true, false, 42. */
static int parse_word(struct toml_text *t, json_t **out, struct error *err)
{
    size_t n = strcspn(t->at, " \t\r\n,]}#");
    autofree char *word = mem_strndup(t->at, n);
    bool negative = *word == '-';
    const char *digits = word + (negative || *word == '+');
    long long value = *digits == '0' && digits[1] ? -1 : str_number(digits, INT64_MAX);
    if (str_eq(word, "true") || str_eq(word, "false"))
        *out = json_boolean(str_eq(word, "true"));
    else if (value >= 0)
        *out = json_integer(negative ? -value : value);
    else
        return toml_error(t, err,
                          n ? "“%s” is no string, boolean or decimal number, which alone are "
                              "understood here"
                            : "a value is expected here%s",
                          word);
    t->at += n;
    return 0;
}

static int parse_value(struct toml_text *t, int depth, json_t **out, struct error *err)
{
    toml_skip_blanks(t);
    if (depth == TOML_DEPTH_CAP)
        return toml_error(t, err, "arrays and tables in each other, too deep");
    if (*t->at == '"' || *t->at == '\'') {
        autostr text = STR_INIT;
        if (toml_string(t, false, &text, err))
            return -1;
        *out = json_string(str_text(&text));
        return *out ? 0 : toml_error(t, err, "a string that is not UTF-8");
    }
    if (*t->at == '[') {
        *out = json_array();
        return parse_array(t, depth + 1, *out, err);
    }
    if (*t->at == '{') {
        *out = json_object();
        return parse_inline(t, depth + 1, *out, err);
    }
    return parse_word(t, out, err);
}

/* [table] or [[array of tables]]: what the lines behind it belong to. */
static int parse_header(struct toml_text *t, json_t *root, json_t **table, struct error *err)
{
    autostrv parts = STRV_INIT;
    t->at++;
    bool array = toml_take(t, '[');
    if (parse_key(t, &parts, err))
        return -1;
    if (!toml_take(t, ']') || (array && !toml_take(t, ']')))
        return toml_error(t, err, "“]” is expected here");
    if (!array)
        return descend(t, root, &parts, parts.count, table, err);
    json_t *parent;
    const char *last = parts.items[parts.count - 1];
    if (descend(t, root, &parts, parts.count - 1, &parent, err))
        return -1;
    json_t *list = json_object_get(parent, last);
    if (!list) {
        list = json_array();
        if (json_object_set_new(parent, last, list))
            return toml_error(t, err, "a key that is not UTF-8");
    }
    if (!json_is_array(list))
        return toml_error(t, err, "“%s” is no array of tables", last);
    *table = json_object();
    json_array_append_new(list, *table);
    return 0;
}

static int parse_lines(struct toml_text *t, json_t *root, struct error *err)
{
    json_t *table = root;
    for (toml_skip_lines(t); t->at < t->end; toml_skip_lines(t)) {
        unsigned line = t->line;
        if (*t->at == '[' ? parse_header(t, root, &table, err) : parse_pair(t, 0, table, err))
            return -1;
        const char *behind = t->at;
        toml_skip_lines(t);
        if (t->line == line && t->at < t->end) {
            t->at = behind;
            return toml_error(t, err, "the line should end here");
        }
    }
    return 0;
}

int toml_parse(const void *bytes, size_t n, const char *name, json_t **out, struct error *err)
{
    autofree char *copy = mem_strndup(bytes, n);
    struct toml_text t = {
        .name = name, .at = copy, .end = copy + strlen(copy), .line_start = copy, .line = 1};
    autojson *root = json_object();
    if (parse_lines(&t, root, err))
        return -1;
    if (strlen(copy) < n)
        return toml_error(&t, err, "a NUL character");
    *out = take(&root);
    return 0;
}
