/* What came of a check, and of all checks of an image: data that reports are functions of. */
#ifndef VERIFY_RESULT_H
#define VERIFY_RESULT_H

#include "check.h"
#include "inventory.h"
#include "output.h"

#include <base/digest.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_verdict {
    VERDICT_NONE, /* not decided: the run was broken off */
    VERDICT_PASSED,
    VERDICT_FAILED,
    VERDICT_SKIPPED, /* the host could not give what it needs */
};

/* A layer that is behind a verdict: which, and the instruction that made it (see blame.h). */
struct check_blame {
    char *path;           /* in the image, that the layer wrote or deleted */
    size_t layer;         /* from 1, the lowest */
    struct digest digest; /* of the layer, as the manifest names it; none for a directory */
    char *instruction;    /* "RUN pip install x", "" where the history does not say */
    char *created_by;     /* the same as the config's history has it */
    bool deleted;         /* the layer took the path away */
    unsigned line;        /* of the instruction in the image's Dockerfile; 0: not known */
};

struct check_result {
    enum check_verdict verdict;
    struct str detail; /* why it failed or was skipped, or how it passed; may be empty */
    double seconds;
    bool ran; /* a program was started: the four below say how it ended */
    bool timed_out;
    bool out_of_memory, out_of_pids; /* by the limits */
    int exit_code, signal;
    struct check_output output;
    struct str traceback; /* the last lines of the one that failed the check, or nothing */
    struct check_blame *blames;
    size_t blame_count, blame_cap;
};

struct result_totals {
    size_t checks, passed, failed, skipped;
};

/* The checks of one image, and what came of them. */
struct image_result {
    char *reference; /* as it was asked for, in full */
    struct digest digest;
    char platform[48];
    bool emulated;       /* its programs are for another architecture than the host's */
    const char *variant; /* "prod" or "dev" */
    struct strv files;   /* checks files */
    size_t layers;
    size_t left_out; /* checks that --only and --skip took away */
    double seconds;  /* of pull, unpack and checks */
    struct checks checks;
    struct check_result *results; /* as many as checks.count */
    char *dockerfile;             /* that it is built from, where that is here; else NULL */
    struct strv made_by;          /* each layer's instruction, as the history has it, or "" */
    struct inventory *inventory;  /* where a report asks for it; else NULL */
};

/* "passed", "failed", "skipped". */
const char *verdict_name(enum check_verdict verdict);
/* Adds to *totals. A check that was never decided counts as failed. */
void image_result_count(const struct image_result *r, struct result_totals *totals);
/* With require_all, a skipped check fails. */
void image_result_require_all(struct image_result *r);
void check_result_release(struct check_result *r);
void image_result_release(struct image_result *r);

#endif
