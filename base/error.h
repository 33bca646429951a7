/* What went wrong, for people and for the exit code.
 *
 * A function that can fail returns int, 0 or -1, and takes `struct error *err` last. On failure it
 * fills *err (which the caller has initialised to ERROR_INIT) and leaves its outputs untouched. The
 * message is built outward by wrapping: error_set at the bottom, error_wrap on the way up.
 * A NULL err is allowed everywhere: the failure is then reported by the return value alone. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdio.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_USAGE,       /* the command line is wrong; exit 2 */
    ERROR_INPUT,       /* a Dockerfile, definition, image or reference is wrong; exit 3 */
    ERROR_MISSING,     /* something named by the user is not there; exit 3 */
    ERROR_NETWORK,     /* network or registry; exit 4 */
    ERROR_AUTH,        /* the registry refuses the credentials or the right; exit 5 */
    ERROR_INTEGRITY,   /* bytes do not match their digest or size; exit 6 */
    ERROR_HOST,        /* the host lacks or refuses something; exit 7 */
    ERROR_STEP,        /* a build step or a check failed; exit 1 */
    ERROR_INTERRUPTED, /* a signal asked us to stop; exit 130 */
    ERROR_INTERNAL,    /* a fault of ours; exit 70 */
};

/* All strings are owned by the error and freed by error_release. */
struct error {
    enum error_kind kind;
    int sys;           /* errno where a system call failed, else 0 */
    char *message;     /* "push ghcr.io/o/n:t: upload of sha256:…: …" */
    char *file;        /* source position, where the error is about a text file */
    unsigned line;     /* 1-based; 0: none */
    unsigned column;   /* 1-based, in bytes; 0: none */
    char *source_line; /* that line's text, without its newline */
    char *hint;        /* what to do next */
};

#define ERROR_INIT ((struct error){.kind = ERROR_NONE})

#define autoerror __attribute__((cleanup(error_release))) struct error

/* Set the error, replacing whatever *err held. Return -1, so that `return error_set(…)` reads well.
 */
int error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, and appends ": " and the text of errno, which it also keeps in err->sys. */
int error_errno(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "FORMAT: " before the message. Returns -1. */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Say where in a text the error is. text (may be NULL) is that line; it ends at its newline.
 * A position that is already set is kept: the innermost one is the truest. Returns -1. */
int error_at(struct error *err, const char *file, unsigned line, unsigned column, const char *text);

/* Say what to do next. A hint that is already set is kept. Returns -1. */
int error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Move *from into *to, releasing what *to held; *from is then empty. Returns -1. */
int error_move(struct error *to, struct error *from);

/* As macros too, so that compilers and analyzers see that the six above give -1. */
static inline int error_failed(int always)
{
    (void)always;
    return -1;
}
#define error_set(...) error_failed((error_set)(__VA_ARGS__))
#define error_errno(...) error_failed((error_errno)(__VA_ARGS__))
#define error_wrap(...) error_failed((error_wrap)(__VA_ARGS__))
#define error_at(...) error_failed((error_at)(__VA_ARGS__))
#define error_hint(...) error_failed((error_hint)(__VA_ARGS__))
#define error_move(...) error_failed((error_move)(__VA_ARGS__))

/* The process's exit code for this error; 0 for ERROR_NONE. */
int error_exit_code(const struct error *err);

/* "file:line: message", then the source line with a mark, then "hint: …". colour: use ANSI codes.
 */
void error_print(const struct error *err, FILE *out, int colour);

/* Drop an error on purpose; why is for the reader (and the debug log). */
void error_ignore(struct error *err, const char *why);

/* Free what the error holds and make it empty. */
void error_release(struct error *err);

#endif
