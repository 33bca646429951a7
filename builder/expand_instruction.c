#include "expand_instruction.h"

#include "dockerfile_heredoc.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

bool expand_applies(enum instruction_kind kind)
{
    switch (kind) {
    case INSTRUCTION_ADD:
    case INSTRUCTION_COPY:
    case INSTRUCTION_ENV:
    case INSTRUCTION_EXPOSE:
    case INSTRUCTION_FROM:
    case INSTRUCTION_LABEL:
    case INSTRUCTION_STOPSIGNAL:
    case INSTRUCTION_USER:
    case INSTRUCTION_VOLUME:
    case INSTRUCTION_WORKDIR:
        return true;
    case INSTRUCTION_ARG: /* expand_arg */
    case INSTRUCTION_CMD:
    case INSTRUCTION_ENTRYPOINT:
    case INSTRUCTION_HEALTHCHECK:
    case INSTRUCTION_MAINTAINER:
    case INSTRUCTION_ONBUILD:
    case INSTRUCTION_RUN:
    case INSTRUCTION_SHELL:
    case INSTRUCTION_KINDS:
        break;
    }
    return false;
}

int expand_at(const struct expand *how, const struct dockerfile *file, const struct word *word,
              char **out, struct error *err)
{
    size_t at = 0;
    if (!expand_word(how, word->text, out, &at, err))
        return 0;
    return dockerfile_error_in(file, word->at, at, err);
}

/* Expand *text, which stands at `at`, in place. */
static int expand_here(const struct expand *how, const struct dockerfile *file, char **text,
                       struct position at, struct error *err)
{
    char *expanded;
    if (expand_at(how, file, &(struct word){*text, at}, &expanded, err))
        return -1;
    free(*text);
    *text = expanded;
    return 0;
}

static int expand_flags(const struct expand *how, const struct dockerfile *file,
                        struct instruction *in, struct error *err)
{
    static const char *const names[] = {"chown", "chmod", "checksum", "platform"};
    for (size_t i = 0; i < in->flag_count; i++) {
        struct flag *flag = &in->flags[i];
        for (size_t j = 0; j < COUNT_OF(names); j++) {
            if (strcmp(flag->name, names[j]) == 0 &&
                expand_here(how, file, &flag->value, flag->at, err))
                return -1;
        }
    }
    return 0;
}

/* EXPOSE: each word may become none or several. */
static int expand_split(const struct expand *how, const struct dockerfile *file,
                        struct instruction *in, struct error *err)
{
    struct instruction before = {.args = in->args, .arg_count = in->arg_count};
    in->args = NULL;
    in->arg_count = in->arg_cap = 0;
    int failed = 0;
    for (size_t i = 0; i < before.arg_count && !failed; i++) {
        autostrv words = STRV_INIT;
        size_t at = 0;
        failed = expand_words(how, before.args[i].text, &words, &at, err);
        if (failed)
            dockerfile_error_in(file, before.args[i].at, at, err);
        for (size_t j = 0; j < words.count; j++)
            MEM_PUSH(in->args, in->arg_count, in->arg_cap) =
                (struct word){take(&words.items[j]), before.args[i].at};
    }
    instruction_release(&before);
    return failed;
}

/* A body is text: quotes stay, and the escape is always the backslash. */
static int expand_heredocs(const struct expand *how, const struct dockerfile *file,
                           struct instruction *in, struct error *err)
{
    struct expand body = *how;
    body.escape = '\\';
    body.keep_quotes = true;
    for (size_t i = 0; i < in->heredoc_count; i++) {
        struct heredoc *doc = &in->heredocs[i];
        char *expanded;
        size_t at = 0;
        if (!doc->expand)
            continue;
        if (expand_word(&body, doc->content, &expanded, &at, err)) {
            struct position place = {doc->line, 1};
            for (size_t j = 0; j < at; j++) {
                place.column = doc->content[j] == '\n' ? 1 : place.column + 1;
                place.line += doc->content[j] == '\n';
            }
            return dockerfile_error_at(file, place, err);
        }
        free(doc->content);
        doc->content = expanded;
    }
    return 0;
}

static int expand_args(const struct expand *how, const struct dockerfile *file,
                       struct instruction *in, struct error *err)
{
    if (in->kind == INSTRUCTION_EXPOSE)
        return expand_split(how, file, in, err);
    for (size_t i = 0; i < in->arg_count; i++) {
        struct word *arg = &in->args[i];
        if (!instruction_heredoc(in, arg->text) && expand_here(how, file, &arg->text, arg->at, err))
            return -1;
    }
    return expand_heredocs(how, file, in, err);
}

static int expand_pairs(const struct expand *how, const struct dockerfile *file,
                        struct instruction *in, struct error *err)
{
    for (size_t i = 0; i < in->pair_count; i++) {
        struct pair *pair = &in->pairs[i];
        if (expand_here(how, file, &pair->key.text, pair->key.at, err) ||
            expand_here(how, file, &pair->value.text, pair->value.at, err))
            return -1;
    }
    return 0;
}

int expand_instruction(const struct expand *how, const struct dockerfile *file,
                       const struct instruction *in, struct instruction *out, struct error *err)
{
    struct instruction copy;
    instruction_copy(&copy, in);
    if (expand_applies(in->kind) &&
        (expand_flags(how, file, &copy, err) || expand_args(how, file, &copy, err) ||
         expand_pairs(how, file, &copy, err))) {
        instruction_release(&copy);
        return -1;
    }
    *out = copy;
    return 0;
}

int expand_arg(struct scope *scope, const struct dockerfile *file, const struct instruction *in,
               struct strv *words, struct error *err)
{
    const struct expand how = {.lookup = scope_lookup, .context = scope, .escape = file->escape};
    for (size_t i = 0; i < in->pair_count; i++) {
        const struct pair *pair = &in->pairs[i];
        autofree char *value = NULL;
        if (pair->value.text && scope_arg_wants_default(scope, pair->key.text) &&
            expand_at(&how, file, &pair->value, &value, err))
            return -1;
        const char *taken = scope_arg(scope, pair->key.text, value);
        if (words && taken)
            strv_addf(words, "%s=%s", pair->key.text, taken);
        else if (words)
            strv_add(words, pair->key.text);
    }
    return 0;
}
