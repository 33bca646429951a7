/* Lengths of time as Go writes them ("1m30s"), which HEALTHCHECK's flags hold. */
#ifndef BUILDER_DURATION_H
#define BUILDER_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* "300ms", "-1.5h", "2h45m", "0": *nanoseconds. False where it is none, or too long. Specification:
 * Go's time.ParseDuration; units ns us µs ms s m h. */
bool duration_parse(const char *text, int64_t *nanoseconds);
/* "1m30s", "1.5s", "0s", as Go's Duration.String writes it, of no negative length. The caller frees
 * it. */
char *duration_text(int64_t nanoseconds);

#endif
