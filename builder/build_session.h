/* What the steps of one build share. */
#ifndef BUILDER_BUILD_SESSION_H
#define BUILDER_BUILD_SESSION_H

#include "build.h"
#include "cache.h"
#include "context.h"
#include "stage_state.h"
#include "stages.h"

#include <base/digest.h>
#include <base/error.h>

#include <pthread.h>
#include <stdbool.h>

/* A step done in this build, whose record is written once its layer is durable. */
struct pending_record {
    struct digest key;
    struct build_layer *layer; /* NULL: no file changed */
    int64_t created;
};

/* A step of this build, however it came about. */
struct used_step {
    struct digest key;
    struct build_layer *layer; /* NULL: no file changed */
    int64_t created;
    size_t stage;
};

/* For people: "[build 3/7]". */
struct stage_progress {
    size_t step, total;
};

struct build_session {
    const struct build_options *options;
    const struct stages *stages;
    struct stage_state *states; /* one per stage of the file */
    struct build_layers *layers;
    struct context context; /* the main one */
    struct context *named;  /* one for each of options->contexts, opened when first asked for */
    struct strv platform_args;
    struct pending_record *pending;
    size_t pending_count, pending_cap;
    struct used_step *used;
    size_t used_count, used_cap;
    struct stage_progress *progress; /* one per stage of the file */
    size_t steps, cached;
    /* Stages that don't need each other run side by side: what they share has its locks. */
    pthread_mutex_t lock; /* of the lists and counts above, named and open */
    pthread_cond_t done;  /* a key left open */
    struct digest *open;  /* keys of steps being carried out */
    size_t open_count, open_cap;
    pthread_mutex_t pulls; /* one image at a time, so that none is pulled twice */
    int stop_fd;           /* an event: a stage failed, so the others give up */
    int cancel_fd;         /* readable once that happened, or the user asked to stop */
    _Atomic bool stopping;
    int64_t now; /* creation time of what is made in this build, in seconds */
};

/* One instruction being carried out. */
struct step {
    struct build_session *session;
    const struct stage *stage;
    struct stage_state *state;
    const struct dockerfile *file;      /* that holds it: the Dockerfile, or a base's ONBUILD */
    const struct instruction *original; /* as written */
    const struct instruction *in;       /* expanded */
    bool files_needed_later; /* a later step of this stage or another stage looks at the files */
    struct progress_task *task;
    bool cached;
    bool open;         /* its key is among the session's open ones */
    struct digest key; /* that key */
};

/* Ask the cache for key: 1 and the state has the layer and the history entry; 0 a miss: the caller
 * carries the step out. A step of another stage that is the same is waited for. */
int session_cached(struct step *step, const struct digest *key, const char *created_by);
/* A step came to this layer (NULL: no change): add it to the state and remember it under key. */
void session_add(struct step *step, const struct digest *key, struct build_layer *layer,
                 const char *created_by);
/* All steps of this build, or those of the image alone, as records with their layers' blobs; waits
 * for what is being made. *out (zeroed) is the caller's to release, also where it fails. */
int session_gather(struct build_session *s, bool image_alone, struct cache_entries *out,
                   struct error *err);
/* The layer remembered under key, for what is no step of its own; NULL: there is none. */
struct build_layer *session_find_layer(struct build_session *s, const struct digest *key);
/* Remember one, once it is durable. */
void session_remember(struct build_session *s, const struct digest *key, struct build_layer *layer);
/* The step is over, however it ended: whoever waits for its key goes on. */
void session_close(struct step *step);
/* Put the instruction's place into *err. Returns -1. */
int step_error(const struct step *step, struct error *err);
/* ERROR_INPUT "… is not supported yet", at the flag of that name where it is given; 0 where none
 * is. */
int step_refuse_flags(const struct step *step, const char *const *names, size_t n,
                      struct error *err);
/* The stage or image that --from=NAME means, as a state whose layers can be mounted. *image_state
 * is filled for an image (and to be released by the caller), *state points to it or to a stage's.
 */
int session_source(struct step *step, const char *name, struct position at,
                   struct stage_state *image_state, const struct stage_state **state,
                   struct error *err);
/* The directory that --build-context gave under this name: 1 and *out (the session's); 0: there is
 * none; -1. */
int session_context(struct build_session *s, const char *name, struct context **out,
                    struct error *err);
/* Pull, or find in the store, the image a FROM or --from names, and make a state of it: what
 * --build-context says first, of a directory an image with its files alone. */
int session_image(struct build_session *s, const char *name, const struct platform *platform,
                  struct stage_state *out, struct error *err);

#endif
