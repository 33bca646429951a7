/* The strings of a bake file: templates in HCL's syntax, as its JSON form has them ("${TAG}",
 * "app-${item.name}", "${upper(NAME)}").
 *
 * HCL native syntax specification, "Expressions" and "Templates"; JSON syntax, "Expressions". Left
 * out, and refused by name: template directives (%{if}), for expressions, splats, heredocs. */
#ifndef BUILDER_BAKE_EXPRESSION_H
#define BUILDER_BAKE_EXPRESSION_H

#include <base/error.h>
#include <base/json.h>

/* What names mean. */
struct bake_names {
    /* The value of a variable: a new reference; NULL with ERROR_INPUT where there is none. */
    json_t *(*variable)(void *context, const char *name, struct error *err);
    /* Call a function that is not a standard one: 1 and *out, 0 there is none of that name, -1. */
    int (*call)(void *context, const char *name, const json_t *arguments, json_t **out,
                struct error *err);
    void *context;
};

/* The value of a template: a string, or where the text is one "${…}" alone whatever that gives. A
 * new reference; NULL with ERROR_INPUT. */
json_t *bake_template(const char *text, const struct bake_names *names, struct error *err);
/* Every string in the value (and every member's name) as a template: a new value. */
json_t *bake_evaluate(const json_t *value, const struct bake_names *names, struct error *err);
/* As it stands in a string; the caller frees it. NULL with ERROR_INPUT for null, lists and objects.
 */
char *bake_text(const json_t *value, struct error *err);

#endif
