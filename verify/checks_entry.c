/* The entries of `checks`, and the python group. */
#include "check_python.h"
#include "checks_parse.h"
#include "checks_value.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>

#define RUN_KEYS                                                                                   \
    "name", "user", "workdir", "venv", "env", "network", "gpus", "memory", "pids", "mounts",       \
        "setup", "teardown", "stdout", "stderr", "output", "not_stdout", "not_stderr",             \
        "not_output", "writes"
#define FILE_KEYS "type", "owner", "mode", "contains", "not_contains"

enum { DEFAULT_STOP_AFTER_MS = 2000 };

static const char *const command_keys[] = {"command", "exit", "timeout", RUN_KEYS};
static const char *const start_keys[] = {"start", "stop_after", "allow_error", "timeout", RUN_KEYS};
static const char *const file_keys[] = {"name", "file", "absent", FILE_KEYS};
static const char *const metadata_keys[] = {"name", "metadata"};
static const char *const write_keys[] = {"path", FILE_KEYS};

/* By enum check_kind; the first key that only this kind has decides. */
static const struct {
    const char *word;
    const char *const *keys;
    size_t count;
} kinds[] = {
    [CHECK_COMMAND] = {"command", command_keys, COUNT_OF(command_keys)},
    [CHECK_START] = {"start", start_keys, COUNT_OF(start_keys)},
    [CHECK_FILE] = {"file", file_keys, COUNT_OF(file_keys)},
    [CHECK_METADATA] = {"metadata", metadata_keys, COUNT_OF(metadata_keys)},
};

/* ---- files ---- */

static int parse_glob(struct checks_parser *p, const struct yaml_node *node, struct file_rule *rule,
                      struct error *err)
{
    rule->is_glob = strpbrk(rule->path, "*?[") != NULL;
    if (strstr(rule->path, "**"))
        return yaml_error(p->file, node, err, "“**” is not supported: each * stays in its folder");
    return 0;
}

/* *given: whether a type is asked for at all. */
static int parse_type(struct checks_parser *p, const struct yaml_node *entry,
                      struct file_rule *rule, bool *given, struct error *err)
{
    static const struct {
        const char *name;
        enum file_type type;
    } types[] = {{"file", FILE_REGULAR}, {"directory", FILE_DIRECTORY}, {"symlink", FILE_SYMLINK}};
    const char *name = NULL;
    if (yaml_get_string(p->file, entry, "type", NULL, &name, err))
        return -1;
    *given = name != NULL;
    for (size_t i = 0; name && i < COUNT_OF(types); i++) {
        if (strcmp(types[i].name, name) != 0)
            continue;
        rule->type = types[i].type;
        return 0;
    }
    if (!name)
        return 0;
    return yaml_error(p->file, yaml_get(entry, "type"), err,
                      "“type” must be file, directory or symlink");
}

/* Does the rule want anything of the file beyond its type? */
static bool asks(const struct file_rule *rule)
{
    return rule->owner || rule->mode >= 0 || rule->has.count || rule->lacks.count;
}

static int parse_file(struct checks_parser *p, const struct yaml_node *entry, const char *path_key,
                      struct file_rule *rule, struct error *err)
{
    bool typed = false;
    rule->mode = -1;
    const struct yaml_node *path = yaml_get(entry, path_key);
    if (!path)
        return yaml_error(p->file, entry, err, "“%s” is missing", path_key);
    if (value_path(p->file, entry, path_key, false, &rule->path, err) ||
        parse_glob(p, path, rule, err) || value_text(p->file, entry, "owner", &rule->owner, err) ||
        value_mode(p->file, entry, "mode", &rule->mode, err) ||
        value_patterns(p->file, entry, "contains", &rule->has, err) ||
        value_patterns(p->file, entry, "not_contains", &rule->lacks, err) ||
        parse_type(p, entry, rule, &typed, err) ||
        yaml_get_bool(p->file, entry, "absent", false, &rule->absent, err))
        return -1;
    if (rule->absent && (typed || asks(rule)))
        return yaml_error(p->file, yaml_get(entry, "absent"), err,
                          "a file that must be absent can have no other property");
    return 0;
}

/* A path, or a mapping that says more of the file. */
static int parse_write(struct checks_parser *p, const struct yaml_node *node,
                       struct file_rules *rules, struct error *err)
{
    MEM_PUSH(rules->items, rules->count, rules->cap) = (struct file_rule){.mode = -1};
    struct file_rule *rule = &rules->items[rules->count - 1];
    if (node->kind == YAML_MAPPING) {
        if (yaml_allow_keys(p->file, node, write_keys, COUNT_OF(write_keys), err) ||
            parse_file(p, node, "path", rule, err))
            return -1;
    } else if (node->kind != YAML_SCALAR || *node->text != '/') {
        return yaml_error(p->file, node, err,
                          "an item of “writes” must be an absolute path, or a mapping with “path”");
    } else {
        rule->path = mem_strdup(node->text);
    }
    if (strpbrk(rule->path, "*?["))
        return yaml_error(p->file, node, err, "“writes” takes no globs");
    return 0;
}

static int parse_writes(struct checks_parser *p, const struct yaml_node *entry,
                        struct file_rules *rules, struct error *err)
{
    const struct yaml_node *node = yaml_get(entry, "writes");
    if (!node)
        return 0;
    if (node->kind != YAML_SEQUENCE)
        return parse_write(p, node, rules, err);
    if (!node->count)
        return yaml_error(p->file, node, err, "“writes” must not be empty");
    for (size_t i = 0; i < node->count; i++)
        if (parse_write(p, node->items[i], rules, err))
            return -1;
    return 0;
}

/* ---- what is run ---- */

/* "SOURCE:TARGET[:ro]" */
static int parse_mount(struct checks_parser *p, const struct yaml_node *node, const char *text,
                       struct check_run_rule *run, struct error *err)
{
    autostrv parts = STRV_INIT;
    strv_split(&parts, text, ':');
    if (parts.count == 3 && str_eq(parts.items[2], "rw"))
        return yaml_error(p->file, node, err,
                          "a mount that can be written is not supported: a check changes no host");
    bool good = parts.count == 2 || (parts.count == 3 && str_eq(parts.items[2], "ro"));
    if (!good || !*parts.items[0] || parts.items[1][0] != '/')
        return yaml_error(p->file, node, err,
                          "a mount must be SOURCE:TARGET with an absolute TARGET, not “%s”", text);
    MEM_PUSH(run->mounts, run->mount_count, run->mount_cap) = (struct check_mount){
        .source = path_join(p->directory, parts.items[0]),
        .target = mem_strdup(parts.items[1]),
    };
    return 0;
}

static int parse_mounts(struct checks_parser *p, const struct yaml_node *entry,
                        struct check_run_rule *run, struct error *err)
{
    autostrv texts = STRV_INIT;
    if (value_texts(p->file, entry, "mounts", &texts, err))
        return -1;
    const struct yaml_node *node = yaml_get(entry, "mounts");
    for (size_t i = 0; i < texts.count; i++) {
        const struct yaml_node *place = node->kind == YAML_SEQUENCE ? node->items[i] : node;
        if (parse_mount(p, place, texts.items[i], run, err))
            return -1;
    }
    return 0;
}

static void take_defaults(const struct checks_defaults *d, struct check_run_rule *run)
{
    run->user = mem_strdup_null(d->user);
    run->workdir = mem_strdup_null(d->workdir);
    run->venv = mem_strdup_null(d->venv);
    strv_add_all(&run->env, &d->env);
    run->network = d->network;
    run->timeout_ms = d->timeout_ms;
    run->limits = d->limits;
}

static int parse_output_rules(struct checks_parser *p, const struct yaml_node *entry,
                              struct check_run_rule *run, struct error *err)
{
    struct {
        const char *key;
        struct patterns *list;
    } rules[] = {{"stdout", &run->stdout_has},       {"not_stdout", &run->stdout_lacks},
                 {"stderr", &run->stderr_has},       {"not_stderr", &run->stderr_lacks},
                 {"output", &run->output_has},       {"not_output", &run->output_lacks},
                 {"allow_error", &run->allow_errors}};
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (value_patterns(p->file, entry, rules[i].key, rules[i].list, err))
            return -1;
    return 0;
}

static int parse_exit(struct checks_parser *p, const struct yaml_node *entry,
                      struct check_run_rule *run, struct error *err)
{
    int64_t code;
    if (yaml_get_bool(p->file, entry, "gpus", false, &run->gpus, err) ||
        yaml_get_int(p->file, entry, "exit", 0, &code, err))
        return -1;
    if (code < 0 || code > 255)
        return yaml_error(p->file, yaml_get(entry, "exit"), err, "“exit” must be 0 to 255");
    run->exit_code = (int)code;
    return 0;
}

static int parse_run(struct checks_parser *p, const struct yaml_node *entry, struct check *check,
                     struct error *err)
{
    struct check_run_rule *run = &check->run;
    const char *word = kinds[check->kind].word;
    take_defaults(&p->defaults, run);
    run->stop_after_ms = DEFAULT_STOP_AFTER_MS;
    if (value_program(p->file, yaml_get(entry, word), word, &run->program, err) ||
        value_programs(p->file, entry, "setup", &run->setup, err) ||
        value_programs(p->file, entry, "teardown", &run->teardown, err) ||
        value_text(p->file, entry, "user", &run->user, err) ||
        value_path(p->file, entry, "workdir", false, &run->workdir, err) ||
        value_path(p->file, entry, "venv", true, &run->venv, err) ||
        value_environment(p->file, entry, "env", &run->env, err) ||
        value_network(p->file, entry, "network", &run->network, err) ||
        value_seconds(p->file, entry, "timeout", &run->timeout_ms, err) ||
        value_limits(p->file, entry, &run->limits, err) ||
        value_seconds(p->file, entry, "stop_after", &run->stop_after_ms, err))
        return -1;
    if (parse_exit(p, entry, run, err) || parse_mounts(p, entry, run, err) ||
        parse_output_rules(p, entry, run, err))
        return -1;
    return parse_writes(p, entry, &run->writes, err);
}

/* ---- entries ---- */

/* Exactly one of the words that name a kind must be there. */
static int entry_kind(struct checks_parser *p, const struct yaml_node *entry, enum check_kind *out,
                      struct error *err)
{
    int found = -1;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!yaml_get(entry, kinds[i].word))
            continue;
        if (found >= 0)
            return yaml_error(p->file, entry, err, "a check has either “%s” or “%s”, not both",
                              kinds[found].word, kinds[i].word);
        found = (int)i;
    }
    if (found < 0)
        return yaml_error(p->file, entry, err,
                          "a check needs one of “command”, “start”, “file” and “metadata”");
    *out = (enum check_kind)found;
    return 0;
}

int checks_parse_entry(struct checks_parser *p, const struct yaml_node *entry, struct error *err)
{
    if (entry->kind != YAML_MAPPING)
        return yaml_error(p->file, entry, err, "a check must be a mapping (key: value)");
    enum check_kind kind = CHECK_COMMAND;
    const char *name = NULL;
    if (entry_kind(p, entry, &kind, err) ||
        yaml_allow_keys(p->file, entry, kinds[kind].keys, kinds[kind].count, err) ||
        yaml_get_string(p->file, entry, "name", NULL, &name, err))
        return -1;
    if (!name || !*name)
        return yaml_error(p->file, entry, err, "a check needs a “name”");
    struct check *check;
    if (checks_parse_name(p, entry, name, kind, &check, err))
        return -1;
    switch (kind) {
    case CHECK_FILE:
        return parse_file(p, entry, "file", &check->look, err);
    case CHECK_METADATA:
        return checks_parse_metadata(p, yaml_get(entry, "metadata"), &check->metadata, err);
    case CHECK_LICENSE:
    case CHECK_STATIC:
    case CHECK_COMMAND:
    case CHECK_START:
    default:
        return parse_run(p, entry, check, err);
    }
}

/* ---- python ---- */

/* One check about subject; place says where it is asked for. */
static int add_python(struct checks_parser *p, enum python_check what, const char *venv,
                      const char *subject, const struct yaml_node *place, struct error *err)
{
    struct checks one = {0};
    if (subject && strlen(subject) > PYTHON_SUBJECT_MAX)
        return yaml_error(p->file, place, err, "a name must not be longer than %d bytes",
                          PYTHON_SUBJECT_MAX);
    struct check *made = python_check_add(&one, what, venv, subject, p->file->name, place->line);
    autofree char *own_venv = take(&made->run.venv);
    take_defaults(&p->defaults, &made->run);
    free(made->run.venv);
    made->run.venv = take(&own_venv);
    struct check *added;
    int failed = checks_parse_name(p, place, made->name, made->kind, &added, err);
    if (!failed) {
        check_release(added);
        *added = *made;
        free(one.items);
        return 0;
    }
    checks_release(&one);
    return -1;
}

/* A check for each text of a list. */
static int each_python(struct checks_parser *p, enum python_check what, const char *venv,
                       const struct yaml_node *group, const char *key, struct error *err)
{
    autostrv texts = STRV_INIT;
    if (value_texts(p->file, group, key, &texts, err))
        return -1;
    const struct yaml_node *node = yaml_get(group, key);
    for (size_t i = 0; i < texts.count; i++) {
        const struct yaml_node *place = node->kind == YAML_SEQUENCE ? node->items[i] : node;
        if (what == PYTHON_IMPORT && !python_import_valid(texts.items[i]))
            return yaml_error(p->file, place, err, "“%s” is no module or module:attribute",
                              texts.items[i]);
        if (add_python(p, what, venv, texts.items[i], place, err))
            return -1;
    }
    return 0;
}

static int python_venv(struct checks_parser *p, const struct yaml_node *group,
                       const struct yaml_node *base, char **out, struct error *err)
{
    *out = mem_strdup_null(p->defaults.venv);
    if ((base && value_path(p->file, base, "venv", false, out, err)) ||
        value_path(p->file, group, "venv", false, out, err))
        return -1;
    if (!*out)
        return yaml_error(p->file, group, err, "“python” needs a “venv”, here or in “defaults”");
    return 0;
}

/* uv, editable, entry_points: what is asked for by one word. */
static int python_words(struct checks_parser *p, const struct yaml_node *group, const char *venv,
                        struct error *err)
{
    bool uv = false, entry_points = false;
    autofree char *editable = NULL;
    if (yaml_get_bool(p->file, group, "uv", false, &uv, err) ||
        yaml_get_bool(p->file, group, "entry_points", false, &entry_points, err) ||
        value_text(p->file, group, "editable", &editable, err))
        return -1;
    if (entry_points && !yaml_get(group, "scripts"))
        return yaml_error(p->file, yaml_get(group, "entry_points"), err,
                          "“entry_points” needs “scripts”, whose targets it checks");
    if (entry_points && each_python(p, PYTHON_ENTRY_POINT, venv, group, "scripts", err))
        return -1;
    if (uv && add_python(p, PYTHON_UV, venv, NULL, yaml_get(group, "uv"), err))
        return -1;
    return editable
               ? add_python(p, PYTHON_EDITABLE, venv, editable, yaml_get(group, "editable"), err)
               : 0;
}

int checks_parse_python(struct checks_parser *p, const struct yaml_node *group,
                        const struct yaml_node *base, struct error *err)
{
    static const char *const keys[] = {"venv", "scripts",  "imports", "entry_points",
                                       "dev",  "editable", "uv"};
    autofree char *venv = NULL;
    if (yaml_allow_keys(p->file, group, keys, COUNT_OF(keys), err) ||
        python_venv(p, group, base, &venv, err))
        return -1;
    /* a variant's group only adds: that its venv activates was asked before */
    bool asked = base != NULL && !yaml_get(group, "venv");
    if (!asked && add_python(p, PYTHON_VENV, venv, NULL, group, err))
        return -1;
    if (each_python(p, PYTHON_SCRIPT, venv, group, "scripts", err) ||
        each_python(p, PYTHON_IMPORT, venv, group, "imports", err) ||
        each_python(p, PYTHON_DISTRIBUTION, venv, group, "dev", err))
        return -1;
    return python_words(p, group, venv, err);
}
