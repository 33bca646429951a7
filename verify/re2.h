/* Regular expressions of Go's RE2, as container-structure-test takes them, in PCRE2's words.
 *
 * Most is the same. What PCRE2 reads otherwise (\s and \v, octal escapes, {,5}, a [ within a class)
 * is rewritten; what RE2 does not know (lookaround, backreferences, possessive and nested
 * repetition, \Z, \h, …) is an error, as it is there. Syntax: the package regexp/syntax of Go. */
#ifndef VERIFY_RE2_H
#define VERIFY_RE2_H

#include <base/error.h>
#include <base/str.h>

/* Append the pattern for PCRE2 to out, which means the same without PCRE2_MULTILINE and
 * PCRE2_DOTALL, and with PCRE2_DOLLAR_ENDONLY and PCRE2_ALT_CIRCUMFLEX. ERROR_INPUT names what RE2
 * does not have, and where. */
int re2_translate(const char *pattern, struct str *out, struct error *err);

#endif
