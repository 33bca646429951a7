#include "bake_functions.h"

#include "bake_expression.h"

#include <base/mem.h>
#include <base/str.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The i-th argument as text, owned by the list of texts that it is put into. */
static const char *text_at(const json_t *arguments, size_t i, struct strv *texts, struct error *err)
{
    char *text = bake_text(json_array_get(arguments, i), err);
    if (!text)
        return NULL;
    strv_add_take(texts, text);
    return texts->items[texts->count - 1];
}

/* Functions of texts alone: all arguments as text. */
static json_t *upper(const struct strv *t)
{
    autofree char *s = mem_strdup(t->items[0]);
    for (char *p = s; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return json_from_text(s);
}

static json_t *lower(const struct strv *t)
{
    autofree char *s = str_lower(mem_strdup(t->items[0]));
    return json_from_text(s);
}

static json_t *trimspace(const struct strv *t)
{
    autofree char *s = mem_strdup(t->items[0]);
    return json_from_text(str_trim(s));
}

static json_t *trimprefix(const struct strv *t)
{
    size_t n = str_starts(t->items[0], t->items[1]) ? strlen(t->items[1]) : 0;
    return json_from_text(t->items[0] + n);
}

static json_t *trimsuffix(const struct strv *t)
{
    size_t n = strlen(t->items[0]);
    if (str_ends(t->items[0], t->items[1]))
        n -= strlen(t->items[1]);
    autofree char *s = mem_strndup(t->items[0], n);
    return json_from_text(s);
}

static json_t *replace(const struct strv *t)
{
    autostr out = STR_INIT;
    size_t n = strlen(t->items[1]);
    for (const char *p = t->items[0]; *p;) {
        if (n && str_starts(p, t->items[1])) {
            str_add(&out, t->items[2]);
            p += n;
        } else {
            str_add_char(&out, *p++);
        }
    }
    return json_from_text(str_text(&out));
}

/* Whatever can't stand in a target's name becomes an underscore. */
static json_t *sanitize(const struct strv *t)
{
    autofree char *s = mem_strdup(t->items[0]);
    for (char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
            *p = '_';
    return json_from_text(s);
}

static json_t *split(const struct strv *t)
{
    json_t *out = json_array();
    size_t n = strlen(t->items[0]);
    const char *p = t->items[1];
    for (const char *next; n && (next = strstr(p, t->items[0])); p = next + n) {
        autofree char *part = mem_strndup(p, (size_t)(next - p));
        json_array_append_new(out, json_from_text(part));
    }
    json_array_append_new(out, json_from_text(p));
    return out;
}

static json_t *notequal_text(const json_t *a)
{
    return json_boolean(!json_equal(json_array_get(a, 0), json_array_get(a, 1)));
}

static json_t *equal_text(const json_t *a)
{
    return json_boolean(json_equal(json_array_get(a, 0), json_array_get(a, 1)));
}

static json_t *and_(const json_t *a)
{
    return json_boolean(json_is_true(json_array_get(a, 0)) && json_is_true(json_array_get(a, 1)));
}

static json_t *or_(const json_t *a)
{
    return json_boolean(json_is_true(json_array_get(a, 0)) || json_is_true(json_array_get(a, 1)));
}

static json_t *not_(const json_t *a)
{
    return json_boolean(!json_is_true(json_array_get(a, 0)));
}

static json_t *length(const json_t *a)
{
    const json_t *value = json_array_get(a, 0);
    if (json_is_object(value))
        return json_integer((json_int_t)json_object_size(value));
    return json_is_array(value) ? json_integer((json_int_t)json_array_size(value)) : NULL;
}

/* The first that is neither null nor empty text. */
static json_t *coalesce(const json_t *a)
{
    size_t i;
    json_t *value;
    json_array_foreach (a, i, value)
        if (!json_is_null(value) && !(json_is_string(value) && !*json_string_value(value)))
            return json_incref(value);
    return NULL;
}

static json_t *concat(const json_t *a)
{
    json_t *out = json_array();
    size_t i;
    json_t *value;
    json_array_foreach (a, i, value) {
        if (!json_is_array(value)) {
            json_decref(out);
            return NULL;
        }
        json_array_extend(out, value);
    }
    return out;
}

static json_t *contains(const json_t *a)
{
    const json_t *in = json_array_get(a, 0);
    size_t i;
    json_t *value;
    if (!json_is_array(in))
        return NULL;
    json_array_foreach (in, i, value)
        if (json_equal(value, json_array_get(a, 1)))
            return json_true();
    return json_false();
}

/* join(SEPARATOR, LIST…) */
static json_t *join(const json_t *a)
{
    autostrv parts = STRV_INIT;
    const char *separator = json_string_value(json_array_get(a, 0));
    for (size_t i = 1; i < json_array_size(a); i++) {
        size_t k;
        json_t *value;
        json_array_foreach (json_array_get(a, i), k, value) {
            char *text = bake_text(value, NULL);
            if (!text)
                return NULL;
            strv_add_take(&parts, text);
        }
    }
    autofree char *text = strv_join(&parts, separator ? separator : "");
    return json_from_text(text);
}

enum { ANY = 99 };
static const struct {
    const char *name;
    size_t min, max;
    json_t *(*of_texts)(const struct strv *texts);
    json_t *(*of_values)(const json_t *values); /* NULL: the arguments are of the wrong kind */
} functions[] = {
    {"and", 2, 2, NULL, and_},
    {"coalesce", 1, ANY, NULL, coalesce},
    {"concat", 1, ANY, NULL, concat},
    {"contains", 2, 2, NULL, contains},
    {"equal", 2, 2, NULL, equal_text},
    {"join", 2, ANY, NULL, join},
    {"length", 1, 1, NULL, length},
    {"lower", 1, 1, lower, NULL},
    {"not", 1, 1, NULL, not_},
    {"notequal", 2, 2, NULL, notequal_text},
    {"or", 2, 2, NULL, or_},
    {"replace", 3, 3, replace, NULL},
    {"sanitize", 1, 1, sanitize, NULL},
    {"split", 2, 2, split, NULL},
    {"trimprefix", 2, 2, trimprefix, NULL},
    {"trimspace", 1, 1, trimspace, NULL},
    {"trimsuffix", 2, 2, trimsuffix, NULL},
    {"upper", 1, 1, upper, NULL},
};

char *bake_function_names(void)
{
    autostrv names = STRV_INIT;
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        strv_add(&names, functions[i].name);
    return strv_join(&names, ", ");
}

int bake_function(const char *name, const json_t *arguments, json_t **out, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        size_t count = json_array_size(arguments);
        autostrv texts = STRV_INIT;
        if (strcmp(functions[i].name, name) != 0)
            continue;
        if (count < functions[i].min || count > functions[i].max)
            return error_set(err, ERROR_INPUT, "it doesn't take %zu argument%s", count,
                             count == 1 ? "" : "s");
        for (size_t k = 0; functions[i].of_texts && k < count; k++)
            if (!text_at(arguments, k, &texts, err))
                return -1;
        json_t *value = functions[i].of_texts ? functions[i].of_texts(&texts)
                                              : functions[i].of_values(arguments);
        if (!value)
            return error_set(err, ERROR_INPUT, "an argument is of the wrong kind");
        *out = value;
        return 1;
    }
    return 0;
}
