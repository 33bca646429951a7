#include "cli.h"

#include "cli_text.h"

#include <ctype.h>
#include <string.h>

/* The code point of the UTF-8 sequence at text; *n becomes its length. The texts are our own, so
 * they are taken to be well formed. */
static unsigned code_point(const char *text, size_t *n)
{
    unsigned char c = (unsigned char)*text;
    *n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    unsigned code = c & (0x7fu >> *n);
    for (size_t i = 1; i < *n; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    return code;
}

/* Text for roff: backslashes, hyphens and what is not ASCII escaped, and no line begins with a
 * control character. */
static void put_text(FILE *out, const char *text, size_t n)
{
    bool line_start = true;
    for (size_t i = 0, length = 1; i < n; i += length) {
        length = 1;
        if (line_start && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", out);
        line_start = text[i] == '\n';
        if ((unsigned char)text[i] >= 0x80)
            fprintf(out, "\\[u%04X]", code_point(text + i, &length));
        else if (text[i] == '\\')
            fputs("\\e", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else
            fputc(text[i], out);
    }
}

static void put(FILE *out, const char *text)
{
    put_text(out, text, strlen(text));
}

static void put_paragraph(const char *paragraph, size_t n, void *context)
{
    FILE *out = context;
    fputs(".PP\n", out);
    put_text(out, paragraph, n);
    fputc('\n', out);
}

static void put_example(const char *command, const char *what, void *context)
{
    FILE *out = context;
    fputs(".TP\n.B ", out);
    put(out, command);
    fputc('\n', out);
    put(out, what);
    fputs(*what ? "\n" : "\\&\n", out);
}

static void put_upper(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc(toupper((unsigned char)*text), out);
}

static void put_synopsis(FILE *out, const struct cli_command *command)
{
    fputs(".PP\n.B ", out);
    autostr name = STR_INIT;
    cli_add_name(&name, command);
    put(out, str_text(&name));
    fputc('\n', out);
    autostr rest = STR_INIT;
    cli_add_operands(&rest, command);
    if (rest.len) {
        put(out, str_text(&rest) + 1);
        fputc('\n', out);
    }
}

static void put_option(FILE *out, const struct cli_option *option)
{
    fputs(".TP\n", out);
    if (option->short_name)
        fprintf(out, "\\fB\\-%c\\fR, ", option->short_name);
    fputs("\\fB\\-\\-", out);
    put(out, option->name);
    fputs("\\fR", out);
    const char *value = cli_value_text(option);
    if (value) {
        fputs(option->type == CLI_WORD ? "[=\\fI" : " \\fI", out);
        put(out, value);
        fputs(option->type == CLI_WORD ? "\\fR]" : "\\fR", out);
    }
    fputc('\n', out);
    put(out, option->help);
    fputs(".\n", out);
}

static void put_command(FILE *out, const struct cli_command *command)
{
    fputs(".SS ", out);
    put(out, command->name);
    fputc('\n', out);
    put(out, command->summary);
    fputs(".\n", out);
    cli_each_paragraph(command->description, put_paragraph, out);
    for (size_t i = 0; i < command->option_count; i++)
        put_option(out, &command->options[i]);
}

static void put_commands(FILE *out, const struct cli_command *const *commands, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (!commands[i]->name)
            continue;
        if (!any)
            fputs(".SH COMMANDS\n", out);
        any = true;
        put_command(out, commands[i]);
    }
}

static void put_examples(FILE *out, const struct cli_command *const *commands, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (!commands[i]->examples)
            continue;
        if (!any)
            fputs(".SH EXAMPLES\n", out);
        any = true;
        cli_each_example(commands[i]->examples, put_example, out);
    }
}

void cli_print_man(const struct cli_command *const *commands, size_t n, const char *version,
                   const char *further_sections, FILE *out)
{
    const struct cli_command *main_job = commands[0];
    fputs(".TH ", out);
    put_upper(out, main_job->program);
    fprintf(out, " 1 \"\" \"%s %s\"\n.SH NAME\n", main_job->program, version);
    put(out, main_job->program);
    fputs(" \\- ", out);
    put(out, main_job->summary);
    fputs("\n.SH SYNOPSIS\n", out);
    for (size_t i = 0; i < n; i++)
        put_synopsis(out, commands[i]);
    fputs(".SH DESCRIPTION\n", out);
    cli_each_paragraph(main_job->description, put_paragraph, out);
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; i < main_job->option_count; i++)
        put_option(out, &main_job->options[i]);
    fputs(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nShow a summary of the options.\n", out);
    put_commands(out, commands, n);
    put_examples(out, commands, n);
    if (further_sections)
        fputs(further_sections, out);
}
