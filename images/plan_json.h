/* The build plan as JSON, for --dry-run and for other programs. */
#ifndef IMAGES_PLAN_JSON_H
#define IMAGES_PLAN_JSON_H

#include "plan.h"

#include <base/error.h>
#include <base/json.h>

#include <stdio.h>

/* A new reference; its form is docs/plan.schema.json. */
json_t *plan_to_json(const struct build_plan *plan);
/* plan_to_json, indented, to out: what --dry-run prints. ERROR_HOST where writing fails. */
int plan_print_json(const struct build_plan *plan, FILE *out, struct error *err);

#endif
