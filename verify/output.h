/* What a check's program wrote, in memory: each stream by itself, and both as they came. */
#ifndef VERIFY_OUTPUT_H
#define VERIFY_OUTPUT_H

#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

enum {
    OUTPUT_MAX = 4 * 1024 * 1024, /* bytes of both streams that are judged */
    OUTPUT_KEPT = 64 * 1024,      /* bytes of each that are reported */
};

struct check_output {
    struct str out, err, both;
    bool too_long; /* more came, and was dropped */
    bool cut;      /* only the end is left */
};

void output_add(struct check_output *o, bool is_stderr, const char *bytes, size_t n);
/* Once it is judged: keep the last OUTPUT_KEPT bytes of each, so that many checks take no memory.
 */
void output_cut(struct check_output *o);
/* True where nothing but blanks was written. */
bool output_silent(const struct check_output *o);
/* The last line that is not blank, cut to something that fits a table; the caller frees it, NULL
 * where there is none. */
char *output_last_line(const struct str *s);
/* The Python traceback or import error in a stream, as its last line ("ImportError: …"). The caller
 * frees it; NULL where there is none. */
char *output_traceback(const struct str *s);
/* The last lines of that traceback, cleaned as output_clean does; nothing where there is none. */
void output_traceback_tail(const struct str *s, struct str *out);
/* The file of the innermost frame ("File "/app/x.py", line 3"); the caller frees it, NULL where no
 * frame names an absolute path. */
char *output_traceback_file(const char *traceback);
/* bytes as UTF-8 that a terminal and JSON can take: what is none, and control characters but for
 * newline and tab, is replaced. Escape sequences of terminals go. Appended to out. */
void output_clean(const char *bytes, size_t n, struct str *out);
void output_release(struct check_output *o);

#endif
