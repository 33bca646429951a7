#include "stages.h"

#include "expand_instruction.h"
#include "stages_sources.h"

#include <base/cli.h>
#include <base/mem.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

char *stage_describe(const struct stage *stage)
{
    if (stage->name)
        return mem_printf("stage %zu (%s)", stage->index, stage->name);
    return mem_printf("stage %zu", stage->index);
}

/* The last stage before `before` that FROM means: names are kept in lower case, and FROM, as with
 * BuildKit, takes them as they are. */
static int find_base(const struct stages *stages, size_t before, const char *name)
{
    for (size_t i = before; i-- > 0;) {
        if (stages->items[i].name && strcmp(stages->items[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

/* The last stage before `before` that has this name, or -1. */
static int find_name(const struct stages *stages, size_t before, const char *name)
{
    for (size_t i = before; i-- > 0;) {
        if (stages->items[i].name && strcasecmp(stages->items[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static bool is_number(const char *name)
{
    return *name && name[strspn(name, "0123456789")] == '\0';
}

int stages_find(const struct stages *stages, size_t user, const char *name, size_t *index,
                struct error *err)
{
    (void)user;
    if (is_number(name)) {
        long long number = str_number(name, (long long)stages->count - 1);
        if (number < 0) {
            error_set(err, ERROR_INPUT, "there is no stage %s", name);
            return error_hint(err, "the stages are 0 to %zu", stages->count - 1);
        }
        *index = (size_t)number;
        return 0;
    }
    int found = find_name(stages, stages->count, name);
    if (found < 0)
        return 1;
    *index = (size_t)found;
    return 0;
}

/* A variable in FROM that has no value. */
static int refuse_unset(const struct stages *stages, const struct word *word, const char *name,
                        struct error *err)
{
    const char *found = strstr(word->text, name);
    size_t offset = found ? (size_t)(found - word->text) : 0;
    while (offset && (word->text[offset - 1] == '{' || word->text[offset - 1] == '$'))
        offset--;
    error_set(err, ERROR_INPUT, "unset variable \"%s\" in FROM", name);
    const struct scope *global = &stages->global;
    autofree const char **known = mem_zalloc(global->declared.count + 1, sizeof *known);
    for (size_t i = 0; i < global->declared.count; i++)
        known[i] = global->declared.items[i];
    const char *near = cli_nearest(name, known, global->declared.count);
    if (strv_contains(&global->declared, name))
        error_hint(err, "give its ARG a default, or set it with --build-arg %s=…", name);
    else if (near)
        error_hint(err, "did you mean %s?", near);
    else
        error_hint(err, "FROM sees only what an ARG before the first FROM declares");
    return dockerfile_error_in(stages->file, word->at, offset, err);
}

/* Expand the image or the platform of a FROM. *out: the caller frees. */
static int expand_from(const struct stages *stages, const struct word *word, const char *what,
                       char **out, struct error *err)
{
    autostrv unset = STRV_INIT;
    const struct expand how = {
        .lookup = scope_lookup,
        .context = (void *)&stages->global,
        .escape = stages->file->escape,
        .unset = &unset,
    };
    autofree char *text = NULL;
    if (expand_at(&how, stages->file, word, &text, err))
        return -1;
    if (unset.count)
        return refuse_unset(stages, word, unset.items[0], err);
    if (!*text) {
        error_set(err, ERROR_INPUT, "the %s \"%s\" in FROM comes out empty", what, word->text);
        error_hint(err, "give a default, as in ${NAME:-…}");
        return dockerfile_error_at(stages->file, word->at, err);
    }
    *out = take(&text);
    return 0;
}

/* Resolve a stage's FROM line. The stages before it are resolved. */
static int resolve_from(struct stages *stages, struct stage *stage,
                        const struct stages_options *options, struct error *err)
{
    const struct instruction *from = stage->from;
    const struct flag *platform = instruction_flag(from, "platform");
    if (platform && *platform->value) {
        /* The flag's value begins behind "--platform=". */
        struct word word = {platform->value, platform->at};
        word.at.column += (unsigned)strlen("--platform=");
        if (expand_from(stages, &word, "platform", &stage->platform, err))
            return -1;
    }
    if (expand_from(stages, &from->args[0], "image", &stage->image, err))
        return -1;
    bool context = options->contexts && strv_contains(options->contexts, stage->image);
    stage->base = context ? -1 : find_base(stages, stage->index, stage->image);
    stage->scratch = stage->base < 0 && !context && strcmp(stage->image, "scratch") == 0;
    if (stage->base >= 0 || stage->scratch) {
        free(stage->image);
        stage->image = NULL;
    }
    return 0;
}

static void add_need(struct stage *stage, size_t index)
{
    size_t i = 0;
    while (i < stage->need_count && stage->needs[i] < index)
        i++;
    if (i < stage->need_count && stage->needs[i] == index)
        return;
    MEM_PUSH(stage->needs, stage->need_count, stage->need_cap) = index;
    memmove(stage->needs + i + 1, stage->needs + i,
            (stage->need_count - 1 - i) * sizeof *stage->needs);
    stage->needs[i] = index;
}

static int add_needs_of(struct stages *stages, struct stage *stage, const struct instruction *in,
                        const struct strv *contexts, struct error *err)
{
    struct stage_source *sources;
    size_t count = stage_sources(in, &sources);
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        const struct stage_source *source = &sources[i];
        size_t index = 0;
        if (stage_source_check(source, stages->file, err)) {
            failed = -1;
            break;
        }
        if (contexts && strv_contains(contexts, source->name))
            continue;
        /* A mount names its stage; only COPY --from counts them too. */
        int rc = source->mount && is_number(source->name)
                     ? 1
                     : stages_find(stages, stage->index, source->name, &index, err);
        if (rc == 0 && index == stage->index)
            rc = error_set(err, ERROR_INPUT, "the stage takes from itself");
        if (rc < 0)
            failed = dockerfile_error_at(stages->file, source->at, err);
        else if (rc == 0)
            add_need(stage, index);
    }
    stage_sources_free(sources, count);
    return failed;
}

static int collect_needs(struct stages *stages, const struct stages_options *options,
                         struct error *err)
{
    for (size_t i = 0; i < stages->count; i++) {
        struct stage *stage = &stages->items[i];
        if (stage->base >= 0)
            add_need(stage, (size_t)stage->base);
        for (size_t j = 0; j < stage->count; j++) {
            if (add_needs_of(stages, stage, &stage->items[j], options->contexts, err))
                return -1;
        }
    }
    return 0;
}

enum visit { VISIT_NEW, VISIT_OPEN, VISIT_DONE };

/* The instruction of stage `user` that takes from `used`, for a message. */
static struct position place_of_need(const struct stages *stages, size_t user, size_t used)
{
    const struct stage *stage = &stages->items[user];
    struct position at = stage->from->at;
    for (size_t i = 0; i < stage->count; i++) {
        struct stage_source *sources;
        size_t count = stage_sources(&stage->items[i], &sources);
        for (size_t j = 0; j < count; j++) {
            size_t index;
            if (stages_find(stages, user, sources[j].name, &index, NULL) == 0 && index == used)
                at = sources[j].at;
        }
        stage_sources_free(sources, count);
    }
    return at;
}

static int refuse_cycle(const struct stages *stages, size_t user, size_t used, struct error *err)
{
    autofree char *a = stage_describe(&stages->items[user]);
    autofree char *b = stage_describe(&stages->items[used]);
    error_set(err, ERROR_INPUT, "%s needs %s, which needs it in turn", a, b);
    error_hint(err, "move what both need into a stage of its own, before both");
    return dockerfile_error_at(stages->file, place_of_need(stages, user, used), err);
}

/* Walk what `start` needs, depth first on a stack of our own; append each finished stage to order
 * (which may be NULL). */
static int visit(struct stages *stages, size_t start, enum visit *state, size_t *order,
                 size_t *order_count, struct error *err)
{
    autofree size_t *stack = mem_zalloc(stages->count, sizeof *stack);
    autofree size_t *next = mem_zalloc(stages->count, sizeof *next);
    size_t depth = 0;
    if (state[start] == VISIT_DONE)
        return 0;
    stack[depth++] = start;
    state[start] = VISIT_OPEN;
    while (depth) {
        size_t at = stack[depth - 1];
        const struct stage *stage = &stages->items[at];
        if (next[at] == stage->need_count) {
            state[at] = VISIT_DONE;
            depth--;
            if (order)
                order[(*order_count)++] = at;
            continue;
        }
        size_t need = stage->needs[next[at]++];
        if (state[need] == VISIT_OPEN)
            return refuse_cycle(stages, at, need, err);
        if (state[need] == VISIT_NEW) {
            state[need] = VISIT_OPEN;
            stack[depth++] = need;
        }
    }
    return 0;
}

/* What a stage takes from must stand before it. */
static int refuse_later(const struct stages *stages, struct error *err)
{
    for (size_t i = 0; i < stages->order_count; i++) {
        const struct stage *stage = &stages->items[stages->order[i]];
        if (!stage->need_count || stage->needs[stage->need_count - 1] < stage->index)
            continue;
        size_t later = stage->needs[stage->need_count - 1];
        autofree char *a = stage_describe(stage), *b = stage_describe(&stages->items[later]);
        error_set(err, ERROR_INPUT, "%s takes from %s, which comes after it", a, b);
        error_hint(err, "move %s up", b);
        return dockerfile_error_at(stages->file, place_of_need(stages, stage->index, later), err);
    }
    return 0;
}

static int make_order(struct stages *stages, struct error *err)
{
    /* Every stage is looked at, so that a cycle is found wherever it is. */
    autofree enum visit *state = mem_zalloc(stages->count, sizeof *state);
    for (size_t i = 0; i < stages->count; i++) {
        if (visit(stages, i, state, NULL, NULL, err))
            return -1;
    }
    memset(state, 0, stages->count * sizeof *state);
    stages->order = mem_zalloc(stages->count, sizeof *stages->order);
    if (visit(stages, stages->target, state, stages->order, &stages->order_count, err))
        return -1;
    for (size_t i = 0; i < stages->order_count; i++)
        stages->items[stages->order[i]].wanted = true;
    return refuse_later(stages, err);
}

static int find_target(struct stages *stages, const char *target, struct error *err)
{
    stages->target = stages->count - 1;
    if (!target || !*target)
        return 0;
    int found = find_name(stages, stages->count, target);
    if (found < 0 && is_number(target))
        found = (int)str_number(target, (long long)stages->count - 1);
    if (found >= 0) {
        stages->target = (size_t)found;
        return 0;
    }
    autofree const char **known = mem_zalloc(stages->count, sizeof *known);
    autostrv names = STRV_INIT;
    for (size_t i = 0; i < stages->count; i++) {
        if (!stages->items[i].name)
            continue;
        known[names.count] = stages->items[i].name;
        strv_add(&names, stages->items[i].name);
    }
    error_set(err, ERROR_USAGE, "--target %s: %s has no such stage", target, stages->file->name);
    const char *near = cli_nearest(target, known, names.count);
    if (near)
        return error_hint(err, "did you mean %s?", near);
    autofree char *all = strv_join(&names, ", ");
    if (names.count)
        return error_hint(err, "its stages are %s", all);
    return error_hint(err, "its stages have no names; they count from 0 to %zu", stages->count - 1);
}

/* Cut the file into stages; take the ARGs before the first. */
static int cut(struct stages *stages, struct error *err)
{
    const struct dockerfile *file = stages->file;
    size_t cap = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct instruction *in = &file->items[i];
        if (in->kind == INSTRUCTION_FROM) {
            struct stage stage = {.index = stages->count, .from = in, .items = in + 1, .base = -1};
            if (in->stage_name.text)
                stage.name = str_lower(mem_strdup(in->stage_name.text));
            MEM_PUSH(stages->items, stages->count, cap) = stage;
        } else if (stages->count) {
            stages->items[stages->count - 1].count++;
        } else if (expand_arg(&stages->global, file, in, NULL, err)) {
            return -1;
        }
    }
    return 0;
}

int stages_resolve(const struct dockerfile *file, const struct stages_options *options,
                   struct stages **out, struct error *err)
{
    autostages *stages = mem_zalloc(1, sizeof *stages);
    stages->file = file;
    scope_init_global(&stages->global, options->build_args, options->platform_args);
    if (cut(stages, err))
        return -1;
    for (size_t i = 0; i < stages->count; i++) {
        if (resolve_from(stages, &stages->items[i], options, err))
            return -1;
    }
    if (find_target(stages, options->target, err) || collect_needs(stages, options, err) ||
        make_order(stages, err))
        return -1;
    *out = take(&stages);
    return 0;
}

void stages_free(struct stages *stages)
{
    if (!stages)
        return;
    for (size_t i = 0; i < stages->count; i++) {
        free(stages->items[i].name);
        free(stages->items[i].image);
        free(stages->items[i].platform);
        free(stages->items[i].needs);
    }
    scope_release(&stages->global);
    free(stages->items);
    free(stages->order);
    free(stages);
}

void stages_free_at(struct stages **stages)
{
    stages_free(*stages);
}
