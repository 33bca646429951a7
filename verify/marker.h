/* Environment markers of requirements (PEP 508): "python_version < '3.11' and extra == 'dev'". */
#ifndef VERIFY_MARKER_H
#define VERIFY_MARKER_H

#include <base/str.h>

#include <stdbool.h>

/* What markers may ask of an environment; all texts are borrowed. */
struct marker_environment {
    const char *python_version;      /* "3.11" */
    const char *python_full_version; /* "3.11.2" */
    const char *platform_machine;    /* "x86_64", "aarch64" */
    const struct strv *extras;       /* that are asked for; NULL: none */
};

/* True where a requirement with this marker holds there. A marker that can't be read holds not:
 * *unknown is set. */
bool marker_holds(const char *marker, const struct marker_environment *environment, bool *unknown);

#endif
