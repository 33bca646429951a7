#include "dockerfile_heredoc.h"

#include "expand.h"

#include <base/mem.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static size_t count_quotes(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == '\'' || *s == '"';
    return n;
}

bool heredoc_parse_word(const char *word, struct heredoc *out)
{
    size_t digits = strspn(word, "0123456789");
    const char *p = word + digits;
    if (!str_starts(p, "<<"))
        return false;
    p += 2;
    bool chomp = *p == '-';
    p += chomp;
    p += strspn(p, " \t\n\v\f\r");
    if (!*p || strchr(p, '<'))
        return false;
    /* The word with and without its quotes: where they differ, part of it was quoted. */
    struct expand how = {.escape = '\\', .keep_unset = true};
    autostrv bare = STRV_INIT, raw = STRV_INIT;
    if (expand_words(&how, p, &bare, NULL, NULL) || bare.count != 1)
        return false;
    how.raw_quotes = true;
    if (expand_words(&how, p, &raw, NULL, NULL) || raw.count != 1)
        return false;
    *out = (struct heredoc){
        .name = mem_strdup(bare.items[0]),
        .chomp = chomp,
        .expand = count_quotes(bare.items[0]) == count_quotes(raw.items[0]),
        .fd = digits && digits < 6 ? (unsigned)atoi(word) : 0,
    };
    return true;
}

/* Append a line of a body without its leading tabs. */
static void add_chomped(struct str *content, const char *text, size_t n)
{
    size_t tabs = 0;
    while (tabs < n && text[tabs] == '\t')
        tabs++;
    str_add_bytes(content, text + tabs, n - tabs);
}

static bool is_end(const struct heredoc *doc, const char *text, size_t n)
{
    while (n && strchr("\r\n", text[n - 1]))
        n--;
    while (doc->chomp && n && *text == '\t') {
        text++;
        n--;
    }
    return n == strlen(doc->name) && memcmp(text, doc->name, n) == 0;
}

static int read_body(struct lexer *lexer, struct heredoc *doc, struct str *raw, struct error *err)
{
    autostr content = STR_INIT;
    autostr written = STR_INIT;
    doc->line = lexer->line;
    const char *text;
    size_t n;
    if (raw)
        str_add_char(raw, '\n');
    while (lexer_raw(lexer, &text, &n)) {
        if (is_end(doc, text, n)) {
            doc->content = str_take(&content);
            doc->raw = doc->chomp ? str_take(&written) : NULL;
            if (raw)
                str_add(raw, doc->name);
            return 0;
        }
        if (doc->chomp)
            add_chomped(&content, text, n);
        else
            str_add_bytes(&content, text, n);
        if (doc->chomp)
            str_add_bytes(&written, text, n);
        if (raw)
            str_add_bytes(raw, text, n);
    }
    error_set(err, ERROR_INPUT, "the heredoc \"%s\" has no end", doc->name);
    error_hint(err, "end it with a line that holds %s alone", doc->name);
    return lexer_error_at(lexer->bytes, lexer->n, lexer->name, doc->at, err);
}

int heredocs_read(struct lexer *lexer, const struct lexer_line *line, struct instruction *in,
                  struct str *raw, struct error *err)
{
    const char *text = str_text(&line->text);
    if (!strstr(text, "<<"))
        return 0;
    /* Words that can't be read are the shell's business: then there is no heredoc. */
    const struct expand how = {
        .escape = '\\', .raw_quotes = true, .raw_escapes = true, .keep_unset = true};
    autostrv words = STRV_INIT;
    if (expand_words(&how, text, &words, NULL, NULL))
        return 0;
    const char *from = text;
    for (size_t i = 0; i < words.count; i++) {
        struct heredoc doc = {0};
        const char *found = strstr(from, words.items[i]);
        if (!heredoc_parse_word(words.items[i], &doc))
            continue;
        if (found)
            from = found + strlen(words.items[i]);
        doc.at = lexer_line_position(line, found ? (size_t)(found - text) : 0);
        if (read_body(lexer, &doc, raw, err)) {
            free(doc.name);
            return -1;
        }
        MEM_PUSH(in->heredocs, in->heredoc_count, in->heredoc_cap) = doc;
    }
    return 0;
}
