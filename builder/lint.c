#include "lint.h"

#include <base/mem.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void lint_add(struct lint *lint, const struct lint_config *config, enum lint_rule rule,
              unsigned line, const char *format, ...)
{
    va_list arguments;
    if (!lint_config_wants(config, rule))
        return;
    va_start(arguments, format);
    MEM_PUSH(lint->items, lint->count, lint->cap) =
        (struct lint_warning){rule, mem_vprintf(format, arguments), line};
    va_end(arguments);
}

void lint_release(struct lint *lint)
{
    for (size_t i = 0; i < lint->count; i++)
        free(lint->items[i].detail);
    free(lint->items);
    lint->items = NULL;
    lint->count = lint->cap = 0;
}

struct lint_config lint_config_of(const struct lint *lint, const struct instruction *in)
{
    struct lint_config config = lint->config;
    autofree char *text = mem_strdup(in->check ? in->check : "");
    autoerror ignored = ERROR_INIT;
    text[strcspn(text, " ")] = '\0';
    if (lint_config_parse(text, &config, &ignored))
        error_ignore(&ignored, "a comment that says nothing is a comment");
    return config;
}

char *lint_name(const struct instruction *in)
{
    return mem_strndup(in->text, strcspn(in->text, " \t\n\v\f\r"));
}

static bool is_lower(const char *s)
{
    for (; *s; s++)
        if (isupper((unsigned char)*s))
            return false;
    return true;
}

static bool is_upper(const char *s)
{
    for (; *s; s++)
        if (islower((unsigned char)*s))
            return false;
    return true;
}

/* Global ARGs aren't counted. */
static void check_casing(struct lint *lint)
{
    const struct dockerfile *file = lint->file;
    size_t lower = 0, upper = 0, first = 0;
    while (first < file->count && file->items[first].kind != INSTRUCTION_FROM)
        first++;
    for (size_t i = first; i < file->count; i++) {
        autofree char *name = lint_name(&file->items[i]);
        lower += is_lower(name);
        upper += !is_lower(name) && is_upper(name);
    }
    bool want_lower = lower > upper;
    for (size_t i = first; i < file->count; i++) {
        autofree char *name = lint_name(&file->items[i]);
        if (want_lower ? !is_lower(name) : !is_upper(name))
            lint_add(lint, &lint->config, LINT_CONSISTENT_INSTRUCTION_CASING,
                     file->items[i].at.line,
                     "Command '%s' should match the case of the command majority (%s)", name,
                     want_lower ? "lowercase" : "uppercase");
    }
}

/* The text of a physical line, without blanks at its ends. The caller frees it. */
static char *line_text(const struct dockerfile *file, unsigned number)
{
    const char *p = file->bytes;
    for (unsigned line = 1; p && line < number; line++) {
        p = strchr(p, '\n');
        p = p ? p + 1 : p;
    }
    autofree char *text = mem_strndup(p ? p : "", p ? strcspn(p, "\n") : 0);
    return mem_strdup(str_trim(text));
}

static void check_continuation(struct lint *lint, const struct instruction *in)
{
    const struct instruction *holder = in->inner ? in->inner : in;
    unsigned last = holder->heredoc_count ? holder->heredocs[0].line - 1 : in->last;
    bool empty = false;
    for (unsigned line = in->first + 1; line <= last && last > in->first; line++) {
        autofree char *text = line_text(lint->file, line);
        empty |= !*text;
    }
    if (empty)
        lint_add(lint, &lint->config, LINT_NO_EMPTY_CONTINUATION, last, "Empty continuation line");
}

/* What FROM … AS NAME, in lower case, and ARG NAME define. */
static void add_defined(const struct instruction *in, struct strv *names)
{
    if (in->kind == INSTRUCTION_FROM && in->stage_name.text)
        strv_add_take(names, str_lower(mem_strdup(in->stage_name.text)));
    for (size_t i = 0; in->kind == INSTRUCTION_ARG && i < in->pair_count; i++)
        strv_add(names, in->pairs[i].key.text);
}

/* "# NAME what it is" right above what defines NAME. */
static void check_description(struct lint *lint, const struct instruction *in)
{
    struct lint_config config = lint_config_of(lint, in);
    autostrv names = STRV_INIT;
    add_defined(in, &names);
    if (!names.count || in->first < 2)
        return;
    autofree char *above = line_text(lint->file, in->first - 1);
    const char *comment = above + (*above == '#');
    comment += strspn(comment, " \t");
    if (*above != '#' || !*comment)
        return;
    autofree char *word = mem_strndup(comment, strcspn(comment, " "));
    if (strv_contains(&names, word))
        return;
    lint_add(lint, &config, LINT_INVALID_DEFINITION_DESCRIPTION, in->at.line,
             "Comment for %s should follow the format: `# %s <description>`",
             in->kind == INSTRUCTION_FROM ? "FROM" : "ARG",
             names.count > 1 ? "<arg_key>" : names.items[0]);
}

/* The words of FROM as written: FROM [--platform=…] IMAGE AS NAME. */
static void check_from(struct lint *lint, const struct instruction *in)
{
    struct lint_config config = lint_config_of(lint, in);
    autostrv words = STRV_INIT;
    autofree char *copy = mem_strdup(in->text);
    for (char *save, *word = strtok_r(copy, " \t", &save); word;
         word = strtok_r(NULL, " \t", &save))
        strv_add(&words, word);
    const char *name = in->stage_name.text;
    if (!name || words.count < 4)
        return;
    const char *as = words.items[words.count - 2], *from = words.items[0];
    if (!is_lower(name))
        lint_add(lint, &config, LINT_STAGE_NAME_CASING, in->at.line,
                 "Stage name '%s' should be lowercase", name);
    if ((is_lower(from) && !is_lower(as)) || (is_upper(from) && !is_upper(as)))
        lint_add(lint, &config, LINT_FROM_AS_CASING, in->at.line,
                 "'%s' and '%s' keywords' casing do not match", as, from);
}

static void check_names(struct lint *lint)
{
    autostrv seen = STRV_INIT;
    for (size_t i = 0; i < lint->file->count; i++) {
        const struct instruction *in = &lint->file->items[i];
        if (in->kind != INSTRUCTION_FROM || !in->stage_name.text)
            continue;
        autofree char *name = str_lower(mem_strdup(in->stage_name.text));
        if (!strcmp(name, "context") || !strcmp(name, "scratch"))
            lint_add(lint, &lint->config, LINT_RESERVED_STAGE_NAME, in->at.line,
                     "Stage name should not use the same name as reserved stage \"%s\"", name);
        if (strv_contains(&seen, name))
            lint_add(lint, &lint->config, LINT_DUPLICATE_STAGE_NAME, in->at.line,
                     "Duplicate stage name \"%s\", stage names should be unique", name);
        strv_add(&seen, name);
    }
}

static int compare(const void *a, const void *b)
{
    const struct lint_warning *x = a, *y = b;
    return x->line != y->line ? (x->line < y->line ? -1 : 1) : (int)x->rule - (int)y->rule;
}

int lint_run(struct lint *lint, struct error *err)
{
    if (lint_config_of_build(lint->file->check, lint->build_args, &lint->config, err))
        return error_at(err, lint->file->name, 1, 0, NULL);
    for (size_t i = 0; i < lint->file->count; i++) {
        const struct instruction *in = &lint->file->items[i];
        struct lint_config config = lint_config_of(lint, in);
        check_continuation(lint, in);
        check_description(lint, in);
        if (in->kind == INSTRUCTION_FROM)
            check_from(lint, in);
        if (in->kind == INSTRUCTION_MAINTAINER)
            lint_add(lint, &config, LINT_MAINTAINER_DEPRECATED, in->at.line,
                     "Maintainer instruction is deprecated in favor of using label");
    }
    check_names(lint);
    check_casing(lint);
    lint_stages(lint);
    if (lint->count)
        qsort(lint->items, lint->count, sizeof *lint->items, compare);
    return 0;
}
