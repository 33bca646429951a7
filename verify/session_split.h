/* --platform all: each image becomes as many as its index has platforms. */
#ifndef VERIFY_SESSION_SPLIT_H
#define VERIFY_SESSION_SPLIT_H

#include "session.h"

#include <registry/transport.h>

/* Asks for each image's manifest. Attestations are no platform. What comes of one reference is
 * pinned to one digest. ERROR_INPUT where an index names no platform; else as pulling fails. */
int session_split(struct session *s, const struct transport_options *transport, struct error *err);

#endif
