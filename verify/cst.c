#include "cst.h"

#include "cst_private.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

bool cst_is(const struct yaml_file *file)
{
    return file->root && file->root->kind == YAML_MAPPING && yaml_get(file->root, "schemaVersion");
}

const struct yaml_node *cst_member(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);
    bool null = node && node->kind == YAML_SCALAR && node->plain &&
                (!*node->text || !strcmp(node->text, "~") || !strcmp(node->text, "null"));
    return null ? NULL : node;
}

/* A name that no other check of the file has: two tests may share theirs. */
static char *unique_name(const struct cst *c, const char *name)
{
    char *unique = mem_strdup(name);
    for (size_t n = 2;; n++) {
        const struct check *taken = checks_find(c->p->out, unique);
        if (!taken || strcmp(taken->file, c->p->file->name) != 0)
            return unique;
        free(unique);
        unique = mem_printf("%s (%zu)", name, n);
    }
}

int cst_add(struct cst *c, const struct yaml_node *test, enum check_kind kind, struct check **out,
            struct error *err)
{
    const char *name = kind == CHECK_METADATA  ? "metadata"
                       : kind == CHECK_LICENSE ? "licenses"
                                               : "";
    if (!*name && yaml_get_string(c->p->file, test, "name", "", &name, err))
        return -1;
    if (!*name)
        return yaml_error(c->p->file, test, err, "a test needs a “name”");
    autofree char *unique = unique_name(c, name);
    return checks_parse_name(c->p, test, unique, kind, out, err);
}

int cst_patterns(struct cst *c, const struct yaml_node *map, const char *key, struct patterns *out,
                 struct error *err)
{
    const struct yaml_node *list = cst_member(map, key);
    autostrv texts = STRV_INIT;
    if (!list || yaml_get_strings(c->p->file, map, key, &texts, err))
        return list ? -1 : 0;
    for (size_t i = 0; i < texts.count; i++) {
        struct pattern *pattern;
        autoerror problem = ERROR_INIT;
        if (pattern_new_re2(texts.items[i], &pattern, &problem))
            return yaml_error(c->p->file, list->items[i], err, "%s", problem.message);
        patterns_add(out, pattern);
    }
    return 0;
}

int cst_environment(struct cst *c, const struct yaml_node *map, const char *key, struct strv *out,
                    struct error *err)
{
    static const char *const keys[] = {"key", "value", "isRegex"};
    const struct yaml_node *list = cst_member(map, key);
    if (!list)
        return 0;
    if (list->kind != YAML_SEQUENCE)
        return yaml_error(c->p->file, list, err, "“%s” must be a list of {key, value}", key);
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = list->items[i];
        const char *name = NULL, *value = NULL;
        if (yaml_allow_keys(c->p->file, item, keys, COUNT_OF(keys), err) ||
            yaml_get_string(c->p->file, item, "key", "", &name, err) ||
            yaml_get_string(c->p->file, item, "value", "", &value, err))
            return -1;
        if (!*name || strchr(name, '='))
            return yaml_error(c->p->file, item, err, "“%s” is no name of a variable", name);
        env_set(out, name, value);
    }
    return 0;
}

/* ---- command tests ---- */

/* [[program, argument…]…] */
static int parse_commands(struct cst *c, const struct yaml_node *test, const char *key,
                          struct check_programs *out, struct error *err)
{
    const struct yaml_node *list = cst_member(test, key);
    if (!list)
        return 0;
    if (list->kind != YAML_SEQUENCE)
        return yaml_error(c->p->file, list, err, "“%s” must be a list of commands", key);
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *command = list->items[i];
        if (command->kind != YAML_SEQUENCE || !command->count)
            return yaml_error(c->p->file, command, err,
                              "a command of “%s” must be a list: a program and its arguments", key);
        MEM_PUSH(out->items, out->count, out->cap) = (struct check_program){0};
        struct strv *argv = &out->items[out->count - 1].argv;
        for (size_t k = 0; k < command->count; k++) {
            if (command->items[k]->kind != YAML_SCALAR)
                return yaml_error(c->p->file, command->items[k], err, "an argument must be a text");
            strv_add(argv, command->items[k]->text);
        }
    }
    return 0;
}

/* `command` and `args`; the older schema has all in `command`. */
static int parse_argv(struct cst *c, const struct yaml_node *test, struct strv *argv,
                      struct error *err)
{
    const struct yaml_file *file = c->p->file;
    const char *command = NULL;
    if (c->old && yaml_get_strings(file, test, "command", argv, err))
        return -1;
    if (!c->old && yaml_get_string(file, test, "command", "", &command, err))
        return -1;
    if (!c->old)
        strv_add(argv, command);
    if (!argv->count || !*argv->items[0])
        return yaml_error(file, test, err, "a command test needs a “command”");
    return cst_member(test, "args") ? yaml_get_strings(file, test, "args", argv, err) : 0;
}

static int parse_exit_code(struct cst *c, const struct yaml_node *test, int *out, struct error *err)
{
    int64_t code = 0;
    if (yaml_get_int(c->p->file, test, "exitCode", 0, &code, err))
        return -1;
    if (code < 0 || code > 255)
        return yaml_error(c->p->file, yaml_get(test, "exitCode"), err,
                          "“exitCode” must be 0 to 255");
    *out = (int)code;
    return 0;
}

/* The run options, and globals that they don't set otherwise. */
static void take_options(const struct cst_options *options, struct check_run_rule *run)
{
    run->user = mem_strdup_null(options->user);
    run->privileged = options->privileged;
    run->capabilities = options->capabilities;
    run->tty = options->tty;
    run->network = CHECK_NETWORK_ANY; /* Docker gives one */
    run->tracebacks = true;           /* the test's patterns say what they may print */
    strv_add_all(&run->env, &options->env);
    for (size_t i = 0; i < options->global.count; i++) {
        const char *setting = options->global.items[i], *value = strchr(setting, '=');
        autofree char *name = mem_strndup(setting, (size_t)(value - setting));
        if (!env_get(&options->env, name))
            strv_add(&run->expanded_env, setting);
    }
    for (size_t i = 0; i < options->mount_count; i++)
        MEM_PUSH(run->mounts, run->mount_count, run->mount_cap) = (struct check_mount){
            .source = mem_strdup(options->mounts[i].source),
            .target = mem_strdup(options->mounts[i].target),
        };
}

static int parse_command(struct cst *c, const struct yaml_node *test, struct error *err)
{
    static const char *const keys[] = {
        "name",           "setup",          "teardown",      "envVars",       "exitCode", "command",
        "expectedOutput", "excludedOutput", "expectedError", "excludedError", "args"};
    struct check *check;
    if (yaml_allow_keys(c->p->file, test, keys, COUNT_OF(keys) - c->old, err) ||
        cst_add(c, test, CHECK_COMMAND, &check, err))
        return -1;
    struct check_run_rule *run = &check->run;
    take_options(&c->options, run);
    if (parse_argv(c, test, &run->program.argv, err) ||
        parse_commands(c, test, "setup", &run->setup, err) ||
        parse_commands(c, test, "teardown", &run->teardown, err) ||
        cst_environment(c, test, "envVars", &run->expanded_env, err) ||
        parse_exit_code(c, test, &run->exit_code, err))
        return -1;
    if (cst_patterns(c, test, "expectedOutput", &run->stdout_has, err) ||
        cst_patterns(c, test, "excludedOutput", &run->stdout_lacks, err) ||
        cst_patterns(c, test, "expectedError", &run->stderr_has, err))
        return -1;
    return cst_patterns(c, test, "excludedError", &run->stderr_lacks, err);
}

/* ---- the file ---- */

static int parse_section(struct cst *c, const char *key,
                         int (*parse)(struct cst *, const struct yaml_node *, struct error *),
                         struct error *err)
{
    const struct yaml_node *list = cst_member(c->p->file->root, key);
    if (!list)
        return 0;
    if (list->kind != YAML_SEQUENCE)
        return yaml_error(c->p->file, list, err, "“%s” must be a list", key);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != YAML_MAPPING)
            return yaml_error(c->p->file, list->items[i], err, "a test must be a mapping");
        if (parse(c, list->items[i], err))
            return -1;
    }
    return 0;
}

static int parse_version(struct cst *c, struct error *err)
{
    const struct yaml_file *file = c->p->file;
    const char *version = NULL;
    if (yaml_get_string(file, file->root, "schemaVersion", "", &version, err))
        return -1;
    c->old = !strcmp(version, "1.0.0");
    if (c->old || !strcmp(version, "2.0.0"))
        return 0;
    return yaml_error(file, yaml_get(file->root, "schemaVersion"), err,
                      "“schemaVersion” must be 2.0.0 or 1.0.0, not “%s”", version);
}

static int parse_file(struct cst *c, struct error *err)
{
    static const char *const keys[] = {"schemaVersion",      "globalEnvVars",      "commandTests",
                                       "fileExistenceTests", "fileContentTests",   "licenseTests",
                                       "metadataTest",       "containerRunOptions"};
    const struct yaml_node *root = c->p->file->root;
    size_t allowed = COUNT_OF(keys) - (c->old ? 2 : 0);
    if (yaml_allow_keys(c->p->file, root, keys, allowed, err) ||
        cst_environment(c, root, "globalEnvVars", &c->options.global, err))
        return -1;
    const struct yaml_node *options = cst_member(root, "containerRunOptions");
    if ((options && cst_options_parse(c, options, err)) ||
        parse_section(c, "commandTests", parse_command, err) ||
        parse_section(c, "fileContentTests", cst_content, err) ||
        parse_section(c, "fileExistenceTests", cst_existence, err) ||
        parse_section(c, "licenseTests", cst_license, err))
        return -1;
    const struct yaml_node *metadata = cst_member(root, "metadataTest");
    return metadata ? cst_metadata(c, metadata, err) : 0;
}

int cst_parse(struct checks_parser *p, struct error *err)
{
    struct cst c = {.p = p};
    int failed = parse_version(&c, err) || parse_file(&c, err);
    cst_options_release(&c.options);
    return failed ? -1 : 0;
}
