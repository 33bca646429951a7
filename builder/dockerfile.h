/* A Dockerfile parsed to instructions. Grammar: the Dockerfile reference as of frontend 1.26. What
 * the interpreter can't do yet is parsed all the same; saying no is the interpreter's. */
#ifndef BUILDER_DOCKERFILE_H
#define BUILDER_DOCKERFILE_H

#include "instruction.h"

#include <base/error.h>

#include <stddef.h>

struct dockerfile {
    char *name;  /* for messages */
    char *bytes; /* the whole text, for messages; NUL-terminated */
    size_t n;
    char escape;  /* '\\' or '`' */
    char *syntax; /* directives, or NULL */
    char *check;
    struct instruction *items;
    size_t count, cap;
};

/* Parse n bytes; name is for messages alone. The caller frees *out. ERROR_INPUT with place and
 * hint: unknown instruction or flag, a flag given twice that may not be, missing or extra
 * arguments, a bad directive, an unterminated heredoc, an instruction other than ARG before the
 * first FROM, no FROM. */
int dockerfile_parse(const char *bytes, size_t n, const char *name, struct dockerfile **out,
                     struct error *err);
/* Parse one entry of an image's OnBuild list: *out has exactly one instruction. FROM, ONBUILD and
 * MAINTAINER are refused there. name says whose it is, for messages. */
int dockerfile_parse_trigger(const char *text, const char *name, struct dockerfile **out,
                             struct error *err);
void dockerfile_free(struct dockerfile *file); /* NULL is fine */
void dockerfile_free_at(struct dockerfile **file);
#define autodockerfile __attribute__((cleanup(dockerfile_free_at))) struct dockerfile

/* Set err's place to `at` in this file, with the line's text. Returns -1. */
int dockerfile_error_at(const struct dockerfile *file, struct position at, struct error *err);
/* The same, for a fault `offset` bytes into a word that begins at `at`: a word that goes on in the
 * next line is marked at its start. */
int dockerfile_error_in(const struct dockerfile *file, struct position at, size_t offset,
                        struct error *err);

#endif
