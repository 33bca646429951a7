/* Reports: functions over results. */
#ifndef VERIFY_REPORT_H
#define VERIFY_REPORT_H

#include "result.h"

#include <base/json.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A table for people, the failed checks with their place and last lines of output, and totals. */
void report_terminal(const struct image_result *images, size_t n, bool colour, FILE *out);
/* A new reference; its form is docs/report.schema.json. */
json_t *report_to_json(const struct image_result *images, size_t n);
/* report_to_json, indented. */
void report_json(const struct image_result *images, size_t n, FILE *out);

#endif
