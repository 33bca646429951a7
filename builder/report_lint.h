/* What build checks found, for people and for the CI. */
#ifndef BUILDER_REPORT_LINT_H
#define BUILDER_REPORT_LINT_H

#include "lint.h"

#include <base/error.h>

/* As warnings of the log: "StageNameCasing: … (line 3)". */
void report_lint_log(const struct lint *lint);
/* On standard output, in the given form: "text" (also NULL), "github" or "sarif" (SARIF 2.1.0). */
void report_lint_print(const struct lint *lint, const char *form);
/* On standard error, as annotations of GitHub's Actions. */
void report_lint_annotate(const struct lint *lint);
/* Where "# check=error=true" asks for it: ERROR_INPUT that names the rules. */
int report_lint_verdict(const struct lint *lint, struct error *err);

#endif
