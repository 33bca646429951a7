#include "static_private.h"
#include "wheel.h"

#include <base/mem.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PROBLEMS_TOLD = 8 };

void static_problem(struct static_run *run, const struct tree_node *node, const char *format, ...)
{
    if (node && static_rule_allows(run->rule, node->path))
        return;
    va_list ap;
    va_start(ap, format);
    autofree char *text = mem_vprintf(format, ap);
    va_end(ap);
    struct str *detail = &run->out->detail;
    if (run->problems < PROBLEMS_TOLD)
        str_addf(detail, "%s%s%s%s", detail->len && !str_ends(detail->data, "; ") ? "; " : "",
                 node ? node->path : "", node ? " " : "", text);
    run->problems++;
    if (node)
        blame_add(run->out, run->image->layers, node->layer, node->path, false);
}

const char *static_env(const struct static_image *image, const char *name)
{
    size_t i, n = strlen(name);
    json_t *item;
    const char *found = NULL; /* the last setting wins */
    const json_t *env = json_object_get(json_object_get(image->config, "config"), "Env");
    json_array_foreach (env, i, item) {
        const char *setting = json_string_value(item);
        if (setting && !strncmp(setting, name, n) && setting[n] == '=')
            found = setting + n + 1;
    }
    return found;
}

void static_path(const struct static_image *image, struct strv *out)
{
    const char *path = static_env(image, "PATH");
    strv_split(out, path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               ':');
}

const struct tree_node *static_which(const struct static_image *image, const char *name)
{
    autostrv folders = STRV_INIT;
    if (*name == '/')
        return image_tree_find(image->tree, name, true);
    static_path(image, &folders);
    for (size_t i = 0; i < folders.count; i++) {
        autofree char *path = mem_printf("%s/%s", folders.items[i], name);
        const struct tree_node *node = image_tree_find(image->tree, path, true);
        if (tree_executable(node, 0, 0))
            return node;
    }
    return NULL;
}

/* A field (from 0) of the line of /etc/passwd or /etc/group whose first field, or third, is key.
 * The caller frees it. */
static char *account_field(const struct static_image *image, const char *file, const char *key,
                           size_t field)
{
    const char *text = tree_text(image_tree_find(image->tree, file, true));
    autostrv lines = STRV_INIT;
    strv_split(&lines, text ? text : "", '\n');
    for (size_t i = 0; i < lines.count; i++) {
        autostrv fields = STRV_INIT;
        strv_split(&fields, lines.items[i], ':');
        bool found = fields.count > 3 || (fields.count > 2 && field < 3);
        if (found && (str_eq(fields.items[0], key) || str_eq(fields.items[2], key)))
            return field < fields.count ? mem_strdup(fields.items[field]) : NULL;
    }
    return NULL;
}

static const char *user_of(const struct static_image *image)
{
    const char *user =
        json_string_value(json_object_get(json_object_get(image->config, "config"), "User"));
    return user ? user : "";
}

void static_user(const struct static_image *image, uint32_t *uid, uint32_t *gid)
{
    const char *user = user_of(image);
    autofree char *name = mem_strndup(user, strcspn(user, ":"));
    autofree char *found_uid = account_field(image, "/etc/passwd", name, 2);
    autofree char *found_gid = account_field(image, "/etc/passwd", name, 3);
    long long u = str_number(found_uid ? found_uid : name, UINT32_MAX);
    long long g = str_number(found_gid ? found_gid : "0", UINT32_MAX);
    *uid = u < 0 ? 0 : (uint32_t)u;
    *gid = g < 0 ? 0 : (uint32_t)g;
}

void static_user_known(struct static_run *run)
{
    autostrv parts = STRV_INIT;
    const char *user = user_of(run->image);
    strv_split(&parts, user, ':');
    run->looked = *user != '\0';
    static const char *const files[] = {"/etc/passwd", "/etc/group"};
    for (size_t i = 0; *user && i < parts.count && i < 2; i++) {
        const char *name = parts.items[i];
        autofree char *found = account_field(run->image, files[i], name, 0);
        if (*name && !found && str_number(name, UINT32_MAX) < 0)
            static_problem(run, NULL, "the image runs as “%s”, and %s has no “%s”", user, files[i],
                           name);
    }
}

/* ---- what the image starts ---- */

static void check_program(struct static_run *run, const char *name)
{
    uint32_t uid, gid;
    static_user(run->image, &uid, &gid);
    const char *workdir = json_string_value(
        json_object_get(json_object_get(run->image->config, "config"), "WorkingDir"));
    autofree char *relative = mem_printf("%s/%s", workdir ? workdir : "", name);
    bool in_workdir = strchr(name, '/') && *name != '/';
    const struct tree_node *node = in_workdir ? image_tree_find(run->image->tree, relative, true)
                                              : static_which(run->image, name);
    run->looked++;
    if (!node) {
        static_problem(run, NULL, "the image starts %s, which is not there", name);
        return;
    }
    autofree char *problem = static_interpreter_problem(run->image, node);
    if (!tree_executable(node, uid, gid))
        static_problem(run, node, "is what the image starts, and its user can't execute it");
    else if (problem)
        static_problem(run, node, "is what the image starts, and %s", problem);
}

/* A shell's -c that is but one word with a path names a program too. */
static const char *only_path(const json_t *argv)
{
    const char *option = json_string_value(json_array_get(argv, 1));
    const char *text = json_string_value(json_array_get(argv, 2));
    bool single = option && text && str_eq(option, "-c") && *text == '/' &&
                  !strpbrk(text, " \t\n;&|$<>(){}'\"`*?");
    return single ? text : NULL;
}

void static_program(struct static_run *run)
{
    const json_t *config = json_object_get(run->image->config, "config");
    const json_t *argv = json_object_get(config, "Entrypoint");
    if (!json_array_size(argv))
        argv = json_object_get(config, "Cmd");
    const char *name = json_string_value(json_array_get(argv, 0));
    if (!name || !*name)
        return;
    check_program(run, name);
    const char *path = only_path(argv);
    if (path)
        check_program(run, path);
}

/* ---- interpreters ---- */

/* The words of a "#!" line: interpreter, and the program that env is to find. */
static void shebang_words(const char *script, char **interpreter, char **program)
{
    autofree char *line = mem_strndup(script + 2, strcspn(script + 2, "\r\n"));
    autostrv words = STRV_INIT;
    strv_split(&words, str_trim(line), ' ');
    *interpreter = mem_strdup(words.items[0]);
    *program = NULL;
    if (!str_ends(words.items[0], "/env"))
        return;
    for (size_t i = 1; i < words.count && !*program; i++)
        if (words.items[i][0] && words.items[i][0] != '-' && !strchr(words.items[i], '='))
            *program = mem_strdup(words.items[i]);
}

/* pip writes "#!/bin/sh" and then '''exec' "/long/path/python" "$0" "$@" where the path is too long
 * for a "#!" line. The caller frees it; NULL where it is no such script. */
static char *trampoline(const char *script)
{
    static const char mark[] = "\n'''exec' ";
    const char *found = strstr(script, mark);
    if (!found)
        return NULL;
    const char *path = found + sizeof mark - 1;
    bool quoted = *path == '"';
    path += quoted;
    return mem_strndup(path, strcspn(path, quoted ? "\"" : " \n"));
}

static char *absolute_problem(const struct static_image *image, const char *path)
{
    uint32_t uid, gid;
    static_user(image, &uid, &gid);
    const struct tree_node *node = image_tree_find(image->tree, path, true);
    if (!node)
        return mem_printf("its interpreter %s is not there", path);
    if (!tree_executable(node, uid, gid))
        return mem_printf("its interpreter %s can't be executed by the image's user", path);
    return NULL;
}

char *static_interpreter_problem(const struct static_image *image, const struct tree_node *script)
{
    const struct file_facts *facts = script->entry ? script->entry->facts : NULL;
    if (!facts || !facts->script)
        return NULL;
    autofree char *interpreter = NULL, *program = NULL;
    autofree char *further = trampoline(facts->script);
    shebang_words(facts->script, &interpreter, &program);
    if (*interpreter != '/')
        return mem_printf("its interpreter “%s” is no absolute path", interpreter);
    char *problem = absolute_problem(image, interpreter);
    if (!problem && further)
        problem = absolute_problem(image, further);
    if (!problem && program && !static_which(image, program))
        problem = mem_printf("its interpreter %s is not on PATH", program);
    return problem;
}

bool static_in_venv_bin(const struct static_image *image, const char *path)
{
    const char *end = strrchr(path, '/');
    if (!end || end - path < 4 || strncmp(end - 4, "/bin", 4) != 0)
        return false;
    autofree char *marker = mem_printf("%.*s/pyvenv.cfg", (int)(end - 4 - path), path);
    return image_tree_find(image->tree, marker, true) != NULL;
}

void static_shebangs(struct static_run *run)
{
    autostrv folders = STRV_INIT, seen = STRV_INIT;
    static_path(run->image, &folders);
    for (size_t i = 0; i < folders.count; i++) {
        const struct tree_node *folder = image_tree_find(run->image->tree, folders.items[i], true);
        if (folder && !strv_contains(&seen, folder->path))
            strv_add(&seen, folder->path);
    }
    for (size_t i = 0; i + 1 < run->image->tree->node_count; i++) {
        const struct tree_node *node = run->image->nodes[i];
        bool wanted = tree_executable(node, 0, 0) && strv_contains(&seen, node->parent->path) &&
                      !static_in_venv_bin(run->image, node->path);
        if (!wanted || !node->entry->facts || !node->entry->facts->script)
            continue;
        run->looked++;
        autofree char *problem = static_interpreter_problem(run->image, node);
        if (problem)
            static_problem(run, node, "can't run: %s", problem);
    }
}

/* ---- the checks ---- */

/* A check of virtual environments that names none is of all that there are. */
static void each_environment(struct static_run *run, void (*check)(struct static_run *))
{
    autostrv venvs = STRV_INIT;
    wheels_environments(run->image->tree, run->image->nodes, &venvs);
    for (size_t i = 0; i < venvs.count; i++) {
        struct static_rule rule = *run->rule;
        struct static_run one = *run;
        rule.venv = venvs.items[i];
        if (run->out->detail.len && !str_ends(run->out->detail.data, "; "))
            str_add(&run->out->detail, "; ");
        one.rule = &rule;
        check(&one);
        run->problems = one.problems;
        run->looked = one.looked;
    }
    if (run->out->detail.len && str_ends(run->out->detail.data, "; "))
        run->out->detail.data[run->out->detail.len -= 2] = '\0';
    if (!venvs.count)
        str_add(&run->out->detail, "there is no virtual environment");
}

void static_check(const struct static_image *image, const struct static_rule *rule,
                  struct check_result *out)
{
    static void (*const checks[STATIC_KINDS])(struct static_run *) = {
        [STATIC_PROGRAM] = static_program,
        [STATIC_USER] = static_user_known,
        [STATIC_SHEBANGS] = static_shebangs,
        [STATIC_MACHINE] = static_machine,
        [STATIC_LIBRARIES] = static_libraries,
        [STATIC_VERSIONS] = static_versions,
        [STATIC_WRITABLE] = static_writable,
        [STATIC_SETUID] = static_setuid,
        [STATIC_SECRETS] = static_secrets,
        [STATIC_WASTED] = static_wasted,
        [STATIC_TAGS] = static_tags,
        [STATIC_CUDA] = static_cuda,
        [STATIC_VENV] = static_venv,
        [STATIC_RECORDS] = static_records,
        [STATIC_REQUIREMENTS] = static_requirements,
        [STATIC_SCRIPTS] = static_scripts,
        [STATIC_ENTRY_POINTS] = static_entry_points,
        [STATIC_EDITABLE] = static_editable,
        [STATIC_DEV] = static_dev,
    };
    struct static_run run = {.image = image, .rule = rule, .out = out};
    if (static_kind_is_python(rule->kind) && !rule->venv)
        each_environment(&run, checks[rule->kind]);
    else
        checks[rule->kind](&run);
    if (run.problems > PROBLEMS_TOLD)
        str_addf(&out->detail, "; and %zu more", run.problems - PROBLEMS_TOLD);
    if (out->verdict == VERDICT_NONE)
        out->verdict = run.problems ? VERDICT_FAILED : VERDICT_PASSED;
    if (!run.problems && run.looked && !out->detail.len)
        str_addf(&out->detail, "%zu looked at", run.looked);
}
