/* The names that images have in the store's index. */
#ifndef BUILDER_STORE_NAME_H
#define BUILDER_STORE_NAME_H

#include <registry/platform.h>
#include <registry/reference.h>

/* The name of one platform's image: the full reference where that is the host's, else
 * "REFERENCE (linux/arm64)", so that a base is there for several at once. The caller frees it. */
char *store_name(const struct reference *ref, const struct platform *platform);

#endif
