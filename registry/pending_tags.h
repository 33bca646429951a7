/* What a layout or an archive lists in its index.json when all is stored: the manifests that were
 * put, with their tags; and without any tag the last of them, which is the root. Private. */
#ifndef REGISTRY_PENDING_TAGS_H
#define REGISTRY_PENDING_TAGS_H

#include "image.h"

struct pending_tag {
    struct manifest manifest;
    char *tag; /* NULL: by digest alone */
};

struct pending_tags {
    struct pending_tag *items;
    size_t count, cap;
};

void pending_tags_add(struct pending_tags *p, const struct manifest *manifest, const char *tag);
/* Call visit for each that is to be listed. Stops at the first failure. */
int pending_tags_each(const struct pending_tags *p,
                      int (*visit)(void *context, const struct pending_tag *entry,
                                   struct error *err),
                      void *context, struct error *err);
void pending_tags_release(struct pending_tags *p);

#endif
