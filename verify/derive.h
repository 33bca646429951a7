/* Checks that an image itself asks for: static ones of all files, and of each virtual environment
 * what its packages declare. */
#ifndef VERIFY_DERIVE_H
#define VERIFY_DERIVE_H

#include "check.h"
#include "image_view.h"

#include <base/error.h>

#include <stdbool.h>

enum derive_wish { DERIVE_STATIC = 1, DERIVE_RUN = 2 };

/* What --auto and --static ask for. */
unsigned derive_wishes(bool automatic, bool statics);

/* What messages and reports give as these checks' file. */
#define DERIVED_FILE "derived from the image"

/* Append the checks to out, but for those whose name is there already. venvs: the environments to
 * look at; empty: all that the image has. ERROR_INPUT where one of them is none. */
int derive_checks(const struct image_view *view, const struct strv *venvs, bool dev,
                  unsigned wishes, struct checks *out, struct error *err);

#endif
