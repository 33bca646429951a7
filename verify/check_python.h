/* The python group of a checks file: what a virtual environment must hold, as single checks. */
#ifndef VERIFY_CHECK_PYTHON_H
#define VERIFY_CHECK_PYTHON_H

#include "check.h"

#include <stdbool.h>

/* What a group's check is; each makes one check. */
enum python_check {
    PYTHON_VENV,
    PYTHON_SCRIPT,
    PYTHON_IMPORT,
    PYTHON_ENTRY_POINT,
    PYTHON_DISTRIBUTION,
    PYTHON_EDITABLE,
    PYTHON_UV,
};

enum { PYTHON_SUBJECT_MAX = 1000 /* bytes */ };

/* Append one check about subject (a script, an import …, of at most PYTHON_SUBJECT_MAX bytes; NULL
 * for VENV and UV). */
struct check *python_check_add(struct checks *checks, enum python_check what, const char *venv,
                               const char *subject, const char *file, unsigned line);
/* True for "package.module" and "package.module:attribute.attribute". */
bool python_import_valid(const char *text);

#endif
