/* OCI image layout directories (image-layout.md): oci-layout, index.json, blobs/ALG/HEX.
 * Blobs are written without a name and then linked; index.json is replaced whole under a lock. */
#ifndef REGISTRY_LAYOUT_H
#define REGISTRY_LAYOUT_H

#include "image.h"

#include <base/str.h>
#include <base/stream.h>

/* Make an empty layout in a directory unless it is one (an index.json that a power cut left without
 * its bytes is begun anew); ERROR_INPUT where it is something else. */
int layout_init(int dir_fd, struct error *err);
bool layout_has_blob(int dir_fd, const struct digest *digest, int64_t size);
/* The blob's bytes, not verified again: they were when written. ERROR_MISSING. */
int layout_open_blob(int dir_fd, const struct digest *digest, struct source **out,
                     struct error *err);
/* A sink for a blob whose digest is known and verified by the writer of the sink. finish renames
 * it. */
int layout_new_blob(int dir_fd, const struct digest *digest, struct sink **out, struct error *err);
/* Take a finished file (in the same file system) as the blob of this digest, by rename. */
int layout_adopt_blob(int dir_fd, int from_dir_fd, const char *name, const struct digest *digest,
                      struct error *err);
/* Store small bytes (a config, a manifest) as a blob; *digest (may be NULL) gets its digest. */
int layout_put_bytes(int dir_fd, const void *bytes, size_t n, struct digest *digest,
                     struct error *err);
/* Store bytes as the blob of this digest, which the caller has checked. */
int layout_put_blob(int dir_fd, const struct digest *digest, const void *bytes, size_t n,
                    struct error *err);
/* Put a manifest or index into index.json under a name (NULL: unnamed); an older entry of that name
 * goes. */
int layout_put_manifest(int dir_fd, const struct manifest *manifest, const char *name,
                        const struct platform *platform, struct error *err);
/* The same for a manifest that was chosen from an index of this digest (NULL: from none), which
 * image_kept then compares. */
int layout_put_chosen(int dir_fd, const struct manifest *manifest, const char *name,
                      const struct platform *platform, const struct digest *chosen_from,
                      struct error *err);
/* Look a name (or digest text) up ("" or NULL: the only entry). ERROR_MISSING lists the names there
 * are. *out is the caller's to release. */
int layout_find(int dir_fd, const char *name, struct descriptor *out, struct error *err);
/* Append the names in index.json, each once. */
int layout_names(int dir_fd, struct strv *out, struct error *err);
/* Take a name (or digest text) out of index.json; blobs stay. 1 done, 0 was not there, -1 error. */
int layout_remove(int dir_fd, const char *name, struct error *err);
/* Take every entry without a name out of index.json; blobs stay. */
int layout_remove_unnamed(int dir_fd, struct error *err);

/* The image that the layout has under this name or digest text, through an index by platform
 * (wanted NULL: any where it is a single manifest, else the host's). No layer is looked at.
 * ERROR_MISSING. */
int image_load(int dir_fd, const char *name, const struct platform *wanted, struct image *out,
               struct error *err);

#endif
