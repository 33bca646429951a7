/* The reports of `imgverify diff`: functions over what differs. */
#ifndef VERIFY_DIFF_REPORT_H
#define VERIFY_DIFF_REPORT_H

#include "diff.h"

#include <base/json.h>

#include <stdio.h>

/* limit: files that are listed of each kind; 0: all. */
void diff_report_text(const struct image_diff *d, size_t limit, FILE *out);
/* A new reference; its form is docs/diff.schema.json. */
json_t *diff_to_json(const struct image_diff *d);
/* One page that needs nothing else. */
void diff_report_html(const struct image_diff *d, FILE *out);

#endif
