#include "bake_override.h"

#include "bake_key.h"

#include <base/cli.h>
#include <base/mem.h>

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct override {
    char *pattern, *key, *member; /* member: of args, labels, contexts, …; or NULL */
    const char *value;            /* points into the text; NULL: none was given */
    bool append;
};

static void override_release(struct override *o)
{
    free(o->pattern);
    free(o->key);
    free(o->member);
}

static int parse(const char *text, struct override *out, struct error *err)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    bool append = n && text[n - 1] == '+';
    const char *dot = memchr(text, '.', n);
    if (!dot || dot == text || dot + 1 >= text + n - append)
        return error_set(err, ERROR_USAGE, "--set %s: it reads TARGET.KEY=VALUE", text);
    size_t rest = n - append - (size_t)(dot + 1 - text);
    const char *inner = memchr(dot + 1, '.', rest);
    size_t key = inner ? (size_t)(inner - dot - 1) : rest;
    *out = (struct override){.pattern = mem_strndup(text, (size_t)(dot - text)),
                             .key = mem_strndup(dot + 1, key),
                             .member = inner ? mem_strndup(inner + 1, rest - key - 1) : NULL,
                             .value = equals ? equals + 1 : NULL,
                             .append = append};
    return 0;
}

static bool matches(const struct override *o, const char *name)
{
    return !fnmatch(o->pattern, name, 0);
}

int bake_override_check(const struct strv *overrides, const json_t *targets, struct error *err)
{
    for (size_t i = 0; i < overrides->count; i++) {
        struct override o;
        const char *name;
        json_t *target;
        bool found = false;
        if (parse(overrides->items[i], &o, err))
            return -1;
        json_object_foreach ((json_t *)(uintptr_t)targets, name, target)
            found |= matches(&o, name);
        if (!found)
            error_set(err, ERROR_USAGE, "--set %s: there is no target %s", overrides->items[i],
                      o.pattern);
        override_release(&o);
        if (!found)
            return -1;
    }
    return 0;
}

static bool bool_of(const char *value, bool *out)
{
    *out = value && (!strcmp(value, "true") || !strcmp(value, "1"));
    return *out || (value && (!strcmp(value, "false") || !strcmp(value, "0")));
}

static const char *type_of(const json_t *output)
{
    const char *type = json_string_value(json_object_get(output, "type"));
    return type ? type : "";
}

/* push=true makes images be pushed, and adds a push where nothing else than docker's load is asked
 * for; push=false takes every push away. As buildx. */
static void set_push(json_t *outputs, bool push)
{
    bool add = push;
    for (size_t i = json_array_size(outputs); i-- > 0;) {
        json_t *output = json_array_get(outputs, i);
        const char *type = type_of(output);
        add &= !strcmp(type, "docker");
        if (!strcmp(type, "image"))
            json_object_set_new(output, "push", json_string(push ? "true" : "false"));
        else if (!push && !strcmp(type, "registry"))
            json_array_remove(outputs, i);
    }
    if (add)
        json_array_append_new(outputs, json_pack("{s:s}", "type", "registry"));
}

/* load=true hands images to docker too, but where files are asked for it changes nothing. */
static void set_load(json_t *outputs, bool load)
{
    bool add = load;
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *output = json_array_get(outputs, i);
        const char *type = type_of(output);
        bool loads = !strcmp(type, "docker") && !json_object_get(output, "dest");
        add &= !loads &&
               (!strcmp(type, "docker") || !strcmp(type, "image") || !strcmp(type, "registry"));
    }
    if (add)
        json_array_append_new(outputs, json_pack("{s:s}", "type", "docker"));
}

/* push and load, which are no keys of a target. 1: it was one. */
static int apply_short(json_t *target, const struct override *o, struct error *err)
{
    bool push = !strcmp(o->key, "push"), yes;
    if (!push && strcmp(o->key, "load") != 0)
        return 0;
    if (!bool_of(o->value, &yes))
        return error_set(err, ERROR_USAGE, "%s is neither true nor false", o->key);
    json_t *outputs = json_object_get(target, "output");
    if (!outputs) {
        outputs = json_array();
        json_object_set_new(target, "output", outputs);
    }
    if (push)
        set_push(outputs, yes);
    else
        set_load(outputs, yes);
    if (!json_array_size(outputs))
        json_object_del(target, "output");
    return 1;
}

static const struct bake_key *find_key(const char *name)
{
    size_t count;
    const struct bake_key *keys = bake_keys(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(keys[i].name, name) || (keys[i].set && !strcmp(keys[i].set, name)))
            return &keys[i];
    return NULL;
}

static int set_member(json_t *target, const struct bake_key *key, const struct override *o,
                      struct error *err)
{
    const char *value = o->value;
    if (!o->member)
        return error_set(err, ERROR_USAGE, "it reads %s.NAME=VALUE", key->name);
    if (!value && !strcmp(key->name, "args")) {
        value = getenv(o->member);
        if (!value)
            return 0;
    }
    if (!value)
        return error_set(err, ERROR_USAGE, "its value is missing");
    json_t *map = json_object_get(target, key->name);
    if (!map) {
        map = json_object();
        json_object_set_new(target, key->name, map);
    }
    json_object_set_new(map, o->member, json_from_text(value));
    return 0;
}

/* seen: the lists that this command line has begun anew. */
static int set_list(json_t *target, const struct bake_key *key, const struct override *o,
                    struct strv *seen, struct error *err)
{
    autojson *one = json_pack("[o]", json_from_text(o->value));
    autojson *normal = bake_key_normal(key, one, err);
    if (!normal)
        return -1;
    json_t *list = json_object_get(target, key->name);
    if (!list || (!o->append && key->join != BAKE_APPEND && !strv_contains(seen, key->name))) {
        list = json_array();
        json_object_set_new(target, key->name, list);
    }
    strv_add(seen, key->name);
    json_array_extend(list, normal);
    return 0;
}

static int apply(json_t *target, const struct override *o, struct strv *seen, struct error *err)
{
    int done = apply_short(target, o, err);
    if (done)
        return done < 0 ? -1 : 0;
    const struct bake_key *key = find_key(o->key);
    if (!key || !strcmp(key->name, "inherits") || !strcmp(key->name, "description"))
        return error_set(err, ERROR_USAGE, "there is no key “%s” to be set", o->key);
    if (key->shape == BAKE_MAP)
        return set_member(target, key, o, err);
    if (!o->value || o->member)
        return error_set(err, ERROR_USAGE, "it reads TARGET.%s=VALUE", o->key);
    if (key->shape == BAKE_TEXTS || key->shape == BAKE_ENTRIES)
        return set_list(target, key, o, seen, err);
    autojson *text = json_from_text(o->value);
    json_t *value = bake_key_normal(key, text, err);
    if (!value)
        return -1;
    json_object_set_new(target, key->name, value);
    return 0;
}

int bake_override(json_t *target, const char *name, const struct strv *overrides, struct error *err)
{
    autostrv seen = STRV_INIT;
    /* push and load look at the outputs, so those are set first. */
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < overrides->count; i++) {
            struct override o;
            if (parse(overrides->items[i], &o, err))
                return -1;
            bool late = !strcmp(o.key, "push") || !strcmp(o.key, "load");
            int code = late == turn && matches(&o, name) ? apply(target, &o, &seen, err) : 0;
            override_release(&o);
            if (!code)
                continue;
            if (err && err->kind == ERROR_INPUT)
                err->kind = ERROR_USAGE;
            return error_wrap(err, "--set %s", overrides->items[i]);
        }
    return 0;
}
