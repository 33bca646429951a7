/* The layers of a build: of a base, from the cache, or being made while the next step already runs.
 *
 * A layer has two forms, and is brought from one to the other only when somebody needs it: a
 * directory (for overlays) and a blob (for manifests). */
#ifndef BUILDER_BUILD_LAYER_H
#define BUILDER_BUILD_LAYER_H

#include <base/digest.h>
#include <base/error.h>
#include <base/pool.h>
#include <base/str.h>
#include <base/stream.h>
#include <rootfs/compress.h>
#include <rootfs/snapshot.h>
#include <rootfs/store.h>

#include <stdbool.h>
#include <stdint.h>

struct build_layers; /* owns all layers of a build; any thread may use it and its layers */
struct build_layer;  /* owned by build_layers */

/* store and pool are borrowed. clamp: see layer_tar_new. */
struct build_layers *build_layers_new(struct store *store, struct pool *pool,
                                      const struct compression *compression, int64_t clamp);
/* Waits for what is in the background. */
void build_layers_free(struct build_layers *set);

/* A layer whose diff_id and blob are known; blob may be unset (the directory must be there then).
 */
struct build_layer *build_layers_add(struct build_layers *set, const struct layer *layer);
/* The same for a layer whose blob fetch(context, layer, err) brings into the store's layout, when
 * somebody needs it. */
struct build_layer *build_layers_add_remote(struct build_layers *set, const struct layer *layer,
                                            int (*fetch)(const void *context,
                                                         const struct layer *layer,
                                                         struct error *err),
                                            const void *context);
/* Is the layer on this host, in one form or the other? */
bool build_layer_is_here(const struct build_layer *layer);
/* The upper directory of a snapshot (moved in) as a layer, made in the background: diff, both
 * hashes, compression. skip (moved in): paths that are not the step's doing. */
struct build_layer *build_layers_add_snapshot(struct build_layers *set, struct snapshot *snapshot,
                                              struct strv *skip);
/* A layer from a tar stream that `write` makes now, on this thread; with_directory: unpack it in
 * the same pass, for a later step. NULL with *err on failure. */
struct build_layer *build_layers_add_tar(struct build_layers *set, bool with_directory,
                                         int (*write)(void *context, struct sink *tar,
                                                      struct error *err),
                                         void *context, struct error *err);

/* The directory's descriptor, owned by the layer; unpacked from the blob where it is not there. -1.
 */
int build_layer_directory(struct build_layer *layer, struct error *err);
/* Wait until diff_id is known. */
int build_layer_wait(struct build_layer *layer, struct error *err);
/* Wait, and see that the blob is in the store's layout: for a layer made here, in the wanted
 * compression. *out's media_type is a constant. */
int build_layer_blob(struct build_layer *layer, struct layer *out, struct error *err);
/* A snapshot over these layers, lowest first. */
int build_layers_snapshot(struct build_layers *set, struct build_layer *const *layers, size_t count,
                          enum snapshot_flags flags, struct snapshot *out, struct error *err);

#endif
