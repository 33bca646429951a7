/* The patterns of ${v#p}, ${v%p} and ${v/p/r}: * is any run of characters, ? is one; neither is a
 * newline. A backslash before *, ?, \, / or } takes that character as it is; before any other
 * it is an error. Characters are UTF-8's. Time is the product of both lengths, which is capped. */
#ifndef BUILDER_EXPAND_PATTERN_H
#define BUILDER_EXPAND_PATTERN_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>

/* Append value without its shortest (longest: the longest) prefix that matches. ERROR_INPUT: a bad
 * pattern, or both too long. */
int expand_cut_prefix(const char *value, const char *pattern, bool longest, struct str *out,
                      struct error *err);
/* The same at the end. */
int expand_cut_suffix(const char *value, const char *pattern, bool longest, struct str *out,
                      struct error *err);
/* Append value with the leftmost longest match replaced; all: with every match. An empty pattern
 * matches at every place. ERROR_INPUT also where the result would exceed cap bytes. */
int expand_replace(const char *value, const char *pattern, const char *replacement, bool all,
                   size_t cap, struct str *out, struct error *err);

#endif
