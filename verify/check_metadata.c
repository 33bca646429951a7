#include "check_metadata.h"

#include "verdict.h"

#include <base/mem.h>

#include <string.h>

/* By enum metadata_field: the member of the config, and what to call it. */
static const struct {
    const char *member, *word;
} fields[] = {
    [METADATA_USER] = {"User", "user"},
    [METADATA_WORKDIR] = {"WorkingDir", "workdir"},
    [METADATA_ENTRYPOINT] = {"Entrypoint", "entrypoint"},
    [METADATA_CMD] = {"Cmd", "cmd"},
    [METADATA_ENV] = {"Env", "variable"},
    [METADATA_LABEL] = {"Labels", "label"},
    [METADATA_PORT] = {"ExposedPorts", "port"},
    [METADATA_VOLUME] = {"Volumes", "volume"},
};

/* The text that is asked for, NULL where it is not set. The caller frees it. */
static char *find_text(const json_t *config, const struct metadata_rule *rule)
{
    const json_t *member = json_object_get(config, fields[rule->field].member);
    if (rule->field == METADATA_LABEL)
        return mem_strdup_null(json_string_value(json_object_get(member, rule->key)));
    if (rule->field != METADATA_ENV) {
        const char *text = json_string_value(member);
        return text && *text ? mem_strdup(text) : NULL;
    }
    size_t i;
    json_t *item;
    size_t n = strlen(rule->key);
    const char *found = NULL; /* the last setting wins */
    json_array_foreach (member, i, item) {
        const char *setting = json_string_value(item);
        if (setting && !strncmp(setting, rule->key, n) && setting[n] == '=')
            found = setting + n + 1;
    }
    return mem_strdup_null(found);
}

static void add_problem(struct str *out, const struct metadata_rule *rule, const char *text)
{
    str_addf(out, "%s%s", out->len ? "; " : "", fields[rule->field].word);
    if (rule->key)
        str_addf(out, " %s", rule->key);
    str_addf(out, " %s", text);
}

static void check_text(const json_t *config, const struct metadata_rule *rule, struct str *out)
{
    autofree char *found = find_text(config, rule);
    const char *text = found ? found : "";
    autostr problem = STR_INIT;
    if (rule->unset) {
        if (found)
            str_addf(&problem, "is “%s” but must not be set", found);
    } else if (!found && !(rule->value && !*rule->value && !rule->key)) {
        str_add(&problem, "is not set");
    } else if (rule->value && strcmp(text, rule->value) != 0) {
        str_addf(&problem, "is “%s”, not “%s”", found, rule->value);
    } else if (rule->pattern) {
        autoerror err = ERROR_INIT;
        int matches = pattern_find(rule->pattern, text, strlen(text), &err);
        if (matches < 0)
            str_add(&problem, err.message);
        else if (!matches)
            str_addf(&problem, "is “%s”, which does not match “%s”", text,
                     pattern_text(rule->pattern));
    }
    if (problem.len)
        add_problem(out, rule, problem.data);
}

static void check_list(const json_t *config, const struct metadata_rule *rule, struct str *out)
{
    json_t *found = json_object_get(config, fields[rule->field].member);
    autojson *wanted = json_from_strings(&rule->values);
    bool set = json_is_array(found), empty = json_array_size(found) == 0;
    autostr problem = STR_INIT;
    autofree char *text = set ? json_text(found) : mem_strdup("not set");
    autofree char *wanted_text = json_text(wanted);
    if (rule->unset && set)
        str_addf(&problem, "is %s but must not be set", text);
    else if (!rule->unset && !json_equal(found, wanted) && !(empty && !rule->values.count))
        str_addf(&problem, "is %s, not %s", text, wanted_text);
    if (problem.len)
        add_problem(out, rule, problem.data);
}

/* A port without a protocol is one of any. */
static bool is_declared(const json_t *config, const struct metadata_rule *rule)
{
    json_t *members = json_object_get(config, fields[rule->field].member), *value;
    size_t n = strlen(rule->key);
    const char *name;
    bool bare = rule->field == METADATA_PORT && !strchr(rule->key, '/');
    json_object_foreach (members, name, value)
        if (!strcmp(name, rule->key) || (bare && !strncmp(name, rule->key, n) && name[n] == '/'))
            return true;
    return false;
}

static void check_member(const json_t *config, const struct metadata_rule *rule, struct str *out)
{
    bool there = is_declared(config, rule);
    if (there == rule->unset)
        add_problem(out, rule, there ? "is declared" : "is not declared");
}

bool metadata_rules_hold(const json_t *config, const struct metadata_rules *rules,
                         struct str *detail)
{
    const json_t *run = json_object_get(config, "config");
    size_t before = detail->len;
    for (size_t i = 0; i < rules->count; i++) {
        const struct metadata_rule *rule = &rules->items[i];
        switch (rule->field) {
        case METADATA_ENTRYPOINT:
        case METADATA_CMD:
            check_list(run, rule, detail);
            break;
        case METADATA_PORT:
        case METADATA_VOLUME:
            check_member(run, rule, detail);
            break;
        case METADATA_USER:
        case METADATA_WORKDIR:
        case METADATA_ENV:
        case METADATA_LABEL:
        default:
            check_text(run, rule, detail);
        }
    }
    return detail->len == before;
}
