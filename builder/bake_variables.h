/* A bake file's variables and functions: worked out when first asked for. */
#ifndef BUILDER_BAKE_VARIABLES_H
#define BUILDER_BAKE_VARIABLES_H

#include "bake_expression.h"

#include <base/error.h>
#include <base/json.h>
#include <base/str.h>

struct bake_variables {
    json_t *definitions;          /* names to {"default", "type", "description", "validation"} */
    json_t *constants;            /* top-level members that are no block */
    json_t *functions;            /* names to {"params", "variadic_params", "result"} */
    json_t *values;               /* of those that were worked out */
    const struct strv *overrides; /* "NAME=VALUE", before the environment */
    struct strv open;             /* being worked out */
};

/* Nothing but what is built in. overrides (may be NULL) must outlive it. */
void bake_variables_init(struct bake_variables *v, const struct strv *overrides);
void bake_variables_release(struct bake_variables *v);

/* Names as a target sees them: its matrix's first (an object, or NULL), then these. */
struct bake_scope {
    struct bake_variables *variables;
    const json_t *matrix;
};
struct bake_names bake_scope_names(struct bake_scope *scope);

/* The value, from --var, the environment or the default, checked: a new reference, or NULL. */
json_t *bake_variable_value(struct bake_variables *v, const char *name, struct error *err);

#endif
