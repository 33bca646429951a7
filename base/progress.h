/* What is going on, for people: on a terminal live lines with rates, in a log plain lines, or JSON.
 *
 * A task is a step of a build, a blob in transfer or a check. All functions may be called from any
 * thread. Everything goes to stderr (or the file given), through one writer, so lines never mix. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum progress_mode {
    PROGRESS_AUTO,  /* TTY where the file is a terminal (and TERM is not "dumb"), else PLAIN */
    PROGRESS_PLAIN, /* a line when a task starts and ends, and its output, prefixed "#N " */
    PROGRESS_TTY,   /* running tasks redrawn in place, at most ten times a second */
    PROGRESS_JSON,  /* an object a line */
    PROGRESS_QUIET, /* nothing at all */
};

enum progress_end { PROGRESS_DONE, PROGRESS_CACHED, PROGRESS_SKIPPED, PROGRESS_FAILED };

struct progress;
struct progress_task;

/* NO_COLOR and the terminal decide the colours. Takes log messages over until freed. */
struct progress *progress_new(enum progress_mode mode, FILE *out);
void progress_free(struct progress *p);

/* Leave the terminal to somebody else: what is running is no longer drawn, and what is said
 * meanwhile is kept until progress_resume. p may be NULL. */
void progress_hold(struct progress *p);
void progress_resume(struct progress *p);

/* name is copied. total: bytes, or 0 where unknown or not a transfer. p may be NULL (then NULL). */
struct progress_task *progress_start(struct progress *p, const char *name, int64_t total);
void progress_set_total(struct progress_task *t, int64_t total);
void progress_add(struct progress_task *t, int64_t bytes); /* cheap: an atomic addition */
/* Output of a step: shown (in TTY mode the last lines while it runs), and kept up to a limit so
 * that a failed task's can be shown in full. */
void progress_output(struct progress_task *t, const char *bytes, size_t n);
/* Ends and frees the task; detail (may be NULL) is shown behind the name. In TTY mode a failed
 * task's output is then printed in full. */
void progress_end(struct progress_task *t, enum progress_end how, const char *detail);
/* The last lines of a task's output (at most n), to be repeated with the error. The caller frees
 * it. */
char *progress_tail(struct progress_task *t, size_t lines) __attribute__((returns_nonnull));

/* "84.2 MB", "1.3 s" into a buffer of at least 16 bytes; returned. Decimal units. */
char *progress_size(char buffer[16], int64_t bytes);
char *progress_time(char buffer[16], double seconds);

#endif
