/* A word of any bytes, in each of the ways words are read. The first byte chooses the way. */
#include "builder/expand.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static const char *lookup(void *context, const char *name)
{
    static const char *const values[] = {"", "value", "/a/b.c/d.e", "a\nb\n", "*?", "\xc3\xa4\xff"};
    (void)context;
    return *name >= 'a' && *name <= 'f' ? values[*name - 'a'] : NULL;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    /* Matching takes the product of two lengths: long inputs only cost time. */
    if (n < 1 || n > 4096)
        return 0;
    autofree char *word = mem_strndup((const char *)bytes + 1, n - 1);
    autostrv unset = STRV_INIT, words = STRV_INIT;
    const struct expand how = {
        .lookup = lookup,
        .escape = bytes[0] & 1 ? '`' : '\\',
        .keep_quotes = bytes[0] & 2,
        .raw_quotes = bytes[0] & 4,
        .raw_escapes = bytes[0] & 8,
        .keep_unset = bytes[0] & 16,
        .unset = &unset,
    };
    autofree char *out = NULL;
    size_t at = 0;
    autoerror err = ERROR_INIT;
    int failed = expand_word(&how, word, &out, &at, &err);
    if (failed && (out || at > strlen(word) || err.kind != ERROR_INPUT))
        abort();
    if (!failed && strlen(out) > EXPAND_MAX)
        abort();
    /* Both readings agree on what is an error, and no word is empty. */
    if (expand_words(&how, word, &words, NULL, NULL) != failed)
        abort();
    for (size_t i = 0; i < words.count; i++) {
        if (!*words.items[i])
            abort();
    }
    return 0;
}
