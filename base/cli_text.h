/* How options and commands are written out: shared by help, man page and completion. */
#ifndef BASE_CLI_TEXT_H
#define BASE_CLI_TEXT_H

#include "cli.h"

/* The program's own name and the command's, as "imgbuild push". */
void cli_add_name(struct str *out, const struct cli_command *command);
/* "[OPTIONS] NAME": what follows the name in a usage line, with a leading blank where there is
 * anything. */
void cli_add_operands(struct str *out, const struct cli_command *command);
/* "auto|plain|tty" where only some words are allowed, else the value's name; NULL for a switch. */
const char *cli_value_text(const struct cli_option *option);
/* Call visit with every paragraph (texts separated by blank lines), its newlines as they are. */
void cli_each_paragraph(const char *text,
                        void (*visit)(const char *paragraph, size_t n, void *context),
                        void *context);
/* Call visit with every example's command and explanation ("" where it has none). */
void cli_each_example(const char *examples,
                      void (*visit)(const char *command, const char *what, void *context),
                      void *context);

#endif
