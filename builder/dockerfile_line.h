/* A logical line taken apart: words at blanks, words with quotes, JSON arrays. */
#ifndef BUILDER_DOCKERFILE_LINE_H
#define BUILDER_DOCKERFILE_LINE_H

#include "instruction.h"
#include "lexer.h"

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>

/* What is left to read of one instruction's line. */
struct cursor {
    const struct lexer *lexer;
    const struct lexer_line *line;
    size_t at; /* offset in the line's text */
};

/* The text that is left, to the line's end; owned by the line. */
const char *cursor_text(const struct cursor *c);
struct position cursor_position(const struct cursor *c, size_t offset);
bool cursor_skip_blanks(struct cursor *c); /* false at the end */
/* The next word up to a blank; NULL at the end. The caller frees its text. */
bool cursor_word(struct cursor *c, struct word *word);
/* Give err the place of byte offset of the line. Returns -1. */
int cursor_error_at(const struct cursor *c, size_t offset, struct error *err);

/* The rest, as one argument. */
void cursor_take_rest(struct cursor *c, struct instruction *in);
/* The rest as arguments parted by blanks; quotes mean nothing. */
void cursor_take_words(struct cursor *c, struct instruction *in);
/* The rest as a JSON array of strings. 1: it is none, so the shell form is meant; in is then
 * untouched. -1 ERROR_INPUT: an array that holds other things than strings. */
int cursor_take_json(struct cursor *c, struct instruction *in, struct error *err);

/* A word in which quotes and escapes hide blanks; both stay in. */
struct span {
    size_t from, to; /* offsets in the line */
    char *text;      /* the caller frees it */
};
/* The next of those; false at the end. */
bool cursor_span(struct cursor *c, struct span *span);

#endif
