/* One file from a web server, as ADD fetches it. */
#ifndef REGISTRY_DOWNLOAD_H
#define REGISTRY_DOWNLOAD_H

#include "transport.h"

#include <base/error.h>
#include <base/stream.h>

#include <stdint.h>

/* GET url (http or https) and write its bytes to the sink, which stays the caller's and is not
 * finished. Redirects are followed (ten, never from https to http); trouble that passes before the
 * first byte is waited for. What authorizes is sent to the URL's own host alone. *last_modified
 * gets the header's time in seconds since 1970, or -1. ERROR_INPUT for a bad URL, ERROR_MISSING for
 * a 404 or 410, ERROR_NETWORK, ERROR_INTERRUPTED. */
int download(const char *url, const struct transport_options *options, struct sink *to,
             int64_t *last_modified, struct error *err);
/* The same with this value in the header Authorization. */
int download_as(const char *url, const char *authorization, const struct transport_options *options,
                struct sink *to, int64_t *last_modified, struct error *err);

#endif
