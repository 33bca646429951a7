#include "bake_key.h"

#include "bake_expression.h"
#include "csv.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

static const struct bake_key keys[] = {
    {"description", BAKE_TEXT, BAKE_REPLACE, NULL},
    {"inherits", BAKE_TEXTS, BAKE_APPEND, NULL},
    {"annotations", BAKE_TEXTS, BAKE_APPEND, NULL},
    {"attest", BAKE_ENTRIES, BAKE_MERGE, NULL},
    {"context", BAKE_TEXT, BAKE_REPLACE, NULL},
    {"contexts", BAKE_MAP, BAKE_MERGE, NULL},
    {"dockerfile", BAKE_TEXT, BAKE_REPLACE, NULL},
    {"dockerfile-inline", BAKE_TEXT, BAKE_REPLACE, NULL},
    {"args", BAKE_MAP, BAKE_MERGE, NULL},
    {"labels", BAKE_MAP, BAKE_MERGE, NULL},
    {"tags", BAKE_TEXTS, BAKE_REPLACE, NULL},
    {"cache-from", BAKE_ENTRIES, BAKE_MERGE, NULL},
    {"cache-to", BAKE_ENTRIES, BAKE_REPLACE, NULL},
    {"target", BAKE_TEXT, BAKE_REPLACE, NULL},
    {"secret", BAKE_ENTRIES, BAKE_MERGE, "secrets"},
    {"ssh", BAKE_ENTRIES, BAKE_MERGE, NULL},
    {"platforms", BAKE_TEXTS, BAKE_REPLACE, "platform"},
    {"output", BAKE_ENTRIES, BAKE_REPLACE, NULL},
    {"pull", BAKE_BOOL, BAKE_REPLACE, NULL},
    {"no-cache", BAKE_BOOL, BAKE_REPLACE, NULL},
    {"network", BAKE_TEXT, BAKE_REPLACE, NULL},
    {"no-cache-filter", BAKE_TEXTS, BAKE_APPEND, NULL},
    {"shm-size", BAKE_TEXT, BAKE_REPLACE, NULL},
    {"ulimits", BAKE_TEXTS, BAKE_APPEND, NULL},
    {"call", BAKE_TEXT, BAKE_REPLACE, NULL},
    {"entitlements", BAKE_TEXTS, BAKE_APPEND, NULL},
    {"extra-hosts", BAKE_MAP, BAKE_MERGE, NULL},
};

const struct bake_key *bake_keys(size_t *count)
{
    *count = COUNT_OF(keys);
    return keys;
}

const struct bake_key *bake_key_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

static json_t *as_text(const json_t *value, struct error *err)
{
    autofree char *text = bake_text(value, err);
    return text ? json_from_text(text) : NULL;
}

static json_t *as_bool(const json_t *value, struct error *err)
{
    const char *text = json_string_value(value);
    if (json_is_boolean(value))
        return json_boolean(json_is_true(value));
    if (text && (!strcmp(text, "true") || !strcmp(text, "false")))
        return json_boolean(*text == 't');
    error_set(err, ERROR_INPUT, "it is neither true nor false");
    return NULL;
}

static json_t *as_map(const json_t *value, struct error *err)
{
    if (!json_is_object(value)) {
        error_set(err, ERROR_INPUT, "it is no object");
        return NULL;
    }
    json_t *out = json_object();
    const char *name;
    json_t *inner;
    json_object_foreach ((json_t *)(uintptr_t)value, name, inner) {
        if (json_is_null(inner)) /* as if it weren't there */
            continue;
        json_t *text = as_text(inner, err);
        if (!text) {
            error_wrap(err, "%s", name);
            json_decref(out);
            return NULL;
        }
        json_object_set_new(out, name, text);
    }
    return out;
}

/* What stands without a key: a cache's reference, an output's directory, an SSH agent's name. */
static void add_bare(const struct bake_key *key, const char *text, json_t *entry)
{
    if (str_starts(key->name, "cache-")) {
        json_object_set_new(entry, "type", json_string("registry"));
        json_object_set_new(entry, "ref", json_from_text(text));
    } else if (!strcmp(key->name, "output")) {
        json_object_set_new(entry, "type", json_string(strcmp(text, "-") ? "local" : "tar"));
        json_object_set_new(entry, "dest", json_from_text(text));
    } else {
        json_object_set_new(entry, !strcmp(key->name, "attest") ? "type" : "id",
                            json_from_text(text));
    }
}

/* "default=/run/agent,/home/key": the agent's name, then paths. */
static json_t *ssh_entry(const char *text)
{
    json_t *entry = json_object();
    size_t n = strcspn(text, "=");
    autofree char *id = mem_strndup(text, n);
    json_object_set_new(entry, "id", json_from_text(id));
    if (!text[n])
        return entry;
    autostrv paths = STRV_INIT;
    strv_split(&paths, text + n + 1, ',');
    json_object_set_new(entry, "paths", json_from_strings(&paths));
    return entry;
}

static json_t *entry_of(const struct bake_key *key, const json_t *value, struct error *err)
{
    const char *text = json_string_value(value);
    if (!text && !json_is_object(value)) {
        error_set(err, ERROR_INPUT, "an entry is neither text nor an object");
        return NULL;
    }
    if (!text) {
        json_t *copy = json_deep_copy(value);
        if (!strcmp(key->name, "ssh") || !strcmp(key->name, "attest"))
            return copy;
        json_t *texts = as_map(copy, err);
        json_decref(copy);
        return texts;
    }
    if (!strcmp(key->name, "ssh"))
        return ssh_entry(text);
    autostrv fields = STRV_INIT;
    json_t *entry = json_object();
    if (csv_fields(text, &fields, err)) {
        json_decref(entry);
        return NULL;
    }
    for (size_t i = 0; i < fields.count; i++) {
        char *equals = strchr(fields.items[i], '=');
        if (!equals) {
            add_bare(key, fields.items[i], entry);
            continue;
        }
        *equals = '\0';
        json_object_set_new(entry, str_lower(fields.items[i]), json_from_text(equals + 1));
    }
    return entry;
}

static json_t *as_list(const struct bake_key *key, const json_t *value, struct error *err)
{
    size_t i;
    json_t *inner;
    if (!json_is_array(value)) {
        error_set(err, ERROR_INPUT, "it is no list");
        return NULL;
    }
    json_t *out = json_array();
    json_array_foreach (value, i, inner) {
        /* buildx leaves empty ones out, so that "${CACHE}" may come to nothing. */
        if (json_is_null(inner) || (json_is_string(inner) && !*json_string_value(inner)))
            continue;
        json_t *made = key->shape == BAKE_ENTRIES ? entry_of(key, inner, err) : as_text(inner, err);
        if (!made) {
            json_decref(out);
            return NULL;
        }
        json_array_append_new(out, made);
    }
    return out;
}

json_t *bake_key_normal(const struct bake_key *key, const json_t *value, struct error *err)
{
    json_t *out = NULL;
    if (json_is_null(value))
        return json_null();
    switch (key->shape) {
    case BAKE_TEXT:
        out = as_text(value, err);
        break;
    case BAKE_BOOL:
        out = as_bool(value, err);
        break;
    case BAKE_MAP:
        out = as_map(value, err);
        break;
    case BAKE_TEXTS:
    case BAKE_ENTRIES:
        out = as_list(key, value, err);
        break;
    }
    if (!out)
        error_wrap(err, "%s", key->name);
    return out;
}

static void append(json_t *list, const json_t *more, bool once)
{
    size_t i, k;
    json_t *value, *there;
    json_array_foreach (more, i, value) {
        bool found = false;
        json_array_foreach (list, k, there)
            found |= once && json_equal(there, value);
        if (!found)
            json_array_append(list, value);
    }
}

void bake_key_join(json_t *target, const json_t *over)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)over, name, value) {
        const struct bake_key *key = bake_key_find(name);
        json_t *there = json_object_get(target, name);
        if (!key || json_is_null(value))
            continue;
        if (!there || key->join == BAKE_REPLACE)
            json_object_set_new(target, name, json_deep_copy(value));
        else if (key->shape == BAKE_MAP)
            json_object_update(there, value);
        else
            append(there, value, key->join == BAKE_MERGE);
    }
}

static void add_field(struct str *out, const char *name, const char *value)
{
    bool quoted = strpbrk(value, ",\"");
    str_addf(out, "%s%s%s=", out->len ? "," : "", quoted ? "\"" : "", name);
    for (const char *p = value; *p; p++) {
        if (*p == '"')
            str_add_char(out, '"');
        str_add_char(out, *p);
    }
    if (quoted)
        str_add_char(out, '"');
}

char *bake_entry_text(const json_t *entry)
{
    autostr out = STR_INIT;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)entry, name, value) {
        autofree char *text = bake_text(value, NULL);
        if (text)
            add_field(&out, name, text);
    }
    return str_take(&out);
}
