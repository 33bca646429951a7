/* Reports: functions over results. What a program wrote is cleaned on its way into each of them
 * (output_clean), and then quoted as the format asks. */
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
/* JUnit XML as Jenkins' xunit plug-in and GitLab read it: a suite per image, a case per check. */
void report_junit(const struct image_result *images, size_t n, FILE *out);
/* TAP version 13, one test per check, with a YAML block behind what failed. */
void report_tap(const struct image_result *images, size_t n, FILE *out);
/* SARIF 2.1.0: a run per image, a rule per check, a result for each that failed or was skipped. */
void report_sarif(const struct image_result *images, size_t n, FILE *out);
/* GitHub Actions' workflow commands, which become annotations at the checks file's line. workspace:
 * what paths are made relative to; may be NULL. */
void report_github(const struct image_result *images, size_t n, const char *workspace, FILE *out);
/* Markdown for $GITHUB_STEP_SUMMARY: a table per image, what failed with its last lines. */
void report_markdown(const struct image_result *images, size_t n, FILE *out);
/* One page that needs nothing else: verdicts, outputs and, where an image's inventory was taken,
 * its sizes by layer and folder, wasted bytes and packages. */
void report_html(const struct image_result *images, size_t n, FILE *out);

#endif
