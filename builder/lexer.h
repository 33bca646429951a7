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
    unsigned first; /* physical lines it spans; a heredoc read after it makes last larger */
    unsigned last;
    char *check; /* text of a "# check=…" comment right above it, or NULL */
};

/* Reads one file. bytes and name stay the caller's and must outlive the lexer. */
struct lexer {
    const char *bytes;
    size_t n;
    const char *name;
    size_t at;     /* offset of the next physical line */
    unsigned line; /* its number, 1-based */
    char escape;   /* '\\' or '`' */
    /* Values of the parser directives, or NULL; owned. */
    char *syntax;
    char *check;
};

/* Start reading: skips a BOM and a #! line and takes the parser directives. ERROR_INPUT, with its
 * place, for NUL bytes, more than LEXER_MAX bytes, a directive given twice or an unknown escape. */
int lexer_init(struct lexer *lexer, const char *bytes, size_t n, const char *name,
               struct error *err);
void lexer_release(struct lexer *lexer);

/* The next logical line into *line (which the caller has zeroed and releases, whatever came).
 * 1: got one; 0: the file has ended. It cannot fail. */
int lexer_next(struct lexer *lexer, struct lexer_line *line);

/* The next physical line as it stands, for a heredoc's body: *text points into the lexer's bytes,
 * without the newline or a CR before it. False at the end of the file. */
bool lexer_raw(struct lexer *lexer, const char **text, size_t *n);

void lexer_line_release(struct lexer_line *line);
/* Where byte offset of the logical line stands in the file. */
struct position lexer_line_position(const struct lexer_line *line, size_t offset);

/* Put the place and its line's text into *err. Returns -1. */
int lexer_error_at(const char *bytes, size_t n, const char *name, struct position at,
                   struct error *err);

#endif
