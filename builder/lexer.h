/* A Dockerfile's bytes as logical lines: comments and blank lines dropped, continued lines joined,
 * every byte still knowing the place it came from. */
#ifndef BUILDER_LEXER_H
#define BUILDER_LEXER_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

/* The most bytes a Dockerfile may have. */
#define LEXER_MAX ((size_t)4 << 20)

/* A place in the file, both 1-based; column counts bytes. line 0: nowhere. */
struct position {
    unsigned line;
    unsigned column;
};

/* Part of a logical line that stands in one physical line, from its byte `offset` on. */
struct lexer_piece {
    size_t offset;
    struct position at;
};

/* A logical line. text has no newline, no continuation mark, and no blanks at its ends. */
struct lexer_line {
    struct str text;
    struct lexer_piece *pieces; /* by rising offset */
    size_t count;
    size_t cap;
    unsigned first; /* physical lines it spans */
    unsigned last;
    char *check; /* value of the last "# check=…" comment above it, or NULL */
};

/* Reads one file. bytes and name stay the caller's and must outlive the lexer. */
struct lexer {
    const char *bytes;
    size_t n;
    const char *name;
    size_t at;     /* offset of the next physical line */
    unsigned line; /* its number, 1-based */
    char escape;   /* '\\' or '`' */
    bool shebang;  /* there is a line before the directives: escape is none then, as in BuildKit */
    char *syntax;  /* values of the parser directives, or NULL; owned */
    char *check;
};

/* Start reading: skips a BOM and a #! line and takes the parser directives. ERROR_INPUT, with its
 * place, for NUL bytes, more than LEXER_MAX bytes, a directive given twice or an unknown escape;
 * the lexer is to be released all the same. */
int lexer_init(struct lexer *lexer, const char *bytes, size_t n, const char *name,
               struct error *err);
void lexer_release(struct lexer *lexer);

/* The next logical line into *line, whose former content is released. False: the file has ended. */
bool lexer_next(struct lexer *lexer, struct lexer_line *line);

/* The next physical line as it stands, newline included, for a heredoc's body: *text points into
 * the lexer's bytes. False at the end of the file. */
bool lexer_raw(struct lexer *lexer, const char **text, size_t *n);

/* Free what the line holds and make it empty. */
void lexer_line_release(struct lexer_line *line);
/* Where byte offset of the logical line stands in the file. */
struct position lexer_line_position(const struct lexer_line *line, size_t offset);

/* Put the place, and its line's text out of bytes, into *err. Returns -1. */
int lexer_error_at(const char *bytes, size_t n, const char *name, struct position at,
                   struct error *err);

#endif
