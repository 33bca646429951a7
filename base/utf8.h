/* UTF-8 (RFC 3629): what is one character, in text that may be anything. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* Length in bytes of the character that begins at text, of which n bytes may be looked at; 0 where
 * there is none: overlong forms, surrogates, beyond U+10FFFF, cut off. */
size_t utf8_length(const char *text, size_t n);

/* What stands for bytes that are no character: U+FFFD. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

#endif
