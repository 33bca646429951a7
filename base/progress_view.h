/* What the modes of base/progress share: a task's state, and what a mode does on each event.
 *
 * A view is called with the progress's lock held, so it needs none of its own. */
#ifndef BASE_PROGRESS_VIEW_H
#define BASE_PROGRESS_VIEW_H

#include "progress.h"
#include "str.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* A task's output, kept for the case that it fails: the beginning and the end, up to a limit. */
struct progress_record {
    struct str head, tail;
    size_t dropped; /* bytes between the two */
};

struct progress_task {
    struct progress *progress;
    unsigned number; /* 1-based */
    char *name;
    _Atomic int64_t total, done; /* bytes */
    double started;              /* seconds on the progress's clock */
    double reported;             /* when a view last said how far it is */
    struct progress_record record;
    struct str partial; /* output after the last newline */
    struct progress_task *next;
};

struct progress_ended {
    enum progress_end how;
    const char *detail; /* or NULL */
    double seconds;
};

struct progress_view {
    void (*start)(struct progress *p, struct progress_task *t);
    void (*line)(struct progress *p, struct progress_task *t, const char *line);
    void (*end)(struct progress *p, struct progress_task *t, const struct progress_ended *ended);
    void (*message)(struct progress *p, int level, const char *line);
    void (*tick)(struct progress *p);   /* a tenth of a second passed; may be NULL */
    void (*finish)(struct progress *p); /* may be NULL */
};
extern const struct progress_view progress_plain, progress_tty, progress_json;

struct progress {
    pthread_mutex_t lock;
    const struct progress_view *view; /* NULL: quiet */
    FILE *out;
    int fd;
    bool colour;
    unsigned count;              /* tasks started so far */
    struct progress_task *tasks; /* those running, oldest first */
    struct timespec epoch;
    size_t drawn; /* lines of the live area (TTY) */
    pthread_t ticker;
    pthread_cond_t stop;
    bool ticking, stopping;
    bool held;          /* somebody else has the terminal, */
    struct str backlog; /* and this waits for it */
};

/* Seconds since the progress began. */
double progress_now(const struct progress *p);
/* One write to the file, so that lines of several processes do not mix. */
void progress_emit(struct progress *p, const struct str *text);
/* "12.3 MB / 84.2 MB  45.6 MB/s"; nothing for a task that moves no bytes. With a leading blank. */
void progress_add_rate(struct str *out, const struct progress_task *t, double seconds, bool ended);
/* Visible text alone, at most `columns` characters wide: control characters and escape sequences
 * are left out, as what a step prints must not move our cursor. */
void progress_add_visible(struct str *out, const char *text, size_t columns);
/* The record as text, with a note where something was left out. */
void progress_add_record(struct str *out, const struct progress_record *record);
const char *progress_end_word(enum progress_end how);

#endif
