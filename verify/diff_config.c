#include "diff_config.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

/* A setting: its name, and its value as people read it. */
struct setting {
    char *name, *value;
};

struct settings {
    struct setting *items;
    size_t count, cap;
};

static void add(struct settings *s, char *name, char *value)
{
    MEM_PUSH(s->items, s->count, s->cap) = (struct setting){name, value};
}

static char *value_text(const json_t *value)
{
    if (json_is_string(value))
        return mem_strdup(json_string_value(value));
    return json_text(value);
}

static void add_environment(struct settings *s, const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        const char *text = json_is_string(item) ? json_string_value(item) : "";
        size_t n = strcspn(text, "=");
        add(s, mem_printf("Env %.*s", (int)n, text), mem_strdup(text[n] ? text + n + 1 : ""));
    }
}

/* Labels, ports and volumes are objects; their members are settings of their own. */
static void add_members(struct settings *s, const char *name, const json_t *object)
{
    const char *key;
    const json_t *value;
    json_object_foreach ((json_t *)object, key, value)
        add(s, mem_printf("%s %s", name, key),
            json_is_object(value) ? mem_strdup("") : value_text(value));
}

static int compare_settings(const void *a, const void *b)
{
    return strcmp(((const struct setting *)a)->name, ((const struct setting *)b)->name);
}

static void collect(const json_t *config, struct settings *s)
{
    static const char *const top[] = {"architecture", "variant", "os", "os.version", "author"};
    for (size_t i = 0; i < COUNT_OF(top); i++) {
        const json_t *value = json_object_get(config, top[i]);
        if (value && !json_is_null(value))
            add(s, mem_strdup(top[i]), value_text(value));
    }
    const char *key;
    const json_t *value;
    json_object_foreach (json_object_get(config, "config"), key, value) {
        if (json_is_null(value))
            continue;
        if (!strcmp(key, "Env"))
            add_environment(s, value);
        else if (!strcmp(key, "Labels") || !strcmp(key, "ExposedPorts") || !strcmp(key, "Volumes"))
            add_members(s, key, value);
        else
            add(s, mem_strdup(key), value_text(value));
    }
    if (s->count)
        qsort(s->items, s->count, sizeof *s->items, compare_settings);
}

static void settings_release(struct settings *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->items[i].name);
        free(s->items[i].value);
    }
    free(s->items);
}

void diff_configs(const json_t *before, const json_t *after, struct diff_list *out)
{
    __attribute__((cleanup(settings_release))) struct settings a = {0}, b = {0};
    collect(before, &a);
    collect(after, &b);
    for (size_t i = 0, k = 0; i < a.count || k < b.count;) {
        int order = i == a.count ? 1 : k == b.count ? -1 : strcmp(a.items[i].name, b.items[k].name);
        const struct setting *old = order <= 0 ? &a.items[i++] : NULL;
        const struct setting *new = order >= 0 ? &b.items[k++] : NULL;
        if (!new)
            diff_list_add(out, DIFF_REMOVED, old->name, old->value, NULL);
        else if (!old)
            diff_list_add(out, DIFF_ADDED, new->name, NULL, new->value);
        else if (strcmp(old->value, new->value) != 0)
            diff_list_add(out, DIFF_CHANGED, old->name, old->value, new->value);
    }
}
