/* Files of container-structure-test, schema 2.0.0 and its older form 1.0.0, as they are.
 *
 * Every section and field; an unknown one is an error. What that tool does wrong is not repeated:
 * see docs/container-structure-test.md. */
#ifndef VERIFY_CST_H
#define VERIFY_CST_H

#include "checks_parse.h"

#include <base/error.h>

#include <stdbool.h>

/* True for a file that has a schemaVersion. */
bool cst_is(const struct yaml_file *file);
/* Append its tests to p->out. ERROR_INPUT with the place. */
int cst_parse(struct checks_parser *p, struct error *err);

#endif
