/* What the reports share: names, cleaned text, the end of an output. */
#ifndef VERIFY_REPORT_TEXT_H
#define VERIFY_REPORT_TEXT_H

#include "result.h"

#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

/* A check that failed, or that was never decided. */
bool report_is_failure(const struct check_result *r);
/* Why, cleaned; the caller frees it. "" for a check that passed without a word. */
char *report_detail(const struct check_result *r) __attribute__((returns_nonnull));
/* "/app/x: from layer 3, RUN make", cleaned, on one line; the caller frees it. */
char *report_blame(const struct check_blame *b) __attribute__((returns_nonnull));
/* All of them, a line each; the caller frees it. */
char *report_blames(const struct check_result *r) __attribute__((returns_nonnull));
/* The last lines of both streams, cleaned, without blanks at their end; *cut says whether there
 * were more. The caller frees it. */
char *report_tail(const struct check_output *o, size_t lines, bool *cut)
    __attribute__((returns_nonnull));
/* What there is to say of a failure beside its detail: the layers that are behind it, then the last
 * lines of output. "" where there is nothing; the caller frees it. */
char *report_more(const struct check_result *r, size_t lines) __attribute__((returns_nonnull));
/* text in XML or HTML, element content and attribute values alike; appended to out. */
void report_add_xml(struct str *out, const char *text);

#endif
