#include "expand_instruction.h"
#include "lint.h"
#include "scope.h"

#include <base/cli.h>
#include <base/mem.h>
#include <registry/platform.h>
#include <registry/reference.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is known of a stage while its instructions go by. */
struct stage_view {
    char *name;
    struct scope scope;
    bool base_unknown; /* it begins with an image, whose variables aren't known */
    bool shell, workdir;
    const struct instruction *cmd, *entrypoint, *healthcheck;
};

struct view {
    struct lint *lint;
    struct scope global;
    struct stage_view *stages;
    size_t count, cap;
};

/* A scope, and the names that were looked for in it and not there, default or not. */
struct recorder {
    struct scope *scope;
    struct strv *missing;
};

static const char *look_up(void *context, const char *name)
{
    const struct recorder *recorder = context;
    const char *value = scope_get(recorder->scope, name);
    if (!value && recorder->missing && !strv_contains(recorder->missing, name))
        strv_add(recorder->missing, name);
    return value;
}

static const char *nearest(const struct strv *a, const struct strv *b, const char *name)
{
    autofree const char **words = mem_zalloc(a->count + (b ? b->count : 0) + 1, sizeof *words);
    size_t n = 0;
    for (size_t i = 0; i < a->count; i++)
        words[n++] = a->items[i];
    for (size_t i = 0; b && i < b->count; i++)
        words[n++] = b->items[i];
    return cli_nearest(name, words, n);
}

/* Names of "K=V" lists. */
static void add_names(struct strv *out, const struct strv *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        autofree char *name = mem_strndup(pairs->items[i], strcspn(pairs->items[i], "="));
        strv_add(out, name);
    }
}

static void report_from(struct view *v, const struct instruction *in, const struct strv *unset)
{
    struct lint_config config = lint_config_of(v->lint, in);
    autostrv env = STRV_INIT, known = STRV_INIT;
    scope_run_env(&v->global, &env);
    add_names(&known, &env);
    for (size_t i = 0; i < unset->count; i++) {
        const char *name = unset->items[i], *near = nearest(&known, NULL, name);
        if (strv_contains(&v->global.declared, name))
            continue;
        if (near)
            lint_add(v->lint, &config, LINT_UNDEFINED_ARG_IN_FROM, in->at.line,
                     "FROM argument '%s' is not declared (did you mean %s?)", name, near);
        else
            lint_add(v->lint, &config, LINT_UNDEFINED_ARG_IN_FROM, in->at.line,
                     "FROM argument '%s' is not declared", name);
    }
}

/* A word of FROM by a scope. NULL where it can't be expanded. The caller frees it. */
static char *expand_global(struct view *v, struct scope *scope, const char *word,
                           struct strv *unset)
{
    struct recorder recorder = {scope, unset};
    const struct expand how = {
        .lookup = look_up, .context = &recorder, .escape = v->lint->file->escape};
    char *out = NULL;
    return expand_word(&how, word, &out, NULL, NULL) ? NULL : out;
}

static void check_platform(struct view *v, const struct instruction *in)
{
    struct lint_config config = lint_config_of(v->lint, in);
    const struct flag *flag = instruction_flag(in, "platform");
    if (!flag || !*flag->value)
        return;
    autostrv unset = STRV_INIT;
    autofree char *value = expand_global(v, &v->global, flag->value, &unset);
    report_from(v, in, &unset);
    if (!strcmp(flag->value, "$TARGETPLATFORM") || !strcmp(flag->value, "${TARGETPLATFORM}"))
        lint_add(v->lint, &config, LINT_REDUNDANT_TARGET_PLATFORM, in->at.line,
                 "Setting platform to predefined %s in FROM is redundant as this is the default "
                 "behavior",
                 flag->value);
    struct platform platform;
    const char *name = in->stage_name.text ? in->stage_name.text : "";
    if (strchr(flag->value, '$') || !value || platform_parse(value, &platform, NULL) ||
        strstr(name, platform.os) || strstr(name, platform.arch))
        return;
    lint_add(v->lint, &config, LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED, in->at.line,
             "FROM --platform flag should not use constant value \"%s\"", value);
}

/* The global ARGs' defaults, where no --build-arg is given. */
static int declare_defaults(const struct view *v, struct scope *plain)
{
    for (size_t i = 0; i < v->lint->file->count; i++) {
        const struct instruction *arg = &v->lint->file->items[i];
        autostrv words = STRV_INIT;
        if (arg->kind != INSTRUCTION_ARG)
            break;
        if (expand_arg(plain, v->lint->file, arg, &words, NULL))
            return -1;
    }
    return 0;
}

static void check_default(struct view *v, const struct instruction *in)
{
    struct scope plain;
    scope_init_global(&plain, NULL, v->lint->platform_args);
    autofree char *image =
        declare_defaults(v, &plain) ? NULL : expand_global(v, &plain, in->args[0].text, NULL);
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    if (image && (!*image || reference_parse(image, false, &ref, NULL)))
        lint_add(v->lint, &v->lint->config, LINT_INVALID_DEFAULT_ARG_IN_FROM, in->at.line,
                 "Default value for ARG %s results in empty or invalid base image name",
                 in->args[0].text);
    scope_release(&plain);
}

static void begin_stage(struct view *v, const struct instruction *in)
{
    autostrv unset = STRV_INIT;
    autofree char *image = expand_global(v, &v->global, in->args[0].text, &unset);
    report_from(v, in, &unset);
    check_default(v, in);
    check_platform(v, in);
    struct stage_view stage = {
        .name = in->stage_name.text ? str_lower(mem_strdup(in->stage_name.text)) : NULL};
    struct stage_view *base = NULL;
    for (size_t i = 0; image && i < v->count; i++)
        if (v->stages[i].name && !strcasecmp(v->stages[i].name, image))
            base = &v->stages[i];
    autostrv path = STRV_INIT;
    strv_add(&path, "PATH=");
    scope_init_stage(&stage.scope, &v->global, base ? &base->scope : NULL, &path);
    stage.base_unknown = base ? base->base_unknown : !image || strcmp(image, "scratch") != 0;
    stage.shell = base && base->shell;
    stage.workdir = base && base->workdir;
    MEM_PUSH(v->stages, v->count, v->cap) = stage;
}

static void report_variables(struct view *v, struct stage_view *stage, const struct instruction *in,
                             const struct strv *unset)
{
    struct lint_config config = lint_config_of(v->lint, in);
    autostrv env = STRV_INIT, known = STRV_INIT;
    scope_run_env(&stage->scope, &env);
    add_names(&known, &env);
    for (size_t i = 0; i < unset->count && !stage->base_unknown; i++) {
        const char *name = unset->items[i], *near = nearest(&known, NULL, name);
        if (strv_contains(&stage->scope.declared, name))
            continue;
        if (near)
            lint_add(v->lint, &config, LINT_UNDEFINED_VAR, in->at.line,
                     "Usage of undefined variable '$%s' (did you mean $%s?)", name, near);
        else
            lint_add(v->lint, &config, LINT_UNDEFINED_VAR, in->at.line,
                     "Usage of undefined variable '$%s'", name);
    }
}

static void check_used_once(struct view *v, const struct instruction *in,
                            const struct instruction **before)
{
    struct lint_config config = lint_config_of(v->lint, in);
    autofree char *name = lint_name(in);
    if (*before)
        lint_add(v->lint, &config, LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED, (*before)->at.line,
                 "Multiple %s instructions should not be used in the same stage because only the "
                 "last one will be used",
                 name);
    *before = in;
}

static void check_command(struct view *v, const struct stage_view *stage,
                          const struct instruction *in)
{
    struct lint_config config = lint_config_of(v->lint, in);
    autofree char *name = lint_name(in);
    if (!in->json && !stage->shell)
        lint_add(v->lint, &config, LINT_JSON_ARGS_RECOMMENDED, in->at.line,
                 "JSON arguments recommended for %s to prevent unintended behavior related to OS "
                 "signals",
                 name);
}

/* Is one of the words (parted by '|') a whole word of the name, as parted by '_'? */
static bool has_word(const char *name, const char *words)
{
    autostrv parts = STRV_INIT, wanted = STRV_INIT;
    strv_split(&parts, name, '_');
    strv_split(&wanted, words, '|');
    for (size_t i = 0; i < parts.count; i++)
        for (size_t k = 0; k < wanted.count; k++)
            if (!strcasecmp(parts.items[i], wanted.items[k]))
                return true;
    return false;
}

static void check_pairs(struct view *v, const struct instruction *in)
{
    struct lint_config config = lint_config_of(v->lint, in);
    autofree char *name = lint_name(in);
    for (size_t i = 0; i < in->pair_count; i++) {
        const char *key = in->pairs[i].key.text;
        if (in->pairs[i].legacy && in->kind != INSTRUCTION_ARG)
            lint_add(v->lint, &config, LINT_LEGACY_KEY_VALUE_FORMAT, in->at.line,
                     "\"%s key=value\" should be used instead of legacy \"%s key value\" format",
                     name, name);
        if (in->kind != INSTRUCTION_LABEL && !has_word(key, "public|file|version") &&
            has_word(key, "apikey|auth|credential|credentials|key|password|pword|passwd|secret|"
                          "token"))
            lint_add(v->lint, &config, LINT_SECRETS_USED_IN_ARG_OR_ENV, in->at.line,
                     "Do not use ARG or ENV instructions for sensitive data (%s \"%s\")",
                     in->kind == INSTRUCTION_ARG ? "ARG" : "ENV", key);
    }
}

static void check_ports(struct view *v, const struct instruction *original,
                        const struct instruction *in)
{
    struct lint_config config = lint_config_of(v->lint, original);
    for (size_t i = 0; i < in->arg_count; i++) {
        const char *port = in->args[i].text, *slash = strchr(port, '/');
        autofree char *lower = str_lower(mem_strdup(slash ? slash : ""));
        if (slash && strcmp(lower, slash) != 0)
            lint_add(v->lint, &config, LINT_EXPOSE_PROTO_CASING, original->at.line,
                     "Defined protocol '%s' in EXPOSE instruction should be lowercase", port);
        if (strchr(port, ':'))
            lint_add(v->lint, &config, LINT_EXPOSE_INVALID_FORMAT, original->at.line,
                     "EXPOSE instruction should not define an IP address or host-port mapping, "
                     "found '%s'",
                     port);
    }
}

static void check_ignored(struct view *v, const struct instruction *original,
                          const struct instruction *in)
{
    struct lint_config config = lint_config_of(v->lint, original);
    const struct ignore *ignore = v->lint->ignore;
    if (!ignore || ignore_has_exceptions(ignore) || instruction_flag(in, "from"))
        return;
    for (size_t i = 0; i + 1 < in->arg_count; i++) {
        const char *text = in->args[i].text;
        if (strstr(text, "://") || instruction_heredoc(in, text))
            continue;
        const char *path = text + strspn(text, "/");
        path += str_starts(path, "./") ? 2 : 0;
        autofree char *clean = mem_strdup(path);
        while (*clean && clean[strlen(clean) - 1] == '/')
            clean[strlen(clean) - 1] = '\0';
        bool root = !*clean || !strcmp(clean, ".");
        /* Of the root alone what leaves everything out is said. */
        if (ignore_matches(ignore, root ? "\x01" : clean))
            lint_add(v->lint, &config, LINT_COPY_IGNORED_FILE, original->at.line,
                     "Attempting to %s file \"%s\" that is excluded by .dockerignore",
                     in->kind == INSTRUCTION_ADD ? "Add" : "Copy", root ? "." : clean);
    }
}

static void check_workdir(struct view *v, struct stage_view *stage,
                          const struct instruction *original, const struct instruction *in)
{
    struct lint_config config = lint_config_of(v->lint, original);
    if (!stage->workdir && in->arg_count && *in->args[0].text != '/' &&
        !(stage->base_unknown && strchr(original->args[0].text, '$')))
        lint_add(v->lint, &config, LINT_WORKDIR_RELATIVE_PATH, original->at.line,
                 "Relative workdir \"%s\" can have unexpected results if the base image changes",
                 in->args[0].text);
    stage->workdir = true;
}

static void look(struct view *v, struct stage_view *stage, const struct instruction *original,
                 const struct instruction *in)
{
    if (in->kind == INSTRUCTION_ENV || in->kind == INSTRUCTION_ARG || in->kind == INSTRUCTION_LABEL)
        check_pairs(v, original);
    if (in->kind == INSTRUCTION_CMD)
        check_used_once(v, original, &stage->cmd);
    if (in->kind == INSTRUCTION_ENTRYPOINT)
        check_used_once(v, original, &stage->entrypoint);
    if (in->kind == INSTRUCTION_HEALTHCHECK)
        check_used_once(v, original, &stage->healthcheck);
    if (in->kind == INSTRUCTION_CMD || in->kind == INSTRUCTION_ENTRYPOINT)
        check_command(v, stage, original);
    if (in->kind == INSTRUCTION_EXPOSE)
        check_ports(v, original, in);
    if (in->kind == INSTRUCTION_COPY || in->kind == INSTRUCTION_ADD)
        check_ignored(v, original, in);
    if (in->kind == INSTRUCTION_WORKDIR)
        check_workdir(v, stage, original, in);
    stage->shell |= in->kind == INSTRUCTION_SHELL;
}

/* What the instruction declares, for those after it. */
static void carry_on(struct view *v, struct stage_view *stage, const struct instruction *original,
                     const struct instruction *in)
{
    autoerror ignored = ERROR_INIT;
    autostrv words = STRV_INIT;
    if (in->kind == INSTRUCTION_ARG &&
        expand_arg(&stage->scope, v->lint->file, original, &words, &ignored))
        error_ignore(&ignored, "the build says so");
    for (size_t i = 0; in->kind == INSTRUCTION_ENV && i < in->pair_count; i++)
        if (in->pairs[i].value.text)
            scope_env(&stage->scope, in->pairs[i].key.text, in->pairs[i].value.text);
}

static void check_one(struct view *v, const struct instruction *in)
{
    struct stage_view *stage = &v->stages[v->count - 1];
    autostrv unset = STRV_INIT;
    autoerror ignored = ERROR_INIT;
    struct instruction expanded;
    struct recorder recorder = {&stage->scope, &unset};
    const struct expand how = {
        .lookup = look_up, .context = &recorder, .escape = v->lint->file->escape};
    if (expand_instruction(&how, v->lint->file, in, &expanded, &ignored)) {
        error_ignore(&ignored, "the build says so");
        return;
    }
    report_variables(v, stage, in, &unset);
    look(v, stage, in, &expanded);
    carry_on(v, stage, in, &expanded);
    instruction_release(&expanded);
}

void lint_stages(struct lint *lint)
{
    struct view v = {.lint = lint};
    scope_init_global(&v.global, lint->build_args, lint->platform_args);
    for (size_t i = 0; i < lint->file->count; i++) {
        const struct instruction *in = &lint->file->items[i];
        autoerror ignored = ERROR_INIT;
        autostrv words = STRV_INIT;
        if (in->kind == INSTRUCTION_FROM)
            begin_stage(&v, in);
        else if (v.count)
            check_one(&v, in);
        else if (expand_arg(&v.global, lint->file, in, &words, &ignored))
            error_ignore(&ignored, "the build says so");
    }
    for (size_t i = 0; i < v.count; i++) {
        scope_release(&v.stages[i].scope);
        free(v.stages[i].name);
    }
    free(v.stages);
    scope_release(&v.global);
}
