/* checks.yaml: the file that says what is checked. Its format is described in docs/checks.md and
 * docs/checks.schema.json; unknown keys are errors. */
#ifndef VERIFY_CHECKS_H
#define VERIFY_CHECKS_H

#include "check.h"

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>

enum { CHECKS_CAP = 1024 * 1024 /* bytes of a file */, CHECKS_MAX = 10000 /* in a file */ };

/* Parse n bytes and append the checks for everybody and those of the variant. name is the file's,
 * for messages; directory is where relative mount sources are looked up. ERROR_INPUT with the
 * place, also for a mistake in the other variant's section, and for a file that has no check for
 * this variant at all: nothing verified must not look like success. */
int checks_parse(const void *bytes, size_t n, const char *name, const char *directory, bool dev,
                 struct checks *out, struct error *err);
/* The same from a file. ERROR_MISSING where it is not there. */
int checks_read(const char *path, bool dev, struct checks *out, struct error *err);

#endif
