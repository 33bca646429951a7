/* May we push? Asked before a build, so that a refusal costs nobody an hour. */
#ifndef REGISTRY_PREFLIGHT_H
#define REGISTRY_PREFLIGHT_H

#include "transport.h"

#include <base/error.h>

/* Open an upload in ref's repository and give it up again (distribution-spec, "Pushing a blob"):
 * what that takes, credentials, a token for the scope and the right to write, is what a push takes.
 * Nothing is left behind. A reference of another transport than a registry may always be written.
 * Errors are those of a push: ERROR_AUTH, ERROR_INPUT for a name that the registry does not take,
 * ERROR_NETWORK, ERROR_INTERRUPTED, each with what to do about it. */
int push_preflight(const struct reference *ref, const struct transport_options *options,
                   struct error *err);

#endif
