/* Command lines from tables: the same table parses, makes --help, shell completion and the man
 * page, so nothing is written thrice. GNU conventions: --name VALUE, --name=VALUE, -n VALUE,
 * -nVALUE, bundled short switches, "--" ends options, options and operands mix. */
#ifndef BASE_CLI_H
#define BASE_CLI_H

#include "error.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cli_type {
    CLI_SWITCH,  /* bool *: --name, and --name=false for the contrary */
    CLI_STRING,  /* char **: the last one wins; freed and replaced */
    CLI_STRINGS, /* struct strv *: repeatable */
    CLI_WORD,    /* char **: --name alone is "", and --name=VALUE; takes no further argument */
    CLI_NUMBER,  /* long long *: 0 or more, decimal */
};

struct cli_option {
    const char *name; /* without dashes */
    char short_name;  /* or 0 */
    enum cli_type type;
    size_t offset;      /* of the value in the struct that holds the parsed values */
    const char *value;  /* what the value is called in the help, as "REF"; NULL for switches */
    const char *values; /* where only some words are allowed: "auto|plain|tty"; else NULL */
    const char *help;   /* one sentence without a full stop */
};

struct cli_command {
    const char *program;     /* "imgbuild" */
    const char *name;        /* "push"; NULL for the main job, or a program without commands */
    const char *operands;    /* "[NAME | -f Dockerfile CONTEXT]", for the usage line */
    const char *summary;     /* one line */
    const char *description; /* paragraphs for man page and help, separated by blank lines */
    const char
        *examples; /* lines, "command<TAB>what it does", separated by newlines; may be NULL */
    const struct cli_option *options;
    size_t option_count;
    size_t operands_min, operands_max; /* SIZE_MAX: any number */
    int (*run)(const struct cli_command *self, int argc, char **argv, struct error *err);
};

/* Parse argv (argv[0] is skipped) into values (the struct the offsets are in) and operands. --help
 * is not handled here: see cli_wants_help. ERROR_USAGE names the option and, for an unknown one,
 * the nearest known one. */
int cli_parse(const struct cli_command *command, int argc, char **argv, void *values,
              struct strv *operands, struct error *err);
/* Frees the strings and vectors that cli_parse put into values. */
void cli_release(const struct cli_command *command, void *values);
/* True where --help or -h stands before any "--". */
bool cli_wants_help(int argc, char **argv);

/* commands: all of a program's, the main job first. */
void cli_print_help(const struct cli_command *command, const struct cli_command *const *commands,
                    size_t n, FILE *out);
/* A man page in man(7) for the whole program. files_and_environment: further sections, in man(7).
 */
void cli_print_man(const struct cli_command *const *commands, size_t n, const char *version,
                   const char *further_sections, FILE *out);
/* Completion for bash, zsh or fish; ERROR_USAGE for another shell. */
int cli_print_completion(const char *shell, const struct cli_command *const *commands, size_t n,
                         FILE *out, struct error *err);
/* The nearest of n words within a small edit distance, NULL where none is near. */
const char *cli_nearest(const char *word, const char *const *words, size_t n);

#endif
