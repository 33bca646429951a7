/* Lists that come in pages: the Link header (RFC 8288) with rel="next". Private. */
#ifndef REGISTRY_LINK_H
#define REGISTRY_LINK_H

#include "http.h"

/* The next page's path below /v2/ and its query, on the registry that answered alone; NULL: this
 * was the last. The caller frees it. */
char *link_next(const struct http_exchange *x);
/* The address in a header's value; NULL: it is not about the next page. */
char *link_parse(const char *header);

#endif
