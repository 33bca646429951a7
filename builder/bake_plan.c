#include "bake_plan.h"

#include "bake_key.h"
#include "bake_override.h"

#include <base/cli.h>
#include <base/mem.h>

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

struct planning {
    const struct bake_file *file;
    const struct strv *overrides;
    struct bake_plan plan;
    struct strv open; /* targets whose contexts are being followed */
};

void bake_plan_release(struct bake_plan *plan)
{
    json_decref(plan->targets);
    json_decref(plan->groups);
    strv_release(&plan->order);
    strv_release(&plan->linked);
    *plan = (struct bake_plan){.targets = NULL};
}

/* Private targets, by buildx's custom, begin with an underscore: not suggested. */
static int no_such(const struct bake_file *file, const char *name, struct error *err)
{
    size_t n = 0, count = json_object_size(file->targets) + json_object_size(file->groups);
    autofree const char **known = mem_zalloc(count + 1, sizeof *known);
    const char *key;
    json_t *value;
    json_object_foreach (file->targets, key, value)
        if (*key != '_')
            known[n++] = key;
    json_object_foreach (file->groups, key, value)
        known[n++] = key;
    const char *near = cli_nearest(name, known, n);
    error_set(err, ERROR_MISSING, "there is no target or group %s", name);
    if (near)
        return error_hint(err, "did you mean %s?", near);
    return error_hint(err, "imgbuild bake --list=targets shows them");
}

/* A copy of the target laid over all it inherits. NULL on failure. */
static json_t *inherit(const struct bake_file *file, const char *name, int depth, struct error *err)
{
    json_t *own = json_object_get(file->targets, name);
    if (!own) {
        no_such(file, name, err);
        return NULL;
    }
    if (depth > DEPTH_MAX) {
        error_set(err, ERROR_INPUT, "target %s inherits from itself", name);
        return NULL;
    }
    json_t *out = json_object();
    size_t i;
    json_t *parent;
    json_array_foreach (json_object_get(own, "inherits"), i, parent) {
        autojson *base = inherit(file, json_string_value(parent), depth + 1, err);
        if (!base) {
            json_decref(out);
            return NULL;
        }
        bake_key_join(out, base);
    }
    bake_key_join(out, own);
    json_object_del(out, "inherits");
    return out;
}

static int resolve(struct planning *p, const char *name, struct error *err)
{
    if (json_object_get(p->plan.targets, name))
        return 0;
    autojson *target = inherit(p->file, name, 0, err);
    if (!target || bake_override(target, name, p->overrides, err))
        return -1;
    if (!json_object_get(target, "context"))
        json_object_set_new(target, "context", json_string("."));
    if (!json_object_get(target, "dockerfile") && !json_object_get(target, "dockerfile-inline"))
        json_object_set_new(target, "dockerfile", json_string("Dockerfile"));
    json_object_set(p->plan.targets, name, target);
    return 0;
}

/* The targets of a group, and of groups in it. */
static int expand(struct planning *p, const char *name, int depth, struct strv *targets,
                  struct error *err)
{
    const json_t *group = json_object_get(p->file->groups, name);
    if (!group || (depth && json_object_get(p->file->targets, name))) {
        if (!json_object_get(p->file->targets, name))
            return no_such(p->file, name, err);
        if (!strv_contains(targets, name))
            strv_add(targets, name);
        return 0;
    }
    if (depth > DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "group %s holds itself", name);
    json_object_set_new(p->plan.groups, name, json_deep_copy(group));
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(group, "targets"), i, one)
        if (expand(p, json_string_value(one), depth + 1, targets, err))
            return -1;
    return 0;
}

/* A name, or all names that a pattern matches. */
static int match(const struct bake_file *file, const char *name, struct strv *out,
                 struct error *err)
{
    const char *key;
    json_t *value;
    size_t before = out->count;
    if (!strpbrk(name, "*?[")) {
        if (!strv_contains(out, name))
            strv_add(out, name);
        return 0;
    }
    json_object_foreach (file->targets, key, value)
        if (!fnmatch(name, key, 0) && !strv_contains(out, key))
            strv_add(out, key);
    json_object_foreach (file->groups, key, value)
        if (!fnmatch(name, key, 0) && !strv_contains(out, key))
            strv_add(out, key);
    return out->count > before
               ? 0
               : error_set(err, ERROR_MISSING, "no target or group matches %s", name);
}

/* Put a target into the order behind all that its contexts name. */
static int follow(struct planning *p, const char *name, struct error *err)
{
    const char *context;
    json_t *value;
    if (strv_contains(&p->plan.order, name))
        return 0;
    if (strv_contains(&p->open, name) || p->open.count > DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "target %s takes its own result as a context", name);
    strv_add(&p->open, name);
    const json_t *contexts = json_object_get(json_object_get(p->plan.targets, name), "contexts");
    json_object_foreach ((json_t *)(uintptr_t)contexts, context, value) {
        const char *text = json_string_value(value);
        if (!str_starts(text, "target:"))
            continue;
        const char *other = text + strlen("target:");
        if (!json_object_get(p->plan.targets, other))
            strv_add(&p->plan.linked, other);
        if (resolve(p, other, err) || follow(p, other, err))
            return error_wrap(err, "contexts of target %s", name);
    }
    free(p->open.items[--p->open.count]);
    p->open.items[p->open.count] = NULL;
    strv_add(&p->plan.order, name);
    return 0;
}

static void set_default(struct planning *p, const struct strv *asked)
{
    autostrv sorted = STRV_INIT;
    json_t *there = json_object_get(p->plan.groups, "default");
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(there, "targets"), i, one)
        strv_add(&sorted, json_string_value(one));
    for (i = 0; i < asked->count; i++)
        if (!(there && !strcmp(asked->items[i], "default")) &&
            !strv_contains(&sorted, asked->items[i]))
            strv_add(&sorted, asked->items[i]);
    strv_sort(&sorted);
    if (!there) {
        there = json_object();
        json_object_set_new(p->plan.groups, "default", there);
    }
    json_object_set_new(there, "targets", json_from_strings(&sorted));
}

static int plan_all(struct planning *p, const struct strv *names, struct error *err)
{
    autostrv asked = STRV_INIT;
    autostrv targets = STRV_INIT;
    for (size_t i = 0; i < names->count; i++)
        if (match(p->file, names->items[i], &asked, err))
            return -1;
    if (!names->count)
        strv_add(&asked, "default");
    for (size_t i = 0; i < asked.count; i++)
        if (expand(p, asked.items[i], 0, &targets, err))
            return -1;
    if (bake_override_check(p->overrides, p->file->targets, err))
        return -1;
    for (size_t i = 0; i < targets.count; i++)
        if (resolve(p, targets.items[i], err))
            return -1;
    for (size_t i = 0; i < targets.count; i++)
        if (follow(p, targets.items[i], err))
            return -1;
    set_default(p, &asked);
    return 0;
}

int bake_plan_make(const struct bake_file *file, const struct strv *names,
                   const struct strv *overrides, struct bake_plan *out, struct error *err)
{
    struct planning p = {.file = file,
                         .overrides = overrides,
                         .plan = {.targets = json_object(), .groups = json_object()}};
    int code = plan_all(&p, names, err);
    strv_release(&p.open);
    if (code)
        bake_plan_release(&p.plan);
    else
        *out = p.plan;
    return code;
}

/* Go prints maps in the order of their keys. */
static json_t *sorted(const json_t *object)
{
    autostrv keys = STRV_INIT;
    const char *key;
    json_t *value;
    json_t *out = json_object();
    json_object_foreach ((json_t *)(uintptr_t)object, key, value)
        strv_add(&keys, key);
    strv_sort(&keys);
    for (size_t i = 0; i < keys.count; i++)
        json_object_set(out, keys.items[i], json_object_get(object, keys.items[i]));
    return out;
}

static json_t *printed(const json_t *target)
{
    size_t count;
    const struct bake_key *keys = bake_keys(&count);
    json_t *out = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(target, keys[i].name);
        bool empty = json_is_array(value) ? !json_array_size(value) : !value;
        if (empty || (json_is_object(value) && !json_object_size(value)))
            continue;
        if (keys[i].shape == BAKE_MAP) {
            json_object_set_new(out, keys[i].name, sorted(value));
        } else if (keys[i].shape == BAKE_ENTRIES) {
            json_t *list = json_array();
            size_t k;
            json_t *entry;
            json_array_foreach (value, k, entry)
                json_array_append_new(list, sorted(entry));
            json_object_set_new(out, keys[i].name, list);
        } else {
            json_object_set(out, keys[i].name, value);
        }
    }
    return out;
}

json_t *bake_plan_json(const struct bake_plan *plan)
{
    json_t *targets = sorted(plan->targets);
    const char *name;
    json_t *target;
    void *next;
    json_object_foreach_safe (targets, next, name, target)
        json_object_set_new(targets, name, printed(target));
    return json_pack("{s:o, s:o}", "group", sorted(plan->groups), "target", targets);
}

static json_t *matrix_entry(const char *target, const char *platform)
{
    if (!platform)
        return json_pack("{s:s}", "target", target);
    autofree char *pair = mem_strdup(platform);
    for (char *p = pair; *p; p++)
        if (*p == '/')
            *p = '-';
    return json_pack("{s:s, s:s, s:s}", "target", target, "platform", platform, "pair", pair);
}

json_t *bake_plan_matrix(const struct bake_plan *plan)
{
    json_t *include = json_array();
    for (size_t i = 0; i < plan->order.count; i++) {
        const char *name = plan->order.items[i];
        const json_t *platforms =
            json_object_get(json_object_get(plan->targets, name), "platforms");
        size_t k;
        json_t *platform;
        if (strv_contains(&plan->linked, name))
            continue;
        if (!json_array_size(platforms))
            json_array_append_new(include, matrix_entry(name, NULL));
        json_array_foreach (platforms, k, platform)
            json_array_append_new(include, matrix_entry(name, json_string_value(platform)));
    }
    return json_pack("{s:o}", "include", include);
}
