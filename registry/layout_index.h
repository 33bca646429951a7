/* index.json of an OCI image layout (image-layout.md, "index.json file"), as data. Private: the
 * directories of layout.h and the archives share it. */
#ifndef REGISTRY_LAYOUT_INDEX_H
#define REGISTRY_LAYOUT_INDEX_H

#include "image.h"

/* The name of an entry. */
#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
/* containerd's and docker's full name beside it. */
#define ANNOTATION_CONTAINERD_NAME "io.containerd.image.name"
/* Ours: the digest of the index that a kept manifest was chosen from. */
#define ANNOTATION_CHOSEN_FROM "imgbuild.chosen-from"

/* The entry of this name or digest text; NULL or "": the only entry. ERROR_MISSING lists the names
 * there are. */
int layout_index_find(const json_t *index, const char *name, const char *where,
                      struct descriptor *out, struct error *err);
/* Put an entry in; an older one of its name (or an unnamed one of its digest) goes. */
void layout_index_put(json_t *index, const struct descriptor *entry);
/* Take the entries of this name or digest text out; their number. */
size_t layout_index_remove(json_t *index, const char *name);
/* The entry for a manifest: annotations name (and chosen_from, where not NULL) set. */
void layout_index_entry(const struct manifest *manifest, const char *name,
                        const struct platform *platform, const struct digest *chosen_from,
                        struct descriptor *out);
/* "blobs/sha256/HEX"; the digest was checked when it was parsed. The caller frees it. */
char *layout_blob_name(const struct digest *digest) __attribute__((returns_nonnull));
/* A new empty index. */
json_t *layout_index_new(void);

#endif
