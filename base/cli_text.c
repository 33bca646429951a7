#include "cli_text.h"

#include <string.h>

void cli_add_name(struct str *out, const struct cli_command *command)
{
    str_add(out, command->program);
    if (command->name)
        str_addf(out, " %s", command->name);
}

void cli_add_operands(struct str *out, const struct cli_command *command)
{
    if (command->option_count)
        str_add(out, " [OPTIONS]");
    if (command->operands && *command->operands)
        str_addf(out, " %s", command->operands);
}

const char *cli_value_text(const struct cli_option *option)
{
    if (option->type == CLI_SWITCH)
        return NULL;
    if (option->values)
        return option->values;
    return option->value ? option->value : "VALUE";
}

void cli_each_paragraph(const char *text,
                        void (*visit)(const char *paragraph, size_t n, void *context),
                        void *context)
{
    while (text && *text) {
        text += strspn(text, "\n");
        const char *end = strstr(text, "\n\n");
        size_t n = end ? (size_t)(end - text) : strlen(text);
        while (n && text[n - 1] == '\n')
            n--;
        if (n)
            visit(text, n, context);
        text = end;
    }
}

void cli_each_example(const char *examples,
                      void (*visit)(const char *command, const char *what, void *context),
                      void *context)
{
    if (!examples)
        return;
    autostrv lines = STRV_INIT;
    strv_split(&lines, examples, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        char *tab = strchr(lines.items[i], '\t');
        if (tab)
            *tab = '\0';
        if (*lines.items[i])
            visit(lines.items[i], tab ? tab + 1 : "", context);
    }
}
