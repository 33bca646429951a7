/* Variables in words: $v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?e} ${v?e} ${v#p} ${v##p} ${v%p}
 * ${v%%p} ${v/p/r} ${v//p/r}, quotes and escapes, as BuildKit's shell lexer reads them. Patterns
 * know * and ? and nothing else. No command is ever run. */
#ifndef BUILDER_EXPAND_H
#define BUILDER_EXPAND_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

/* The most bytes a word may expand to. */
#define EXPAND_MAX ((size_t)16 << 20)

struct expand {
    /* The variable's value, or NULL where it is not set. The text need live only until the next
     * call. NULL: nothing is set. */
    const char *(*lookup)(void *context, const char *name);
    void *context;
    char escape; /* '\\' or '`' */
    /* Quotes are ordinary characters (a heredoc's body). */
    bool keep_quotes;
    /* Quotes work, and stay in the result. */
    bool raw_quotes;
    /* Escapes work, and the escape character stays in the result. */
    bool raw_escapes;
    /* A variable that is not set stays as written ("$v") instead of becoming "". */
    bool keep_unset;
    /* Names met that were not set and had no default, each once; NULL: not wanted. */
    struct strv *unset;
};

/* Expand one word: quotes removed, blanks kept as they are. *out: the caller frees. ERROR_INPUT:
 * bad syntax, an unmatched quote, ${v?…} of a variable that isn't set, or a result above
 * EXPAND_MAX; *at (which may be NULL) then tells the offset in word of the faulty part. */
int expand_word(const struct expand *how, const char *word, char **out, size_t *at,
                struct error *err);

/* The same, then split at blanks outside quotes into words appended to *out, as EXPOSE needs. A
 * variable's value is split too unless it is quoted. */
int expand_words(const struct expand *how, const char *word, struct strv *out, size_t *at,
                 struct error *err);

#endif
