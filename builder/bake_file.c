#include "bake_file.h"

#include "bake_key.h"
#include "bake_variables.h"

#include <base/cli.h>
#include <base/io.h>
#include <base/mem.h>

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_CAP = 1024 * 1024, TARGETS_MAX = 4096 };

/* Blocks of all files, not worked out yet. */
struct loading {
    struct bake_variables variables;
    json_t *targets; /* a list of [name, body] */
    json_t *groups;
    struct bake_file *out;
};

void bake_file_release(struct bake_file *file)
{
    json_decref(file->targets);
    json_decref(file->groups);
    for (size_t i = 0; i < file->variable_count; i++) {
        free(file->variables[i].name);
        free(file->variables[i].type);
        free(file->variables[i].description);
        json_decref(file->variables[i].value);
    }
    free(file->variables);
    *file = (struct bake_file){.targets = NULL};
}

int bake_file_defaults(struct strv *paths, struct error *err)
{
    static const char *const known[] = {"docker-bake.json", "docker-bake.override.json"};
    static const char *const others[] = {"docker-bake.hcl",    "docker-bake.override.hcl",
                                         "compose.yaml",       "compose.yml",
                                         "docker-compose.yml", "docker-compose.yaml"};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (!access(known[i], F_OK))
            strv_add(paths, known[i]);
    if (paths->count)
        return 0;
    error_set(err, ERROR_MISSING, "there is no docker-bake.json here");
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (!access(others[i], F_OK))
            return error_hint(err,
                              "%s is not read: only JSON is. docker buildx bake --print gives it",
                              others[i]);
    return error_hint(err, "-f FILE names another file");
}

/* A name's blocks: an object, or a list of them. */
static int each_block(json_t *blocks, const char *what, const char *name,
                      int (*visit)(struct loading *l, const char *name, json_t *body,
                                   struct error *err),
                      struct loading *l, struct error *err)
{
    size_t count = json_is_array(blocks) ? json_array_size(blocks) : 1;
    for (size_t i = 0; i < count; i++) {
        json_t *body = json_is_array(blocks) ? json_array_get(blocks, i) : blocks;
        if (!json_is_object(body))
            return error_set(err, ERROR_INPUT, "%s %s is no object", what, name);
        if (visit(l, name, body, err))
            return -1;
    }
    return 0;
}

static int check_name(const char *what, const char *name, struct error *err)
{
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
            return error_set(err, ERROR_INPUT,
                             "%s “%s”: its name may have letters, digits, _ and -", what, name);
    return *name ? 0 : error_set(err, ERROR_INPUT, "a %s has an empty name", what);
}

static int add_target(struct loading *l, const char *name, json_t *body, struct error *err)
{
    if (check_name("target", name, err))
        return -1;
    json_array_append_new(l->targets, json_pack("[s, O]", name, body));
    return 0;
}

static int add_group(struct loading *l, const char *name, json_t *body, struct error *err)
{
    if (check_name("group", name, err))
        return -1;
    json_array_append_new(l->groups, json_pack("[s, O]", name, body));
    return 0;
}

static int add_variable(struct loading *l, const char *name, json_t *body, struct error *err)
{
    (void)err;
    json_object_set(l->variables.definitions, name, body);
    return 0;
}

static int add_function(struct loading *l, const char *name, json_t *body, struct error *err)
{
    (void)err;
    json_object_set(l->variables.functions, name, body);
    return 0;
}

static int add_root(struct loading *l, json_t *root, struct error *err)
{
    static const struct {
        const char *name;
        int (*visit)(struct loading *l, const char *name, json_t *body, struct error *err);
    } blocks[] = {{"target", add_target},
                  {"group", add_group},
                  {"variable", add_variable},
                  {"function", add_function}};
    const char *key, *name;
    json_t *value, *body;
    if (json_object_get(root, "services"))
        return error_set(err, ERROR_INPUT, "it is a compose file: those are not read");
    json_object_foreach (root, key, value) {
        size_t i = 0;
        while (i < COUNT_OF(blocks) && strcmp(blocks[i].name, key) != 0)
            i++;
        if (i == COUNT_OF(blocks)) {
            json_object_set(l->variables.constants, key, value);
            continue;
        }
        size_t lists = json_is_array(value) ? json_array_size(value) : 1;
        for (size_t k = 0; k < lists; k++) {
            json_t *one = json_is_array(value) ? json_array_get(value, k) : value;
            json_object_foreach (one, name, body)
                if (each_block(body, key, name, blocks[i].visit, l, err))
                    return -1;
        }
    }
    return 0;
}

static int read_file(struct loading *l, const char *path, struct error *err)
{
    autostr bytes = STR_INIT;
    autojson *root = NULL;
    if (str_ends(path, ".hcl") || str_ends(path, ".yaml") || str_ends(path, ".yml")) {
        error_set(err, ERROR_INPUT, "-f %s: only bake files in JSON are read", path);
        return error_hint(err, "docker buildx bake -f %s --print gives it as JSON", path);
    }
    int code = strcmp(path, "-")
                   ? io_read_file(AT_FDCWD, path, FILE_CAP, &bytes, err)
                   : io_read_fd(STDIN_FILENO, "standard input", FILE_CAP, &bytes, err);
    if (code || json_parse(str_text(&bytes), bytes.len, path, &root, err))
        return -1;
    if (!json_is_object(root))
        return error_set(err, ERROR_INPUT, "%s: it is no JSON object", path);
    return add_root(l, root, err) ? error_wrap(err, "%s", path) : 0;
}

/* One target's members, worked out and in their normal forms. A new reference, or NULL. */
static json_t *make_target(const json_t *body, const struct bake_names *names, struct error *err)
{
    json_t *out = json_object();
    const char *key;
    json_t *value;
    size_t count;
    json_object_foreach ((json_t *)(uintptr_t)body, key, value) {
        const struct bake_key *known = bake_key_find(key);
        if (!strcmp(key, "matrix") || !strcmp(key, "name"))
            continue;
        autojson *worked_out = known ? bake_evaluate(value, names, err) : NULL;
        json_t *normal = worked_out ? bake_key_normal(known, worked_out, err) : NULL;
        if (normal) {
            json_object_set_new(out, key, normal);
            continue;
        }
        json_decref(out);
        if (known) {
            error_wrap(err, "%s", key);
            return NULL;
        }
        const struct bake_key *all = bake_keys(&count);
        autofree const char **words = mem_zalloc(count, sizeof *words);
        for (size_t i = 0; i < count; i++)
            words[i] = all[i].name;
        const char *near = cli_nearest(key, words, count);
        error_set(err, ERROR_INPUT, "“%s” is not supported", key);
        if (near)
            error_hint(err, "did you mean %s?", near);
        return NULL;
    }
    return out;
}

static void put_target(struct loading *l, const char *name, const json_t *target)
{
    json_t *there = json_object_get(l->out->targets, name);
    if (there)
        bake_key_join(there, target);
    else
        json_object_set_new(l->out->targets, name, json_deep_copy(target));
}

/* The combinations of a matrix: a list of objects, the first key (in the order of their names)
 * changing slowest. NULL with ERROR_INPUT. */
static json_t *combinations(const json_t *matrix, struct error *err)
{
    autostrv keys = STRV_INIT;
    const char *key;
    json_t *values;
    json_t *out = json_pack("[{}]");
    json_object_foreach ((json_t *)(uintptr_t)matrix, key, values)
        strv_add(&keys, key);
    strv_sort(&keys);
    for (size_t k = 0; k < keys.count && out; k++) {
        json_t *more = json_array();
        size_t i, n;
        json_t *before, *value;
        values = json_object_get(matrix, keys.items[k]);
        json_array_foreach (out, i, before)
            json_array_foreach (values, n, value) {
                json_t *one = json_copy(before);
                json_object_set(one, keys.items[k], value);
                json_array_append_new(more, one);
            }
        json_decref(out);
        out = more;
        if (json_is_array(values) && json_array_size(out) && json_array_size(out) <= TARGETS_MAX)
            continue;
        json_decref(take(&out));
        error_set(err, ERROR_INPUT, "matrix: %s is no list of 1 to %d values", keys.items[k],
                  TARGETS_MAX);
    }
    return out;
}

static int make_one(struct loading *l, const char *name, const json_t *body, const json_t *matrix,
                    json_t *made, struct error *err)
{
    struct bake_scope scope = {&l->variables, matrix};
    struct bake_names names = bake_scope_names(&scope);
    const char *own = json_string_value(json_object_get(body, "name"));
    autojson *named = own ? bake_template(own, &names, err) : json_string(name);
    if (own && !named)
        return error_wrap(err, "name");
    autofree char *text = bake_text(named, err);
    if (!text || check_name("target", text, err))
        return -1;
    autojson *target = make_target(body, &names, err);
    if (!target)
        return -1;
    put_target(l, text, target);
    json_array_append_new(made, json_from_text(text));
    return 0;
}

static int make_targets_of(struct loading *l, const char *name, const json_t *body,
                           struct error *err)
{
    const json_t *matrix = json_object_get(body, "matrix");
    struct bake_scope scope = {&l->variables, NULL};
    struct bake_names names = bake_scope_names(&scope);
    autojson *made = json_array();
    if (!matrix) {
        if (json_object_get(body, "name"))
            return error_set(err, ERROR_INPUT, "“name” is for a target with a matrix");
        return make_one(l, name, body, NULL, made, err);
    }
    autojson *values = bake_evaluate(matrix, &names, err);
    if (!values)
        return error_wrap(err, "matrix");
    if (!json_is_object(values) || !json_object_get(body, "name"))
        return error_set(err, ERROR_INPUT,
                         "a matrix is an object of lists, and needs a “name” with its variables");
    autojson *all = combinations(values, err);
    size_t i;
    json_t *one;
    if (!all)
        return -1;
    json_array_foreach (all, i, one)
        if (make_one(l, name, body, one, made, err))
            return -1;
    json_object_set_new(l->out->groups, name, json_pack("{s:O}", "targets", made));
    return 0;
}

static int make_targets(struct loading *l, struct error *err)
{
    size_t i;
    json_t *pair;
    json_array_foreach (l->targets, i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0));
        if (make_targets_of(l, name, json_array_get(pair, 1), err))
            return error_wrap(err, "target %s", name);
        if (json_object_size(l->out->targets) > TARGETS_MAX)
            return error_set(err, ERROR_INPUT, "more than %d targets", TARGETS_MAX);
    }
    return 0;
}

static int make_group(struct loading *l, const char *name, const json_t *body, struct error *err)
{
    struct bake_scope scope = {&l->variables, NULL};
    struct bake_names names = bake_scope_names(&scope);
    autojson *group = bake_evaluate(body, &names, err);
    autostrv targets = STRV_INIT;
    const char *description = NULL;
    if (!group || json_get_strings(group, "targets", "the group", &targets, err) ||
        json_get_string(group, "description", NULL, "the group", &description, err))
        return -1;
    json_t *there = json_object_get(l->out->groups, name);
    if (!there) {
        there = json_pack("{s:[]}", "targets");
        json_object_set_new(l->out->groups, name, there);
    }
    json_t *list = json_object_get(there, "targets");
    for (size_t i = 0; i < targets.count; i++) {
        bool known = false;
        size_t k;
        json_t *one;
        json_array_foreach (list, k, one)
            known |= !strcmp(json_string_value(one), targets.items[i]);
        if (!known)
            json_array_append_new(list, json_from_text(targets.items[i]));
    }
    if (description)
        json_object_set_new(there, "description", json_from_text(description));
    return 0;
}

static int make_groups(struct loading *l, struct error *err)
{
    size_t i;
    json_t *pair;
    json_array_foreach (l->groups, i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0));
        if (make_group(l, name, json_array_get(pair, 1), err))
            return error_wrap(err, "group %s", name);
    }
    return 0;
}

/* All of them, also those that nothing uses: their validations hold for the file. */
static int make_variables(struct loading *l, struct error *err)
{
    const char *name;
    json_t *definition;
    struct bake_file *out = l->out;
    json_object_foreach (l->variables.definitions, name, definition) {
        json_t *value = bake_variable_value(&l->variables, name, err);
        if (!value)
            return -1;
        MEM_PUSH(out->variables, out->variable_count, out->variable_cap) = (struct bake_variable){
            mem_strdup(name),
            mem_strdup_null(json_string_value(json_object_get(definition, "type"))),
            mem_strdup_null(json_string_value(json_object_get(definition, "description"))), value};
    }
    return 0;
}

int bake_file_load(const struct strv *paths, const struct strv *overrides, struct bake_file *out,
                   struct error *err)
{
    struct bake_file file = {.targets = json_object(), .groups = json_object()};
    struct loading l = {.targets = json_array(), .groups = json_array(), .out = &file};
    int code = 0;
    bake_variables_init(&l.variables, overrides);
    for (size_t i = 0; i < paths->count && !code; i++)
        code = read_file(&l, paths->items[i], err);
    if (!code)
        code = make_variables(&l, err) || make_targets(&l, err) || make_groups(&l, err) ? -1 : 0;
    bake_variables_release(&l.variables);
    json_decref(l.targets);
    json_decref(l.groups);
    if (code)
        bake_file_release(&file);
    else
        *out = file;
    return code;
}
