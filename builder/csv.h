/* Comma-separated values in one line (RFC 4180): the fields of --mount, --secret, --ssh, --output.
 */
#ifndef BUILDER_CSV_H
#define BUILDER_CSV_H

#include <base/error.h>
#include <base/str.h>

/* Append the fields of the line to *out: "…" hides commas, "" within is one quote. ERROR_INPUT: a
 * quote without end, or one in the middle of a field that doesn't begin with one. */
int csv_fields(const char *line, struct strv *out, struct error *err);

#endif
