/* .dockerignore: patterns that leave files out of a context. Also serves COPY --exclude.
 *
 * A pattern is cleaned, loses one leading '/', and matches from the context's root: * and ? stop at
 * '/', [..] are ranges, ** crosses '/'. A pattern that matches a parent matches what is in it.
 * "!pattern" takes back; the last that matches wins. */
#ifndef BUILDER_IGNORE_H
#define BUILDER_IGNORE_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

struct ignore; /* opaque; may be used by several threads at once */

/* The most bytes an ignore file may have. */
#define IGNORE_MAX ((size_t)1 << 20)

/* Parse an ignore file's bytes; name is for messages. *out: the caller frees. ERROR_INPUT with
 * its place: a bare "!", a bad range, too large. */
int ignore_parse(const char *bytes, size_t n, const char *name, struct ignore **out,
                 struct error *err);
/* The same from single patterns, as COPY --exclude gives them. */
int ignore_from_patterns(const struct strv *patterns, const char *name, struct ignore **out,
                         struct error *err);
void ignore_free(struct ignore *ignore); /* NULL is fine */
void ignore_free_at(struct ignore **ignore);
#define autoignore __attribute__((cleanup(ignore_free_at))) struct ignore

/* Is this path left out? path: relative to the context's root, clean, '/' between, no leading "./";
 * its parents are asked too. A NULL ignore leaves nothing out. */
bool ignore_matches(const struct ignore *ignore, const char *path);
/* For a directory that is left out: could anything beneath be taken back, so that a walk must go
 * in? False: skip it whole. */
bool ignore_may_descend(const struct ignore *ignore, const char *path);

/* Is there a "!pattern"? */
bool ignore_has_exceptions(const struct ignore *ignore);
/* Of patterns that say what is wanted: could anything below this directory match? */
bool ignore_may_match_below(const struct ignore *ignore, const char *path);

#endif
