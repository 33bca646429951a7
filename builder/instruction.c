#include "instruction.h"

#include "dockerfile_heredoc.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

const char *instruction_name(enum instruction_kind kind)
{
    static const char *const names[INSTRUCTION_KINDS] = {
        [INSTRUCTION_ADD] = "ADD",
        [INSTRUCTION_ARG] = "ARG",
        [INSTRUCTION_CMD] = "CMD",
        [INSTRUCTION_COPY] = "COPY",
        [INSTRUCTION_ENTRYPOINT] = "ENTRYPOINT",
        [INSTRUCTION_ENV] = "ENV",
        [INSTRUCTION_EXPOSE] = "EXPOSE",
        [INSTRUCTION_FROM] = "FROM",
        [INSTRUCTION_HEALTHCHECK] = "HEALTHCHECK",
        [INSTRUCTION_LABEL] = "LABEL",
        [INSTRUCTION_MAINTAINER] = "MAINTAINER",
        [INSTRUCTION_ONBUILD] = "ONBUILD",
        [INSTRUCTION_RUN] = "RUN",
        [INSTRUCTION_SHELL] = "SHELL",
        [INSTRUCTION_STOPSIGNAL] = "STOPSIGNAL",
        [INSTRUCTION_USER] = "USER",
        [INSTRUCTION_VOLUME] = "VOLUME",
        [INSTRUCTION_WORKDIR] = "WORKDIR",
    };
    return names[kind];
}

const struct flag *instruction_flag(const struct instruction *in, const char *name)
{
    for (size_t i = in->flag_count; i-- > 0;) {
        if (strcmp(in->flags[i].name, name) == 0)
            return &in->flags[i];
    }
    return NULL;
}

bool instruction_switch(const struct instruction *in, const char *name)
{
    const struct flag *flag = instruction_flag(in, name);
    return flag && strcmp(flag->value, "true") == 0;
}

const struct heredoc *instruction_heredoc(const struct instruction *in, const char *arg)
{
    struct heredoc parsed = {0};
    const struct heredoc *found = NULL;
    if (in->heredoc_count && heredoc_parse_word(arg, &parsed)) {
        for (size_t i = 0; i < in->heredoc_count; i++) {
            if (strcmp(in->heredocs[i].name, parsed.name) == 0)
                found = &in->heredocs[i];
        }
    }
    free(parsed.name);
    return found;
}

static struct word word_copy(const struct word *from)
{
    return (struct word){.text = mem_strdup_null(from->text), .at = from->at};
}

void instruction_copy(struct instruction *to, const struct instruction *from)
{
    *to = (struct instruction){
        .kind = from->kind,
        .at = from->at,
        .first = from->first,
        .last = from->last,
        .text = mem_strdup_null(from->text),
        .json = from->json,
        .none = from->none,
        .stage_name = word_copy(&from->stage_name),
        .check = mem_strdup_null(from->check),
    };
    for (size_t i = 0; i < from->flag_count; i++)
        MEM_PUSH(to->flags, to->flag_count, to->flag_cap) =
            (struct flag){.name = mem_strdup(from->flags[i].name),
                          .value = mem_strdup(from->flags[i].value),
                          .at = from->flags[i].at};
    for (size_t i = 0; i < from->arg_count; i++)
        MEM_PUSH(to->args, to->arg_count, to->arg_cap) = word_copy(&from->args[i]);
    for (size_t i = 0; i < from->pair_count; i++)
        MEM_PUSH(to->pairs, to->pair_count, to->pair_cap) =
            (struct pair){.key = word_copy(&from->pairs[i].key),
                          .value = word_copy(&from->pairs[i].value),
                          .legacy = from->pairs[i].legacy};
    for (size_t i = 0; i < from->heredoc_count; i++) {
        struct heredoc copy = from->heredocs[i];
        copy.name = mem_strdup(copy.name);
        copy.content = mem_strdup(copy.content);
        copy.raw = mem_strdup_null(copy.raw);
        MEM_PUSH(to->heredocs, to->heredoc_count, to->heredoc_cap) = copy;
    }
    if (from->inner) {
        to->inner = mem_alloc(sizeof *to->inner);
        instruction_copy(to->inner, from->inner);
    }
}

void instruction_release(struct instruction *in)
{
    for (size_t i = 0; i < in->flag_count; i++) {
        free(in->flags[i].name);
        free(in->flags[i].value);
    }
    for (size_t i = 0; i < in->arg_count; i++)
        free(in->args[i].text);
    for (size_t i = 0; i < in->pair_count; i++) {
        free(in->pairs[i].key.text);
        free(in->pairs[i].value.text);
    }
    for (size_t i = 0; i < in->heredoc_count; i++) {
        free(in->heredocs[i].name);
        free(in->heredocs[i].content);
        free(in->heredocs[i].raw);
    }
    if (in->inner)
        instruction_release(in->inner);
    free(in->inner);
    free(in->flags);
    free(in->args);
    free(in->pairs);
    free(in->heredocs);
    free(in->stage_name.text);
    free(in->check);
    free(in->text);
    *in = (struct instruction){0};
}
