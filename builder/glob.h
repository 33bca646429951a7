/* File name patterns as Go's path.Match knows them: * and ? stop at '/', [a-z] and [^a-z] are
 * ranges, a backslash takes the next character as it is. */
#ifndef BUILDER_GLOB_H
#define BUILDER_GLOB_H

#include <stdbool.h>

/* Does the whole name match? A malformed pattern matches nothing. */
bool glob_match(const char *pattern, const char *name);
/* Are its ranges closed, and is no backslash last? */
bool glob_is_valid(const char *pattern);
/* Does it hold any of these characters, unescaped? */
bool glob_has_wildcard(const char *pattern);

#endif
