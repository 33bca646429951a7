#include "bake_variables.h"

#include "csv.h"

#include <base/mem.h>
#include <registry/platform.h>

#include <stdlib.h>
#include <string.h>

void bake_variables_init(struct bake_variables *v, const struct strv *overrides)
{
    char text[48];
    struct platform host;
    *v = (struct bake_variables){.overrides = overrides};
    v->definitions = json_object();
    v->constants = json_object();
    v->functions = json_object();
    platform_host(&host);
    v->values = json_pack("{s:s, s:s}", "BAKE_CMD_CONTEXT", "cwd://", "BAKE_LOCAL_PLATFORM",
                          platform_text(&host, '/', text));
}

void bake_variables_release(struct bake_variables *v)
{
    json_decref(v->definitions);
    json_decref(v->constants);
    json_decref(v->functions);
    json_decref(v->values);
    strv_release(&v->open);
}

static json_t *scope_variable(void *context, const char *name, struct error *err)
{
    struct bake_scope *s = context;
    json_t *own = s->matrix ? json_object_get(s->matrix, name) : NULL;
    return own ? json_incref(own) : bake_variable_value(s->variables, name, err);
}

/* Parameters to arguments. NULL with ERROR_INPUT. */
static json_t *bind(const json_t *function, const json_t *arguments, struct error *err)
{
    const json_t *params = json_object_get(function, "params");
    const char *rest = json_string_value(json_object_get(function, "variadic_params"));
    size_t n = json_array_size(params), given = json_array_size(arguments);
    if (given < n || (given > n && !rest)) {
        error_set(err, ERROR_INPUT, "it takes %zu argument%s, not %zu", n, n == 1 ? "" : "s",
                  given);
        return NULL;
    }
    json_t *out = json_object();
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(params, i));
        if (name)
            json_object_set(out, name, json_array_get(arguments, i));
    }
    json_t *others = json_array();
    for (size_t i = n; i < given; i++)
        json_array_append(others, json_array_get(arguments, i));
    if (rest)
        json_object_set(out, rest, others);
    json_decref(others);
    return out;
}

static int scope_call(void *context, const char *name, const json_t *arguments, json_t **out,
                      struct error *err)
{
    struct bake_scope *s = context;
    enum { CALLS_MAX = 32 };
    const json_t *function = json_object_get(s->variables->functions, name);
    const char *result = json_string_value(json_object_get(function, "result"));
    if (!function)
        return 0;
    if (!result)
        return error_set(err, ERROR_INPUT, "the function has no result");
    if (s->variables->open.count >= CALLS_MAX)
        return error_set(err, ERROR_INPUT, "functions call each other without end");
    autojson *bound = bind(function, arguments, err);
    if (!bound)
        return -1;
    struct bake_scope inner = {s->variables, bound};
    struct bake_names names = bake_scope_names(&inner);
    strv_addf(&s->variables->open, "%s()", name);
    json_t *value = bake_template(result, &names, err);
    free(s->variables->open.items[--s->variables->open.count]);
    s->variables->open.items[s->variables->open.count] = NULL;
    if (!value)
        return -1;
    *out = value;
    return 1;
}

struct bake_names bake_scope_names(struct bake_scope *scope)
{
    return (struct bake_names){scope_variable, scope_call, scope};
}

/* "list(string)": its element's type. */
static char *element_type(const char *type)
{
    for (size_t i = 0; i < 2; i++) {
        static const char *const lists[] = {"list(", "set("};
        if (str_starts(type, lists[i]) && str_ends(type, ")"))
            return mem_strndup(type + strlen(lists[i]), strlen(type) - strlen(lists[i]) - 1);
    }
    return NULL;
}

static json_t *from_text(const char *text, const char *type, struct error *err);

/* JSON, or values with commas between. */
static json_t *list_from_text(const char *text, const char *element, struct error *err)
{
    json_t *out = NULL;
    if (*text == '[')
        return json_parse(text, strlen(text), "its value", &out, err) ? NULL : out;
    autostrv fields = STRV_INIT;
    int code = *text ? csv_fields(text, &fields, err) : 0;
    out = json_array();
    for (size_t i = 0; !code && i < fields.count; i++) {
        json_t *one = from_text(fields.items[i], element, err);
        code = one ? 0 : -1;
        if (one)
            json_array_append_new(out, one);
    }
    if (!code)
        return out;
    json_decref(out);
    return NULL;
}

static json_t *number_from_text(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    long long whole = str_number(text, INT64_MAX);
    if (!*text || *end)
        return NULL;
    return whole >= 0 ? json_integer(whole) : json_real(value);
}

/* A text from outside as a value of this type. NULL with ERROR_INPUT. */
static json_t *from_text(const char *text, const char *type, struct error *err)
{
    autofree char *element = element_type(type);
    json_t *number = NULL;
    if (!strcmp(type, "string") || !strcmp(type, "any"))
        return json_from_text(text);
    if (!strcmp(type, "bool") && (!strcmp(text, "true") || !strcmp(text, "false")))
        return json_boolean(*text == 't');
    if (!strcmp(type, "number") && (number = number_from_text(text)))
        return number;
    if (element)
        return list_from_text(text, element, err);
    error_set(err, ERROR_INPUT, "“%s” is no %s", text, type);
    return NULL;
}

static const char *type_of(const json_t *value)
{
    return json_is_number(value) ? "number" : json_is_boolean(value) ? "bool" : "string";
}

static const char *override_of(const struct bake_variables *v, const char *name)
{
    const char *given = v->overrides ? env_get(v->overrides, name) : NULL;
    return given ? given : getenv(name);
}

/* A new reference, or NULL. */
static json_t *define(struct bake_variables *v, const json_t *definition, const char *name,
                      struct error *err)
{
    struct bake_scope scope = {v, NULL};
    struct bake_names names = bake_scope_names(&scope);
    const char *given = override_of(v, name);
    const char *type = json_string_value(json_object_get(definition, "type"));
    const json_t *fallback = json_object_get(definition, "default");
    autojson *value = NULL;
    if (fallback && !(value = bake_evaluate(fallback, &names, err)))
        return NULL;
    if (!given && !value)
        return type ? json_null() : json_string("");
    if (!given) {
        const char *text = json_string_value(value);
        return type && text && strcmp(type, "string") != 0 ? from_text(text, type, err)
                                                           : json_incref(value);
    }
    if (!type && (json_is_array(value) || json_is_object(value))) {
        error_set(err, ERROR_INPUT, "a list or object can't come from outside without a type");
        error_hint(err, "give the variable a type, as in \"type\": \"list(string)\"");
        return NULL;
    }
    return from_text(given, type ? type : type_of(value), err);
}

/* Its validations, now that it has its value. */
static int validate(struct bake_variables *v, const json_t *definition, struct error *err)
{
    struct bake_scope scope = {v, NULL};
    struct bake_names names = bake_scope_names(&scope);
    const json_t *rules = json_object_get(definition, "validation");
    size_t count = json_is_array(rules) ? json_array_size(rules) : rules ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *rule = json_is_array(rules) ? json_array_get(rules, i) : rules;
        const json_t *condition = json_object_get(rule, "condition");
        const char *message = json_string_value(json_object_get(rule, "error_message"));
        autojson *value = condition ? bake_evaluate(condition, &names, err) : json_true();
        if (!value)
            return -1;
        const char *text = json_string_value(value);
        if (!json_is_true(value) && !(text && !strcmp(text, "true")))
            return error_set(err, ERROR_INPUT, "%s", message ? message : "its value is not valid");
    }
    return 0;
}

static json_t *work_out(struct bake_variables *v, const char *name, struct error *err)
{
    json_t *constant = json_object_get(v->constants, name);
    const json_t *definition = json_object_get(v->definitions, name);
    struct bake_scope scope = {v, NULL};
    struct bake_names names = bake_scope_names(&scope);
    if (!constant && !definition) {
        error_set(err, ERROR_INPUT, "there is no variable %s", name);
        if (!strcmp(name, "target") || !strcmp(name, "group"))
            error_hint(err, "what one target says can't be taken into another; use a variable");
        return NULL;
    }
    json_t *value =
        constant ? bake_evaluate(constant, &names, err) : define(v, definition, name, err);
    if (value)
        json_object_set(v->values, name, value);
    if (value && definition && validate(v, definition, err)) {
        json_decref(value);
        value = NULL;
    }
    if (!value)
        error_wrap(err, "variable %s", name);
    return value;
}

json_t *bake_variable_value(struct bake_variables *v, const char *name, struct error *err)
{
    json_t *known = json_object_get(v->values, name);
    if (known)
        return json_incref(known);
    if (strv_contains(&v->open, name)) {
        error_set(err, ERROR_INPUT, "variable %s needs itself", name);
        return NULL;
    }
    strv_add(&v->open, name);
    json_t *value = work_out(v, name, err);
    free(v->open.items[--v->open.count]);
    v->open.items[v->open.count] = NULL;
    return value;
}
