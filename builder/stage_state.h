/* A stage being built: its layers, its config, its variables and its place in the cache. */
#ifndef BUILDER_STAGE_STATE_H
#define BUILDER_STAGE_STATE_H

#include "build_layer.h"
#include "scope.h"

#include <base/digest.h>
#include <base/error.h>
#include <base/json.h>
#include <base/str.h>
#include <registry/image.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stage_state {
    struct scope scope;
    struct strv env; /* the config's Env: the base's, and what ENV set */
    json_t *config; /* the config object of the image config, without Env (image-spec, config.md) */
    json_t *history; /* array */
    struct platform platform;
    struct build_layer **layers; /* lowest first; owned by build_layers */
    size_t layer_count, layer_cap;
    size_t base_layers;   /* of these, the base image's */
    struct digest key;    /* of the files so far */
    struct strv shell;    /* SHELL, or the platform's */
    bool cmd_set;         /* by this stage: ENTRYPOINT drops only an inherited CMD */
    struct strv on_build; /* the base's triggers, to be run */
    char *base_reference; /* FROM's image, for the annotations; NULL: scratch */
};

/* An empty state, FROM scratch. global must outlive it. */
void stage_state_init_scratch(struct stage_state *s, const struct scope *global,
                              const struct platform *platform);
/* FROM a pulled image: config, history and environment of it, its layers added to set. ERROR_INPUT.
 */
int stage_state_init_image(struct stage_state *s, const struct scope *global, struct image *image,
                           struct build_layers *set, const char *where, struct error *err);
/* FROM an earlier stage. */
void stage_state_init_stage(struct stage_state *s, const struct scope *global,
                            const struct stage_state *base);
void stage_state_release(struct stage_state *s);

/* Add a layer (NULL: the step changed no file) and its history entry. created in seconds; -1: the
 * time of the entry before, for instructions that are not cached, so that a rebuild whose steps all
 * come from the cache gives the same image. */
void stage_state_add(struct stage_state *s, struct build_layer *layer, const char *created_by,
                     int64_t created);
/* A member of the config that is a string; "" where absent. */
const char *stage_state_text(const struct stage_state *s, const char *key);
/* The working directory: "/" where none is set. */
const char *stage_state_cwd(const struct stage_state *s);
/* "2026-11-24T07:40:42Z" for seconds since 1970. */
char *stage_state_time(char buffer[24], int64_t seconds);

#endif
