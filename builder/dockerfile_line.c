#include "dockerfile_line.h"

#include <base/json.h>
#include <base/mem.h>

#include <string.h>

static bool is_blank(char c)
{
    return c && strchr(" \t\n\v\f\r", c) != NULL;
}

const char *cursor_text(const struct cursor *c)
{
    return str_text(&c->line->text) + c->at;
}

struct position cursor_position(const struct cursor *c, size_t offset)
{
    return lexer_line_position(c->line, offset);
}

bool cursor_skip_blanks(struct cursor *c)
{
    while (is_blank(*cursor_text(c)))
        c->at++;
    return *cursor_text(c) != '\0';
}

bool cursor_word(struct cursor *c, struct word *word)
{
    if (!cursor_skip_blanks(c))
        return false;
    size_t start = c->at;
    const char *text = cursor_text(c);
    while (*cursor_text(c) && !is_blank(*cursor_text(c)))
        c->at++;
    *word =
        (struct word){.text = mem_strndup(text, c->at - start), .at = cursor_position(c, start)};
    return true;
}

int cursor_error_at(const struct cursor *c, size_t offset, struct error *err)
{
    return lexer_error_at(c->lexer->bytes, c->lexer->n, c->lexer->name, cursor_position(c, offset),
                          err);
}

void cursor_take_rest(struct cursor *c, struct instruction *in)
{
    if (!cursor_skip_blanks(c))
        return;
    MEM_PUSH(in->args, in->arg_count, in->arg_cap) =
        (struct word){.text = mem_strdup(cursor_text(c)), .at = cursor_position(c, c->at)};
    c->at += strlen(cursor_text(c));
}

void cursor_take_words(struct cursor *c, struct instruction *in)
{
    struct word word;
    while (cursor_word(c, &word))
        MEM_PUSH(in->args, in->arg_count, in->arg_cap) = word;
}

int cursor_take_json(struct cursor *c, struct instruction *in, struct error *err)
{
    if (!cursor_skip_blanks(c) || *cursor_text(c) != '[')
        return 1;
    const char *text = cursor_text(c);
    autojson *array = NULL;
    autoerror not_json = ERROR_INIT;
    if (json_parse(text, strlen(text), c->lexer->name, &array, &not_json)) {
        error_ignore(&not_json, "not JSON, so it is the shell form");
        return 1;
    }
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item) {
        if (json_is_string(item))
            continue;
        error_set(err, ERROR_INPUT, "the JSON form takes strings only");
        error_hint(err, "put every word into double quotes");
        return cursor_error_at(c, c->at, err);
    }
    /* Strings are all there is between the brackets, so each '"' outside of one begins one. */
    size_t at = c->at + 1;
    json_array_foreach (array, i, item) {
        const char *line = str_text(&c->line->text);
        at += strcspn(line + at, "\"");
        MEM_PUSH(in->args, in->arg_count, in->arg_cap) = (struct word){
            .text = mem_strdup(json_string_value(item)), .at = cursor_position(c, at)};
        for (at++; line[at] != '"'; at++)
            at += line[at] == '\\';
        at++;
    }
    in->json = true;
    c->at += strlen(text);
    return 0;
}

/* Append the escape at the cursor and what it escapes. An escape at the end of the line is dropped.
 */
static void take_escaped(struct cursor *c, struct str *word)
{
    const char *p = cursor_text(c);
    if (p[1])
        str_add_bytes(word, p, 2);
    c->at += p[1] ? 2 : 1;
}

bool cursor_span(struct cursor *c, struct span *span)
{
    while (cursor_skip_blanks(c)) {
        autostr word = STR_INIT;
        span->from = c->at;
        bool quoted = false;
        char quote = '\0';
        for (char ch; (ch = *cursor_text(c)) && (quote || !is_blank(ch));) {
            if (ch == c->lexer->escape && quote != '\'') {
                take_escaped(c, &word);
                continue;
            }
            if (quote && ch == quote) {
                quote = '\0';
            } else if (!quote && (ch == '\'' || ch == '"')) {
                quote = ch;
                quoted = true;
            }
            str_add_char(&word, ch);
            c->at++;
        }
        span->to = c->at;
        if (!word.len && !quoted)
            continue;
        span->text = str_take(&word);
        return true;
    }
    return false;
}
