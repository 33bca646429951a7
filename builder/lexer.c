#include "lexer.h"

#include <base/mem.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A physical line: bytes without the newline, and the CRs before it. */
struct physical {
    const char *text;
    size_t n;
    unsigned line;
};

static bool is_blank(char c)
{
    return c && strchr(" \t\n\v\f\r", c) != NULL;
}

static size_t bom_size(const char *bytes, size_t n)
{
    return n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static size_t blanks(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && is_blank(text[i]))
        i++;
    return i;
}

bool lexer_raw(struct lexer *lexer, const char **text, size_t *n)
{
    if (lexer->at >= lexer->n)
        return false;
    const char *start = lexer->bytes + lexer->at;
    const char *newline = memchr(start, '\n', lexer->n - lexer->at);
    *text = start;
    *n = newline ? (size_t)(newline - start) + 1 : lexer->n - lexer->at;
    lexer->at += *n;
    lexer->line++;
    return true;
}

static bool next_physical(struct lexer *lexer, struct physical *line)
{
    line->line = lexer->line;
    if (!lexer_raw(lexer, &line->text, &line->n))
        return false;
    while (line->n && strchr("\r\n", line->text[line->n - 1]))
        line->n--;
    return true;
}

/* Is the line "# name = value"? Both parts point into it. */
static bool split_directive(const struct physical *line, const char **name, size_t *name_n,
                            const char **value, size_t *value_n)
{
    const char *p = line->text, *end = line->text + line->n;
    p += blanks(p, (size_t)(end - p));
    if (p == end || *p++ != '#')
        return false;
    p += blanks(p, (size_t)(end - p));
    *name = p;
    while (p < end && isalnum((unsigned char)*p))
        p++;
    *name_n = (size_t)(p - *name);
    p += blanks(p, (size_t)(end - p));
    if (!*name_n || isdigit((unsigned char)**name) || p == end || *p++ != '=')
        return false;
    p += blanks(p, (size_t)(end - p));
    while (end > p && is_blank(end[-1]))
        end--;
    *value = p;
    *value_n = (size_t)(end - p);
    return *value_n > 0;
}

static bool name_is(const char *name, size_t n, const char *want)
{
    return n == strlen(want) && strncasecmp(name, want, n) == 0;
}

static int refuse_at(const struct lexer *lexer, const struct physical *line, const char *at,
                     struct error *err)
{
    struct position position = {line->line, (unsigned)(at - line->text) + 1};
    return lexer_error_at(lexer->bytes, lexer->n, lexer->name, position, err);
}

/* Take the directive on this line. 1: there is none, and none may follow. */
static int take_directive(struct lexer *lexer, const struct physical *line, bool *escape_seen,
                          struct error *err)
{
    const char *name, *value;
    size_t name_n, value_n;
    if (!split_directive(line, &name, &name_n, &value, &value_n))
        return 1;
    bool seen = false;
    if (name_is(name, name_n, "escape") && lexer->shebang) {
        /* A comment to the parser, which takes "#!" for one too. */
    } else if (name_is(name, name_n, "escape")) {
        seen = *escape_seen;
        *escape_seen = true;
        if (!seen && (value_n != 1 || !strchr("\\`", *value))) {
            error_set(err, ERROR_INPUT, "invalid escape character \"%.*s\"", (int)value_n, value);
            error_hint(err, "it can be \\ or `");
            return refuse_at(lexer, line, value, err);
        }
        lexer->escape = *value;
    } else if (name_is(name, name_n, "syntax") || name_is(name, name_n, "check")) {
        char **slot = name_is(name, name_n, "check") ? &lexer->check : &lexer->syntax;
        seen = *slot != NULL;
        if (!seen)
            *slot = mem_strndup(value, value_n);
    } else {
        return 1;
    }
    if (!seen)
        return 0;
    error_set(err, ERROR_INPUT, "the parser directive \"%.*s\" is given twice", (int)name_n, name);
    return refuse_at(lexer, line, name, err);
}

static int check_bytes(const struct lexer *lexer, struct error *err)
{
    if (lexer->n > LEXER_MAX) {
        error_set(err, ERROR_INPUT, "the file is larger than %zu MiB", LEXER_MAX >> 20);
        return error_at(err, lexer->name, 0, 0, NULL);
    }
    const char *nul = lexer->n ? memchr(lexer->bytes, '\0', lexer->n) : NULL;
    if (!nul)
        return 0;
    struct position at = {1, 1};
    for (const char *p = lexer->bytes + bom_size(lexer->bytes, lexer->n); p < nul; p++) {
        at.column = *p == '\n' ? 1 : at.column + 1;
        at.line += *p == '\n';
    }
    error_set(err, ERROR_INPUT, "the file holds a NUL byte");
    error_hint(err, "a Dockerfile is UTF-8 text; is this another file, or UTF-16?");
    return lexer_error_at(lexer->bytes, lexer->n, lexer->name, at, err);
}

int lexer_init(struct lexer *lexer, const char *bytes, size_t n, const char *name,
               struct error *err)
{
    *lexer = (struct lexer){.bytes = bytes, .n = n, .name = name, .line = 1, .escape = '\\'};
    if (check_bytes(lexer, err))
        return -1;
    lexer->at = bom_size(bytes, n);
    struct physical line;
    lexer->shebang = n - lexer->at >= 2 && memcmp(bytes + lexer->at, "#!", 2) == 0;
    if (lexer->shebang)
        next_physical(lexer, &line);
    bool escape_seen = false;
    for (;;) {
        struct lexer before = *lexer;
        if (!next_physical(lexer, &line))
            return 0;
        int rc = take_directive(lexer, &line, &escape_seen, err);
        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        lexer->at = before.at;
        lexer->line = before.line;
        return 0;
    }
}

void lexer_release(struct lexer *lexer)
{
    free(lexer->syntax);
    free(lexer->check);
    *lexer = (struct lexer){0};
}

void lexer_line_release(struct lexer_line *line)
{
    str_release(&line->text);
    free(line->pieces);
    free(line->check);
    *line = (struct lexer_line){0};
}

/* Does the line end in a continuation mark? Then *n becomes its length without mark and blanks
 * after it. An escaped mark (two in a row) is none. */
static bool cut_continuation(const struct lexer *lexer, const struct physical *line, size_t from,
                             size_t *n)
{
    size_t end = line->n;
    while (end > from && strchr(" \t", line->text[end - 1]))
        end--;
    if (end == from || line->text[end - 1] != lexer->escape)
        return false;
    if (end - 1 > from && line->text[end - 2] == lexer->escape)
        return false;
    *n = end - 1;
    return true;
}

/* Append a physical line from byte `from` on. True where the next one belongs to it too. */
static bool append(const struct lexer *lexer, struct lexer_line *line, const struct physical *add,
                   size_t from)
{
    size_t n = add->n;
    bool more = cut_continuation(lexer, add, from, &n);
    if (n > from) {
        MEM_PUSH(line->pieces, line->count, line->cap) =
            (struct lexer_piece){.offset = line->text.len, .at = {add->line, (unsigned)from + 1}};
        str_add_bytes(&line->text, add->text + from, n - from);
    }
    line->last = add->line;
    return more;
}

/* Remember a "# check=…" comment; others are dropped, and an empty one forgets it. */
static void note_comment(struct lexer_line *line, const struct physical *comment)
{
    const char *name, *value;
    size_t name_n, value_n;
    size_t start = blanks(comment->text, comment->n) + 1;
    bool empty = start + blanks(comment->text + start, comment->n - start) == comment->n;
    bool check = split_directive(comment, &name, &name_n, &value, &value_n) &&
                 name_is(name, name_n, "check");
    if (check || empty) {
        free(line->check);
        line->check = check ? mem_strndup(value, value_n) : NULL;
    }
}

/* Take off the blanks at both ends. Those in front can only come from a line that begins with a
 * continuation mark. */
static void trim(struct lexer_line *line)
{
    struct str *text = &line->text;
    while (text->len && is_blank(text->data[text->len - 1]))
        text->data[--text->len] = '\0';
    size_t front = blanks(str_text(text), text->len);
    if (!front)
        return;
    memmove(text->data, text->data + front, text->len - front + 1);
    text->len -= front;
    size_t kept = 0;
    for (size_t i = 0; i < line->count; i++) {
        struct lexer_piece piece = line->pieces[i];
        size_t end = i + 1 < line->count ? line->pieces[i + 1].offset : text->len + front;
        if (end <= front)
            continue;
        size_t cut = piece.offset < front ? front - piece.offset : 0;
        piece.at.column += (unsigned)cut;
        piece.offset += cut;
        piece.offset -= front;
        line->pieces[kept++] = piece;
    }
    line->count = kept;
}

bool lexer_next(struct lexer *lexer, struct lexer_line *line)
{
    lexer_line_release(line);
    struct physical physical;
    while (next_physical(lexer, &physical)) {
        size_t from = blanks(physical.text, physical.n);
        if (from == physical.n)
            continue;
        if (physical.text[from] == '#') {
            note_comment(line, &physical);
            continue;
        }
        line->first = physical.line;
        bool more = append(lexer, line, &physical, from);
        while (more && next_physical(lexer, &physical)) {
            from = blanks(physical.text, physical.n);
            if (from == physical.n || physical.text[from] == '#')
                continue;
            /* The blanks in front of a continuing line are kept. */
            more = append(lexer, line, &physical, 0);
        }
        trim(line);
        if (line->text.len)
            return true;
    }
    lexer_line_release(line);
    return false;
}

struct position lexer_line_position(const struct lexer_line *line, size_t offset)
{
    struct position at = {line->first, 1};
    size_t low = 0, high = line->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (line->pieces[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low) {
        const struct lexer_piece *piece = &line->pieces[low - 1];
        at = piece->at;
        at.column += (unsigned)(offset - piece->offset);
    }
    return at;
}

int lexer_error_at(const char *bytes, size_t n, const char *name, struct position at,
                   struct error *err)
{
    const char *p = bytes, *end = bytes + n;
    for (unsigned line = 1; p < end && line < at.line; line++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        p = newline ? newline + 1 : end;
    }
    if (at.line == 1)
        p += bom_size(bytes, n);
    const char *newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    autofree char *text = mem_strndup(p, (size_t)((newline ? newline : end) - p));
    return error_at(err, name, at.line, at.column, text);
}
