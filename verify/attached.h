/* The checks that are attached to an image in its registry. */
#ifndef VERIFY_ATTACHED_H
#define VERIFY_ATTACHED_H

#include "check.h"

#include <base/error.h>
#include <registry/transport.h>

#include <stdbool.h>

/* Read them: 1 with the checks appended to *out, 0 there are none attached. They come from whoever
 * can write to the repository, so none may show files of the host or use its network: ERROR_INPUT.
 * name: what messages and reports call them; the caller owns it. Otherwise as artifact_find and
 * checks_parse. */
int attached_checks(const struct reference *ref, const struct transport_options *transport,
                    bool dev, const char *name, struct checks *out, struct error *err);

#endif
