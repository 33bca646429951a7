/* A Dockerfile parsed to instructions, as written: nothing is expanded, nothing resolved.
 * Grammar: the Dockerfile reference as of frontend 1.26. What the interpreter can't do yet is
 * parsed all the same; saying no is the interpreter's. */
#ifndef BUILDER_DOCKERFILE_H
#define BUILDER_DOCKERFILE_H

#include "lexer.h"

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>

enum instruction_kind {
    INSTRUCTION_ADD,
    INSTRUCTION_ARG,
    INSTRUCTION_CMD,
    INSTRUCTION_COPY,
    INSTRUCTION_ENTRYPOINT,
    INSTRUCTION_ENV,
    INSTRUCTION_EXPOSE,
    INSTRUCTION_FROM,
    INSTRUCTION_HEALTHCHECK,
    INSTRUCTION_LABEL,
    INSTRUCTION_MAINTAINER,
    INSTRUCTION_ONBUILD,
    INSTRUCTION_RUN,
    INSTRUCTION_SHELL,
    INSTRUCTION_STOPSIGNAL,
    INSTRUCTION_USER,
    INSTRUCTION_VOLUME,
    INSTRUCTION_WORKDIR,
    INSTRUCTION_KINDS, /* how many there are */
};

/* A piece of text and where it begins. */
struct word {
    char *text;
    struct position at;
};

/* --name=value. A flag given alone has the value "" and bare set. */
struct flag {
    char *name; /* without the dashes */
    char *value;
    bool bare;
    struct position at;
};

/* KEY=VALUE of ENV, LABEL and ARG, quotes and variables still in. value.text is NULL for an ARG
 * without default. */
struct pair {
    struct word key;
    struct word value;
};

struct heredoc {
    char *name;    /* its word, quotes removed */
    char *content; /* lines between, each with its newline; tabs already stripped where chomp */
    bool expand;   /* the word was not quoted */
    bool chomp;    /* <<- */
    unsigned fd;   /* as in 3<<EOF; 0 by default */
    struct position at; /* of the << (or the digit before it) */
    unsigned line;      /* of its first content line */
};

/* What is filled, by kind:
 *   FROM          args[0] the image; stage_name, or its text NULL
 *   ARG ENV LABEL pairs
 *   RUN CMD ENTRYPOINT  json: args are the words of the exec form; else args[0] is the shell text
 *                 (with heredocs, for RUN: that text is the command line and may be only "<<EOF")
 *   HEALTHCHECK   none: "HEALTHCHECK NONE"; else as CMD, the command after the word CMD
 *   COPY ADD      args: sources, then the destination last; heredoc sources stay in args as "<<EOF"
 *   SHELL         args, always json
 *   VOLUME EXPOSE args
 *   WORKDIR USER STOPSIGNAL MAINTAINER  args[0] the rest of the line
 *   ONBUILD       inner, and args[0] its text as written */
struct instruction {
    enum instruction_kind kind;
    struct position at;   /* of its name */
    unsigned first, last; /* physical lines, heredocs included */
    char *text; /* as written, lines joined, for history and messages; heredocs not included */
    struct flag *flags;
    size_t flag_count, flag_cap;
    bool json;
    bool none;
    struct word *args;
    size_t arg_count, arg_cap;
    struct pair *pairs;
    size_t pair_count, pair_cap;
    struct heredoc *heredocs;
    size_t heredoc_count, heredoc_cap;
    struct word stage_name; /* FROM … AS: as written */
    struct instruction *inner;
    char *check; /* value of a "# check=…" comment right above, or NULL */
};

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
/* Parse the text of one instruction of an image's OnBuild list: *out has exactly one instruction.
 * FROM, ONBUILD and MAINTAINER are refused there. name says whose it is. */
int dockerfile_parse_trigger(const char *text, const char *name, struct dockerfile **out,
                             struct error *err);
void dockerfile_free(struct dockerfile *file);
void dockerfile_free_at(struct dockerfile **file);
#define autodockerfile __attribute__((cleanup(dockerfile_free_at))) struct dockerfile

/* "RUN" etc. */
const char *instruction_name(enum instruction_kind kind);
/* The last flag of this name, or NULL. */
const struct flag *instruction_flag(const struct instruction *in, const char *name);
/* Deep copies and their release. */
void instruction_copy(struct instruction *to, const struct instruction *from);
void instruction_release(struct instruction *in);

/* Set err's place to `at` in this file, with the line's text. Returns -1. */
int dockerfile_error_at(const struct dockerfile *file, struct position at, struct error *err);

#endif
