#include "plan_json.h"

#include <base/mem.h>

#include <string.h>

/* "NAME=VALUE" settings as an object. */
static json_t *settings_json(const struct strv *settings)
{
    json_t *object = json_object();
    for (size_t i = 0; i < settings->count; i++) {
        const char *equals = strchr(settings->items[i], '=');
        autofree char *name =
            mem_strndup(settings->items[i], (size_t)(equals - settings->items[i]));
        json_object_set_new(object, name, json_string(equals + 1));
    }
    return object;
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *platforms_json(const struct build_plan *plan)
{
    json_t *array = json_array();
    for (size_t i = 0; i < plan->platform_count; i++) {
        char text[48];
        json_t *entry = json_object();
        json_object_set_new(entry, "platform",
                            json_string(platform_text(&plan->platforms[i].platform, '/', text)));
        json_object_set_new(entry, "tags", json_from_strings(&plan->platforms[i].tags));
        json_array_append_new(array, entry);
    }
    return array;
}

json_t *plan_to_json(const struct build_plan *plan)
{
    autostrv all_tags = STRV_INIT;
    plan_all_tags(plan, &all_tags);
    const struct {
        const char *name;
        json_t *value;
    } members[] = {
        {"name", json_string(plan->name)},
        {"build", json_boolean(plan->build)},
        {"reason", json_string(plan->reason)},
        {"trigger", json_string(trigger_name(plan->trigger))},
        {"variant", json_string(plan->variant == PLAN_DEV ? "dev" : "prod")},
        {"version", text_or_null(plan->version)},
        {"suffix", json_string(plan->suffix)},
        {"repository", json_string(plan->repository)},
        {"pushable", json_boolean(plan->pushable)},
        {"dockerfile",
         json_string(plan->dockerfile_path ? plan->dockerfile_path : plan->dockerfile)},
        {"context", json_string(plan->context_path ? plan->context_path : plan->context)},
        {"target", text_or_null(plan->target)},
        {"build_args", settings_json(&plan->build_args)},
        {"labels", settings_json(&plan->labels)},
        {"annotations", settings_json(&plan->annotations)},
        {"platforms", platforms_json(plan)},
        {"common_tags", json_from_strings(&plan->tags)},
        {"tags", json_from_strings(&all_tags)},
        {"references", json_from_strings(&plan->references)},
        {"checks", text_or_null(plan->checks)},
        {"fork", json_boolean(plan->fork)},
    };
    json_t *object = json_object();
    for (size_t i = 0; i < COUNT_OF(members); i++)
        json_object_set_new(object, members[i].name, members[i].value);
    return object;
}

int plan_print_json(const struct build_plan *plan, FILE *out, struct error *err)
{
    autojson *json = plan_to_json(plan);
    autofree char *text = json_pretty(json);
    if (fputs(text, out) < 0 || fflush(out) != 0)
        return error_errno(err, ERROR_HOST, "print the plan");
    return 0;
}
