/* The verdict on a program that ran: pure functions of the check, how it ended and what it wrote.
 *
 * A traceback or an import error never passes, whatever the exit code. A started program passes
 * when it exited 0, when it was alive at its limit, or when it exited with an error that a pattern
 * of the check allows; and only if it wrote something. */
#ifndef VERIFY_VERDICT_H
#define VERIFY_VERDICT_H

#include "result.h"

/* Fill r->verdict and r->detail from r->timed_out, exit_code, signal and output. timeout_ms: the
 * limit a command had. */
void verdict_decide(const struct check *check, unsigned timeout_ms, struct check_result *r);
/* Mark the result failed; a reason that is there already is kept. */
void verdict_fail(struct check_result *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "exited 3: its last line", "was killed by signal 9 (Killed)"; what names the program. */
void verdict_describe_end(const struct check_result *r, struct str *out);
/* What of the patterns doesn't hold of the bytes, as a reason that speaks of `where` ("stderr", a
 * path); false where one doesn't. */
bool verdict_patterns(const struct patterns *has, const struct patterns *lacks, const char *where,
                      const struct str *bytes, struct str *reason);

#endif
