/* Regular expressions over what a check printed or a file holds: PCRE2 with ^ and $ at each line,
 * bytes that are no UTF-8 allowed, and limits on steps and memory, so that no pattern can hang. */
#ifndef VERIFY_PATTERN_H
#define VERIFY_PATTERN_H

#include <base/error.h>

#include <stddef.h>

struct pattern;

/* Compile. ERROR_INPUT says what is wrong and where in the text, and that it is longer than 4 KiB.
 * The compiled pattern may be used by several threads at once. */
int pattern_new(const char *text, struct pattern **out, struct error *err);
/* The same for a pattern of Go's RE2, with its meaning (see re2.h): ^ and $ are the text's ends,
 * and a byte that is no UTF-8 is one character. */
int pattern_new_re2(const char *text, struct pattern **out, struct error *err);
void pattern_free(struct pattern *pattern);
/* As it was written; owned by the pattern. */
const char *pattern_text(const struct pattern *pattern);
/* 1 where it is found anywhere in the bytes, 0 where not, -1 with ERROR_INPUT where the limits were
 * reached before that was known. */
int pattern_find(const struct pattern *pattern, const char *bytes, size_t n, struct error *err);

/* A growing list that owns its patterns. */
struct patterns {
    struct pattern **items;
    size_t count, cap;
};
void patterns_add(struct patterns *list, struct pattern *pattern); /* takes it */
void patterns_release(struct patterns *list);

#endif
