#include "cli.h"

#include "cli_text.h"

#include <string.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 79 };

/* Characters, not bytes: the texts are UTF-8. */
static size_t width_of(const char *text, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* Fill words into lines from a column on that has been reached already; ends the line. */
static void fill(FILE *out, const char *text, size_t n, size_t indent)
{
    size_t column = indent;
    for (const char *end = text + n; text < end;) {
        size_t gap = strspn(text, " \n\t");
        text += gap < (size_t)(end - text) ? gap : (size_t)(end - text);
        size_t word = strcspn(text, " \n\t");
        if (word > (size_t)(end - text))
            word = (size_t)(end - text);
        size_t width = width_of(text, word);
        if (!word)
            break;
        if (column > indent && column + 1 + width > HELP_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)word, text);
        column += width;
        text += word;
    }
    fputc('\n', out);
}

/* A term, and what it means beside it, or below it where the term is long. */
static void print_entry(FILE *out, const char *term, const char *meaning)
{
    size_t width = width_of(term, strlen(term));
    if (width + 2 > HELP_COLUMN)
        fprintf(out, "%s\n%*s", term, HELP_COLUMN, "");
    else
        fprintf(out, "%s%*s", term, (int)(HELP_COLUMN - width), "");
    fill(out, meaning, strlen(meaning), HELP_COLUMN);
}

static void print_option(FILE *out, const struct cli_option *option)
{
    autostr term = STR_INIT;
    if (option->short_name)
        str_addf(&term, "  -%c, ", option->short_name);
    else
        str_add(&term, "      ");
    str_addf(&term, "--%s", option->name);
    const char *value = cli_value_text(option);
    if (value)
        str_addf(&term, option->type == CLI_WORD ? "[=%s]" : " %s", value);
    print_entry(out, str_text(&term), option->help);
}

static void print_paragraph(const char *paragraph, size_t n, void *context)
{
    FILE *out = context;
    fputc('\n', out);
    fill(out, paragraph, n, 0);
}

static void print_example(const char *command, const char *what, void *context)
{
    FILE *out = context;
    fprintf(out, "  %s\n", command);
    if (*what) {
        fprintf(out, "      ");
        fill(out, what, strlen(what), 6);
    }
}

static void print_commands(FILE *out, const struct cli_command *const *commands, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (!commands[i]->name)
            continue;
        if (!any)
            fputs("\nCommands:\n", out);
        any = true;
        autofree char *term = mem_printf("  %s", commands[i]->name);
        print_entry(out, term, commands[i]->summary);
    }
    if (any)
        fprintf(out, "\n“%s COMMAND --help” tells more about a command.\n", commands[0]->program);
}

void cli_print_help(const struct cli_command *command, const struct cli_command *const *commands,
                    size_t n, FILE *out)
{
    autostr usage = STR_INIT;
    cli_add_name(&usage, command);
    cli_add_operands(&usage, command);
    fprintf(out, "Usage: %s\n", str_text(&usage));
    if (!command->name && n > 1)
        fprintf(out, "       %s COMMAND …\n", command->program);
    fprintf(out, "\n%s\n", command->summary);
    cli_each_paragraph(command->description, print_paragraph, out);
    fputs("\nOptions:\n", out);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(out, &command->options[i]);
    print_entry(out, "  -h, --help", "Show this help");
    if (!command->name)
        print_commands(out, commands, n);
    if (command->examples) {
        fputs("\nExamples:\n", out);
        cli_each_example(command->examples, print_example, out);
    }
}
