/* One instruction of a Dockerfile, as written: nothing is expanded, nothing resolved. */
#ifndef BUILDER_INSTRUCTION_H
#define BUILDER_INSTRUCTION_H

#include "lexer.h"

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

/* --name=value, quotes and escapes taken off. A switch has the value "true" or "false". */
struct flag {
    char *name; /* without the dashes */
    char *value;
    struct position at;
};

/* KEY=VALUE of ENV, LABEL and ARG, quotes and variables still in. value.text is NULL for an ARG
 * without default. */
struct pair {
    struct word key;
    struct word value;
    bool legacy; /* "ENV key value" */
};

struct heredoc {
    char *name;         /* its word, quotes removed */
    char *content;      /* the lines between, each with its newline; <<- has taken tabs off */
    char *raw;          /* the same as written; NULL where nothing was taken off */
    bool expand;        /* the word was not quoted */
    bool chomp;         /* <<- */
    unsigned fd;        /* as in 3<<EOF; 0 by default */
    struct position at; /* of the word with << */
    unsigned line;      /* of its first content line */
};

/* What is filled, by kind:
 *   FROM          args[0] the image; stage_name, or its text NULL
 *   ARG ENV LABEL pairs
 *   RUN CMD ENTRYPOINT  json: args are the words of the exec form; else args[0] is the shell text
 *                 (for a RUN with heredocs the command line, which may be only "<<EOF")
 *   HEALTHCHECK   none: "HEALTHCHECK NONE"; else as CMD, of the command after the word CMD
 *   COPY ADD      args: sources, the destination last; heredoc sources are there as "<<EOF"
 *   SHELL         args, always json
 *   VOLUME EXPOSE args
 *   WORKDIR USER STOPSIGNAL MAINTAINER  args[0] the rest of the line
 *   ONBUILD       inner, and args[0] its text as an image's config keeps it, heredocs included */
struct instruction {
    enum instruction_kind kind;
    struct position at;   /* of its name */
    unsigned first, last; /* physical lines, heredocs included */
    char *text; /* as written, lines joined, for history and messages; without heredoc bodies */
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

/* "RUN" etc. */
const char *instruction_name(enum instruction_kind kind);
/* The last flag of this name, or NULL; owned by in. */
const struct flag *instruction_flag(const struct instruction *in, const char *name);
/* Is the switch given, and not as =false? */
bool instruction_switch(const struct instruction *in, const char *name);
/* The heredoc that this source of a COPY or ADD stands for, or NULL; owned by in. */
const struct heredoc *instruction_heredoc(const struct instruction *in, const char *arg);
/* A deep copy; the caller releases *to, which is overwritten. */
void instruction_copy(struct instruction *to, const struct instruction *from);
void instruction_release(struct instruction *in);

#endif
