/* Heredocs: which words of a line begin one, and the bodies after the line. */
#ifndef BUILDER_DOCKERFILE_HEREDOC_H
#define BUILDER_DOCKERFILE_HEREDOC_H

#include "instruction.h"
#include "lexer.h"

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>

/* Is the word a heredoc's, such as "3<<-'EOF'"? Then its name (the caller frees it), fd, chomp and
 * expand are set in *out. */
bool heredoc_parse_word(const char *word, struct heredoc *out);

/* Read the bodies of all heredocs that the line begins and add them to in. *raw (may be NULL) gets
 * their lines as an ONBUILD entry keeps them: newline, body, end word, for each. ERROR_INPUT with
 * its place: a heredoc without end. */
int heredocs_read(struct lexer *lexer, const struct lexer_line *line, struct instruction *in,
                  struct str *raw, struct error *err);

#endif
