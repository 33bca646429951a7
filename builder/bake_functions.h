/* The standard functions of bake files. */
#ifndef BUILDER_BAKE_FUNCTIONS_H
#define BUILDER_BAKE_FUNCTIONS_H

#include <base/error.h>
#include <base/json.h>

/* Call name(arguments): 1 and *out (a new reference), 0 there is none of that name, -1 ERROR_INPUT.
 */
int bake_function(const char *name, const json_t *arguments, json_t **out, struct error *err);
/* Their names, for documentation and messages: "and, coalesce, …". The caller frees it. */
char *bake_function_names(void);

#endif
