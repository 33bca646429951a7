#include "cli.h"

#include "cli_text.h"

#include <ctype.h>
#include <string.h>

struct shell {
    const char *name;
    void (*print)(const struct cli_command *const *commands, size_t n, FILE *out);
};

static const char *program_of(const struct cli_command *const *commands)
{
    return commands[0]->program;
}

/* Commands name their values in capitals; those that are files or directories complete as such. */
static bool is_path(const struct cli_option *option)
{
    static const char *const paths[] = {"FILE", "DIR", "PATH", "CONTEXT"};
    for (size_t i = 0; option->value && i < COUNT_OF(paths); i++)
        if (str_ends(option->value, paths[i]))
            return true;
    return false;
}

/* "a|b|c" with another separator. */
static void put_words(FILE *out, const char *values, char separator)
{
    for (; *values; values++)
        fputc(*values == '|' ? separator : *values, out);
}

static void bash_names(const struct cli_command *command, FILE *out)
{
    fputs("--help", out);
    for (size_t i = 0; i < command->option_count; i++)
        fprintf(out, " --%s", command->options[i].name);
}

static void bash_value(const struct cli_option *option, FILE *out)
{
    fprintf(out, "            --%s", option->name);
    if (option->short_name)
        fprintf(out, "|-%c", option->short_name);
    fputs(") ", out);
    if (option->values) {
        fputs("COMPREPLY=($(compgen -W '", out);
        put_words(out, option->values, ' ');
        fputs("' -- \"$word\")); ", out);
    } else if (is_path(option)) {
        fputs("COMPREPLY=($(compgen -f -- \"$word\")); ", out);
    }
    fputs("return ;;\n", out);
}

static void bash_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "    %s)\n        case $before in\n", command->name ? command->name : "''");
    for (size_t i = 0; i < command->option_count; i++)
        if (command->options[i].type != CLI_SWITCH && command->options[i].type != CLI_WORD)
            bash_value(&command->options[i], out);
    fputs("        esac\n        options='", out);
    bash_names(command, out);
    fputs("' ;;\n", out);
}

static void bash_command_words(const struct cli_command *const *commands, size_t n, char separator,
                               FILE *out)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (!commands[i]->name)
            continue;
        if (any)
            fputc(separator, out);
        any = true;
        fputs(commands[i]->name, out);
    }
}

static void print_bash(const struct cli_command *const *commands, size_t n, FILE *out)
{
    const char *program = program_of(commands);
    fprintf(out,
            "# bash completion for %s\n"
            "_%s()\n{\n"
            "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
            "    local command='' options='' commands='",
            program, program);
    bash_command_words(commands, n, ' ', out);
    fputs("'\n"
          "    if [ \"$COMP_CWORD\" -gt 1 ] && [[ \" $commands \" == *\" ${COMP_WORDS[1]} \"* ]]; "
          "then\n"
          "        command=${COMP_WORDS[1]}\n"
          "    fi\n"
          "    case $command in\n",
          out);
    for (size_t i = 0; i < n; i++)
        bash_command(commands[i], out);
    fprintf(out,
            "    esac\n"
            "    if [[ $word == -* ]]; then\n"
            "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
            "    elif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
            "        COMPREPLY=($(compgen -W \"$commands\" -- \"$word\") $(compgen -f -- "
            "\"$word\"))\n"
            "    else\n"
            "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
            "    fi\n"
            "}\n"
            "complete -o filenames -F _%s %s\n",
            program, program);
}

/* Inside single quotes of a shell; also without what _arguments reads as its own signs. */
static void put_zsh(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void zsh_spec(const struct cli_option *option, const char *name, FILE *out)
{
    fprintf(out, " \\\n            '%s%s%s[", option->type == CLI_STRINGS ? "*" : "", name,
            option->type == CLI_SWITCH || option->type == CLI_WORD ? ""
            : str_starts(name, "--")                               ? "="
                                                                   : "+");
    put_zsh(out, option->help);
    fputc(']', out);
    if (option->type != CLI_SWITCH && option->type != CLI_WORD) {
        fputc(':', out);
        put_zsh(out, option->value ? option->value : "value");
        fputc(':', out);
        if (option->values) {
            fputc('(', out);
            put_words(out, option->values, ' ');
            fputc(')', out);
        } else if (is_path(option)) {
            fputs("_files", out);
        }
    }
    fputc('\'', out);
}

static void zsh_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "    %s)\n        _arguments -s '(-h --help)'{-h,--help}'[Show this help]'",
            command->name ? command->name : "''");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct cli_option *option = &command->options[i];
        autofree char *name = mem_printf("--%s", option->name);
        zsh_spec(option, name, out);
        if (option->short_name) {
            char letter[] = {'-', option->short_name, '\0'};
            zsh_spec(option, letter, out);
        }
    }
    fputs(" \\\n            '*:operand:_files' ;;\n", out);
}

static void print_zsh(const struct cli_command *const *commands, size_t n, FILE *out)
{
    const char *program = program_of(commands);
    fprintf(out,
            "#compdef %s\n"
            "_%s()\n{\n"
            "    local command=''\n"
            "    local -a commands\n"
            "    commands=(\n",
            program, program);
    for (size_t i = 0; i < n; i++) {
        if (!commands[i]->name)
            continue;
        fprintf(out, "        '%s:", commands[i]->name);
        put_zsh(out, commands[i]->summary);
        fputs("'\n", out);
    }
    fputs("    )\n"
          "    if (( CURRENT == 2 )) && [[ $words[2] != -* ]] && (( $#commands )); then\n"
          "        _describe command commands\n"
          "    fi\n"
          "    if (( CURRENT > 2 )) && (( ${commands[(I)${words[2]}:*]} )); then\n"
          "        command=$words[2]\n"
          "        shift words\n"
          "        (( CURRENT-- ))\n"
          "    fi\n"
          "    case $command in\n",
          out);
    for (size_t i = 0; i < n; i++)
        zsh_command(commands[i], out);
    /* As a file of $fpath it is the body of the function at its first call; else it is sourced. */
    fprintf(out,
            "    esac\n}\n"
            "if [[ $funcstack[1] == _%s ]]; then\n    _%s \"$@\"\nelse\n    compdef _%s %s\nfi\n",
            program, program, program, program);
}

/* Inside single quotes of fish. */
static void put_fish(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void fish_option(const char *program, const char *condition, const struct cli_option *option,
                        FILE *out)
{
    fprintf(out, "complete -c %s -n '%s' -l %s", program, condition, option->name);
    if (option->short_name)
        fprintf(out, " -s %c", option->short_name);
    if (option->values && option->type != CLI_WORD) {
        fputs(" -x -a '", out);
        put_words(out, option->values, ' ');
        fputc('\'', out);
    } else if (option->type != CLI_SWITCH && option->type != CLI_WORD) {
        fputs(is_path(option) ? " -r -F" : " -x", out);
    }
    fputs(" -d ", out);
    put_fish(out, option->help);
    fputc('\n', out);
}

static void print_fish(const struct cli_command *const *commands, size_t n, FILE *out)
{
    const char *program = program_of(commands);
    autostr names = STR_INIT;
    for (size_t i = 0; i < n; i++)
        if (commands[i]->name)
            str_addf(&names, " %s", commands[i]->name);
    fprintf(out, "# fish completion for %s\n", program);
    for (size_t i = 0; i < n; i++) {
        const struct cli_command *command = commands[i];
        autofree char *condition =
            command->name ? mem_printf("__fish_seen_subcommand_from %s", command->name)
            : names.len   ? mem_printf("not __fish_seen_subcommand_from%s", str_text(&names))
                          : mem_strdup("true");
        if (command->name) {
            fprintf(out, "complete -c %s -n __fish_is_first_arg -a %s -d ", program, command->name);
            put_fish(out, command->summary);
            fputc('\n', out);
        }
        fprintf(out, "complete -c %s -n '%s' -l help -s h -d 'Show this help'\n", program,
                condition);
        for (size_t j = 0; j < command->option_count; j++)
            fish_option(program, condition, &command->options[j], out);
    }
}

int cli_print_completion(const char *shell, const struct cli_command *const *commands, size_t n,
                         FILE *out, struct error *err)
{
    static const struct shell shells[] = {
        {"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < COUNT_OF(shells); i++)
        if (!strcmp(shells[i].name, shell)) {
            shells[i].print(commands, n, out);
            return 0;
        }
    return error_set(err, ERROR_USAGE,
                     "there is no completion for “%s”, only for bash, zsh and fish", shell);
}
