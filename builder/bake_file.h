/* Bake files in JSON: read, joined, variables and functions and matrices worked out.
 *
 * docker buildx's bake reference is what the keys mean. */
#ifndef BUILDER_BAKE_FILE_H
#define BUILDER_BAKE_FILE_H

#include <base/error.h>
#include <base/json.h>
#include <base/str.h>

#include <stddef.h>

struct bake_variable {
    char *name, *type, *description;
    json_t *value;
};

struct bake_file {
    json_t *targets; /* names to targets, in the order they came: see bake_key.h */
    json_t *groups;  /* names to {"targets": […], "description": …} */
    struct bake_variable *variables;
    size_t variable_count, variable_cap;
};

/* Read files ("-": standard input). A later file's targets are laid over an earlier's of that name.
 * overrides: "NAME=VALUE" of --var, which beat the environment. ERROR_MISSING; ERROR_INPUT names
 * the target and key; a file in HCL or of compose's is refused by name. */
int bake_file_load(const struct strv *paths, const struct strv *overrides, struct bake_file *out,
                   struct error *err);
/* The files that are read where none is named: docker-bake.json and docker-bake.override.json,
 * where they are. ERROR_MISSING where there is none. */
int bake_file_defaults(struct strv *paths, struct error *err);
void bake_file_release(struct bake_file *file);

#endif
