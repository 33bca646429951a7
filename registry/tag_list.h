/* What a repository has, and taking things out of it: OCI distribution-spec 1.1, "Listing Tags" and
 * "Content Management". */
#ifndef REGISTRY_TAG_LIST_H
#define REGISTRY_TAG_LIST_H

#include "transport.h"

#include <base/str.h>

enum { TAGS_CAP = 1000 * 1000 };

/* Append the tags of the repository that ref names, in the registry's order; of a file, the names
 * in its index. ERROR_MISSING where there is no such repository; else as a pull. */
int image_tags(const struct reference *ref, const struct transport_options *options,
               struct strv *out, struct error *err);

/* Take out what ref names: a tag alone where ref has one, its manifest staying under its digest and
 * other tags; by digest the manifest with all its tags. Of an OCI layout the entry in its index.
 * ERROR_MISSING where it isn't there, ERROR_INPUT with what to do instead where the registry does
 * not delete, or not by tag. */
int image_delete(const struct reference *ref, const struct transport_options *options,
                 struct error *err);

#endif
