#include "run_script.h"

#include "dockerfile_heredoc.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>

static bool is_heredoc_alone(const struct instruction *in)
{
    struct heredoc doc = {0};
    bool alone = heredoc_parse_word(in->args[0].text, &doc);
    free(doc.name);
    return alone;
}

/* The line, and each body with its end word, as the shell is to read them. */
static char *whole_text(const struct instruction *in)
{
    autostr text = STR_INIT;
    str_add(&text, in->args[0].text);
    for (size_t i = 0; i < in->heredoc_count; i++) {
        const struct heredoc *doc = &in->heredocs[i];
        str_addf(&text, "\n%s%s", doc->raw ? doc->raw : doc->content, doc->name);
    }
    return str_take(&text);
}

const struct heredoc *run_script_resolve(struct instruction *in)
{
    if (in->kind != INSTRUCTION_RUN || !in->heredoc_count || in->json || !in->arg_count)
        return NULL;
    const struct heredoc *first = &in->heredocs[0];
    bool alone = is_heredoc_alone(in);
    bool program = alone && str_starts(first->content, "#!");
    char *command = program ? mem_printf("%s/%s", RUN_SCRIPT_FOLDER, first->name)
                    : alone ? mem_strdup(first->content)
                            : whole_text(in);
    free(in->args[0].text);
    in->args[0].text = command;
    return program ? first : NULL;
}
