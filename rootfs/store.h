/* The store: unpacked layers, finished images and the cache, shared by any number of processes.
 *
 *   oci/             an OCI image layout that any tool can read (registry/layout writes it)
 *   layers/HEX/      a layer unpacked, by diff_id, ready as an overlay lowerdir
 *   synced/HEX       marks the layers that are known to be on the disk
 *   layers-KIND/, synced-KIND/   the same for other modes: -mapped (ids of a user namespace),
 *                    -recorded (owners in a record, see owner.h), -plain (no overlay can be here)
 *   owners           of recorded owners, what can't be beside its file
 *   cache/           step records (builder/cache writes them)
 *   skeleton/        an empty directory, and one of empty mount points, for snapshots
 *   tmp/PID-RANDOM/  what a process has unfinished; its `lock` file is held while that process
 *                    lives, and whoever opens the store next removes the folders of the dead
 *   boot             the boot in which the layers without a mark were made
 *   lock             held shared by every user, exclusively by prune
 *   open.lock        held while the store is being opened
 *
 * Nothing under layers/ is ever incomplete: a layer is made in tmp/ and renamed. Nothing is synced
 * on the way; store_sync makes all of it durable at once, before records that name it are written.
 * After a power cut a layer that was renamed but not synced must not be trusted: see store_sync. */
#ifndef ROOTFS_STORE_H
#define ROOTFS_STORE_H

#include "mode.h"
#include "owner.h"
#include "whiteout.h"

#include <base/digest.h>
#include <base/error.h>
#include <base/stream.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Open, or make, the store at root; NULL: $XDG_DATA_HOME/imgbuild (~/.local/share/imgbuild), as
 * root /var/lib/imgbuild. mode: what mode_enter took (NULL: root's); it stays the caller's, and
 * must outlive the store. ERROR_HOST where it cannot be made, or the directory holds something
 * else. */
int store_open(const char *root, const struct mode *mode, struct store **out, struct error *err);
void store_close(struct store *store);
/* How owners are kept in this store's layers; NULL: by the kernel. */
struct owners *store_owners(const struct store *store);
/* Absolute path, for messages. */
const char *store_path(const struct store *store);
const struct mode *store_mode(const struct store *store);
/* How unpacked layers say what is deleted. */
enum whiteout_form store_form(const struct store *store);

/* Directory descriptors, owned by the store. */
int store_oci_fd(const struct store *store);
int store_cache_fd(const struct store *store);
/* This process's own folder, on the same file system as the rest. */
int store_tmp_fd(const struct store *store);
/* Directories that no step ever writes to; see SNAPSHOT_MOUNT_POINTS. */
int store_empty_fd(const struct store *store);
int store_mount_points_fd(const struct store *store);
/* A name that is new in this process's tmp/: "PREFIX-NUMBER". The caller frees it. */
char *store_tmp_name(struct store *store, const char *prefix) __attribute__((returns_nonnull));

bool store_has_layer(struct store *store, const struct digest *diff_id);
/* The unpacked layer's directory; the caller closes it. -1 with ERROR_MISSING where it is not
 * there. */
int store_open_layer(struct store *store, const struct digest *diff_id, struct error *err);
/* Make a directory of this process's tmp/ (by its path there) the layer of this diff_id. Where
 * another process was first, ours stays in tmp/ until the store is closed: both are the same, and
 * descriptors of either directory stay good. */
int store_adopt_layer(struct store *store, const char *tmp_name, const struct digest *diff_id,
                      struct error *err);
/* A layer sink that unpacks into this store (several layers at once); owned by the store. */
struct layer_sink *store_layer_sink(struct store *store);

/* Make everything adopted so far durable: syncfs(2), then the marks that say so. A layer without
 * its mark that another boot left behind is removed when the store is opened. */
int store_sync(struct store *store, struct error *err);

struct store_usage {
    int64_t layer_bytes, blob_bytes, cache_bytes, tmp_bytes;
    size_t layers, blobs;
};
int store_usage(struct store *store, struct store_usage *out, struct error *err);
/* Have the store to oneself until store_prune returns or the store is closed: whoever decides what
 * may go claims it first, so that nothing is made meanwhile. ERROR_HOST where another process uses
 * it. */
int store_claim(struct store *store, struct error *err);
/* Remove the layers (by their diff_id's digits) and blobs for which keep says no. Claims the store,
 * where the caller has not. freed gets the bytes. */
int store_prune(struct store *store, bool (*keep_layer)(void *context, const char *hex),
                bool (*keep_blob)(void *context, const char *hex), void *context, int64_t *freed,
                struct error *err);

#endif
