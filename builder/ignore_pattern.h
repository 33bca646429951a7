/* One pattern of an ignore file, as moby's patternmatcher reads them: * and ? stop at '/', [..] is
 * a range of characters, ** is any number of directories (at the end: anything), a backslash takes
 * the next character as it is. */
#ifndef BUILDER_IGNORE_PATTERN_H
#define BUILDER_IGNORE_PATTERN_H

#include <base/error.h>

#include <stdbool.h>

struct ignore_pattern; /* opaque; not changed by matching */

/* text: cleaned. The caller frees *out. ERROR_INPUT: a bad range or a lone backslash at the end. */
int ignore_pattern_compile(const char *text, struct ignore_pattern **out, struct error *err);
void ignore_pattern_free(struct ignore_pattern *pattern); /* NULL is fine */

/* Does it match the path, or one of the directories that the path is in? */
bool ignore_pattern_matches(const struct ignore_pattern *pattern, const char *path);
/* Is there any path below this directory that it could match? */
bool ignore_pattern_may_match_below(const struct ignore_pattern *pattern, const char *path);

#endif
