/* What the store's rooms share: store.c (opening, adopting), store_open.c (what opening finds),
 * store_use.c (usage and prune). */
#ifndef ROOTFS_STORE_PRIVATE_H
#define ROOTFS_STORE_PRIVATE_H

#include "store.h"

#include <base/str.h>

struct store {
    struct layer_sink sink; /* first, so that its pointer is the store's */
    struct mode mode;       /* as the caller's, which outlives the store */
    enum whiteout_form form;
    char *path;
    int root_fd, oci_fd, cache_fd, layers_fd, synced_fd, all_tmp_fd;
    struct owners *owners;
    struct views *views; /* where no overlay can be */
    int empty_fd, mount_points_fd;
    int lock_fd; /* of the whole store, shared */
    int tmp_fd, tmp_lock_fd;
    char *tmp_name; /* below tmp/ */
    _Atomic unsigned counter;
};

/* Whatever opening does to the store's folders, under open.lock: the folders themselves, the dead's
 * leftovers, what a power cut may have spoilt, and a folder for this process. */
int store_prepare(struct store *store, struct error *err);
/* Find out how the store's layers can be laid over each other, for its form. tmp_fd is there. */
void store_choose_form(struct store *store);
/* A folder in dir_fd, made where absent; -1 with errno. */
int store_open_folder(int dir_fd, const char *name, mode_t mode, int *fd);
/* flock(2), which may wait: ERROR_INTERRUPTED, ERROR_HOST. */
int store_lock(const struct store *store, int fd, int operation, struct error *err);
/* Add the names in a directory, without "." and "..", to names; -1 with errno. */
int store_list(int dir_fd, struct strv *names);

#endif
