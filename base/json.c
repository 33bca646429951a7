#include "json.h"

#include "io.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void json_decref_at(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

/* Jansson counts its columns in characters; ours are bytes, so they are taken from the offset of
 * what it read last. */
static int syntax_error(const char *bytes, size_t n, const char *name, const json_error_t *problem,
                        struct error *err)
{
    enum { LINE_CAP = 200 };
    size_t at = problem->position > 0 ? (size_t)problem->position - 1 : 0;
    at = at < n ? at : n;
    unsigned line = 1;
    const char *start = bytes;
    for (const char *newline; (newline = memchr(start, '\n', (size_t)(bytes + at - start)));) {
        start = newline + 1;
        line++;
    }
    const char *newline = memchr(start, '\n', n - (size_t)(start - bytes));
    size_t length = (size_t)((newline ? newline : bytes + n) - start);
    autofree char *shown = length <= LINE_CAP ? mem_strndup(start, length) : NULL;
    error_set(err, ERROR_INPUT, "not the JSON expected: %s", problem->text);
    return error_at(err, name, line, (unsigned)(bytes + at - start) + 1, shown);
}

int json_parse(const void *bytes, size_t n, const char *name, json_t **out, struct error *err)
{
    json_error_t problem;
    json_t *json = json_loadb(n ? bytes : "", n, JSON_REJECT_DUPLICATES, &problem);
    if (!json)
        return syntax_error(n ? bytes : "", n, name, &problem, err);
    *out = json;
    return 0;
}

int json_parse_received(const void *bytes, size_t n, const char *name, json_t **out,
                        struct error *err)
{
    autoerror bad = ERROR_INIT;
    if (json_parse(bytes, n, name, out, &bad))
        return error_set(err, bad.kind, "%s, line %u: %s", name, bad.line, bad.message);
    return 0;
}

int json_read_file(int dir_fd, const char *path, size_t cap, json_t **out, struct error *err)
{
    autostr text = STR_INIT;
    if (io_read_file(dir_fd, path, cap, &text, err))
        return -1;
    return json_parse(str_text(&text), text.len, path, out, err);
}

static const char *type_name(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        break;
    }
    return "null";
}

static int wrong_type(const char *where, const char *key, const json_t *found, const char *wanted,
                      struct error *err)
{
    return error_set(err, ERROR_INPUT, "%s: “%s” must be %s, not %s", where, key, wanted,
                     type_name(found));
}

/* The member, NULL where it is absent or null; *err is set where object is no object. */
static int find(const json_t *object, const char *key, const char *where, json_t **out,
                struct error *err)
{
    if (!json_is_object(object))
        return error_set(err, ERROR_INPUT, "%s: “%s” is looked for in %s, not in an object", where,
                         key, object ? type_name(object) : "nothing");
    json_t *found = json_object_get(object, key);
    *out = json_is_null(found) ? NULL : found;
    return 0;
}

int json_get_string(const json_t *object, const char *key, const char *fallback, const char *where,
                    const char **out, struct error *err)
{
    json_t *found;
    if (find(object, key, where, &found, err))
        return -1;
    if (found && !json_is_string(found))
        return wrong_type(where, key, found, "a string", err);
    *out = found ? json_string_value(found) : fallback;
    return 0;
}

int json_get_int(const json_t *object, const char *key, int64_t fallback, const char *where,
                 int64_t *out, struct error *err)
{
    json_t *found;
    if (find(object, key, where, &found, err))
        return -1;
    if (found && !json_is_integer(found))
        return wrong_type(where, key, found, "a whole number", err);
    *out = found ? json_integer_value(found) : fallback;
    return 0;
}

int json_get_bool(const json_t *object, const char *key, bool fallback, const char *where,
                  bool *out, struct error *err)
{
    json_t *found;
    if (find(object, key, where, &found, err))
        return -1;
    if (found && !json_is_boolean(found))
        return wrong_type(where, key, found, "true or false", err);
    *out = found ? json_is_true(found) : fallback;
    return 0;
}

int json_get_object(const json_t *object, const char *key, const char *where, json_t **out,
                    struct error *err)
{
    json_t *found;
    if (find(object, key, where, &found, err))
        return -1;
    if (found && !json_is_object(found))
        return wrong_type(where, key, found, "an object", err);
    *out = found;
    return 0;
}

int json_get_array(const json_t *object, const char *key, const char *where, json_t **out,
                   struct error *err)
{
    json_t *found;
    if (find(object, key, where, &found, err))
        return -1;
    if (found && !json_is_array(found))
        return wrong_type(where, key, found, "an array", err);
    *out = found;
    return 0;
}

int json_get_strings(const json_t *object, const char *key, const char *where, struct strv *out,
                     struct error *err)
{
    json_t *array;
    if (json_get_array(object, key, where, &array, err))
        return -1;
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item) {
        if (!json_is_string(item))
            return error_set(err, ERROR_INPUT, "%s: item %zu of “%s” must be a string, not %s",
                             where, i + 1, key, type_name(item));
    }
    json_array_foreach (array, i, item) {
        strv_add(out, json_string_value(item));
    }
    return 0;
}

/* Jansson fails here only where memory is short. */
static void must(bool ok)
{
    if (!ok)
        abort();
}

json_t *json_from_text(const char *text)
{
    autostr clean = STR_INIT;
    for (size_t left = strlen(text); left;) {
        size_t n = utf8_length(text, left);
        if (n)
            str_add_bytes(&clean, text, n);
        else
            str_add(&clean, UTF8_REPLACEMENT);
        text += n ? n : 1;
        left -= n ? n : 1;
    }
    json_t *json = json_stringn(str_text(&clean), clean.len);
    must(json);
    return json;
}

json_t *json_from_strings(const struct strv *v)
{
    json_t *array = json_array();
    must(array);
    for (size_t i = 0; i < v->count; i++)
        must(!json_array_append_new(array, json_from_text(v->items[i])));
    return array;
}

char *json_text(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    must(text);
    return text;
}

char *json_pretty(const json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    must(text);
    char *line = mem_printf("%s\n", text);
    free(text);
    return line;
}
