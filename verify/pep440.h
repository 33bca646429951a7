/* Versions of Python packages (PEP 440): comparing them, and specifiers such as ">=1.2,!=1.3.*". */
#ifndef VERIFY_PEP440_H
#define VERIFY_PEP440_H

#include <stdbool.h>

/* Less than, equal to or greater than 0, as a is older than, the same as or newer than b. Texts
 * that are no versions are compared as texts. Local parts ("+cu128") count where both have one. */
int pep440_compare(const char *a, const char *b);
/* True where the version fulfils all specifiers of a comma-separated list (which may be empty and
 * may stand in parentheses). An operator that is unknown is fulfilled: it is not ours to judge. */
bool pep440_fulfils(const char *version, const char *specifiers);

#endif
