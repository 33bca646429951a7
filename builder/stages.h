/* The stages of a Dockerfile: what each is built from, which others it needs, and which of them,
 * in order, the target needs. */
#ifndef BUILDER_STAGES_H
#define BUILDER_STAGES_H

#include "dockerfile.h"
#include "scope.h"

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

struct stage {
    size_t index;
    char *name;                      /* lower case, or NULL */
    const struct instruction *from;  /* owned by the file, as are all below */
    const struct instruction *items; /* what follows FROM */
    size_t count;
    char *image;    /* FROM's expanded reference, as the user means it; NULL where base >= 0 */
    int base;       /* the earlier stage it is built from, or -1 */
    bool scratch;   /* FROM scratch: image is NULL and base -1 */
    char *platform; /* --platform expanded, or NULL: the target's */
    size_t *needs;  /* stages, ascending, each once: base and all that COPY, ADD, RUN take from */
    size_t need_count, need_cap;
    bool wanted; /* the target needs it (or it is the target) */
};

struct stages {
    const struct dockerfile *file; /* the caller's */
    struct scope global;           /* ARGs before the first FROM */
    struct stage *items;
    size_t count;
    size_t target;
    size_t *order; /* the wanted stages, each after all it needs; the target last */
    size_t order_count;
};

struct stages_options {
    const struct strv *build_args;    /* "K=V" of --build-arg, or NULL; must outlive the result */
    const struct strv *platform_args; /* of scope_platform_args; must outlive the result */
    const char *target;               /* --target: a name, or a number; NULL: the last stage */
    /* Names of --build-context: such a name means the context and not a stage; or NULL. */
    const struct strv *contexts;
};

/* Resolve. file must outlive *out, which the caller frees. FROM sees the stages above it alone (a
 * later one's name means an image); --from and from= name any, but what the target needs must come
 * after what it takes from.
 * ERROR_INPUT with the place and a hint: an unset variable or an empty name in FROM, a number that
 * no stage has, stages that need each other, a variable in --from. ERROR_USAGE: an unknown target,
 * with the nearest. */
int stages_resolve(const struct dockerfile *file, const struct stages_options *options,
                   struct stages **out, struct error *err);
void stages_free(struct stages *stages);
void stages_free_at(struct stages **stages);
#define autostages __attribute__((cleanup(stages_free_at))) struct stages

/* What the name in --from=NAME, used in stage `user`, means: 0 and *index the stage, or 1: no
 * stage, so an image (or a context). A name may be a later stage's. -1 ERROR_INPUT: a number that
 * no stage has (without a place; the caller adds it). */
int stages_find(const struct stages *stages, size_t user, const char *name, size_t *index,
                struct error *err);

/* For messages: "stage 2 (build)" or "stage 2". The caller frees it. */
char *stage_describe(const struct stage *stage);

#endif
