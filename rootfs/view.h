/* Directory views: merged roots as plain directories, for stores where no overlay can be. Making
 * one means copying, so a store keeps them: the next snapshot of the same layers, or of these and
 * more, goes on with what is there. */
#ifndef ROOTFS_VIEW_H
#define ROOTFS_VIEW_H

#include "store.h"

#include <base/error.h>
#include <base/str.h>

struct views; /* of a store; thread-safe */
struct view;  /* one in use */

struct views *views_new(struct store *store);
/* What is in the store's tmp/ stays for its sweep. */
void views_free(struct views *views);

enum view_use {
    VIEW_LOOK,  /* shared with whoever looks as well */
    VIEW_WRITE, /* alone */
    VIEW_RUN,   /* alone, and its mount points are covered where steps see it by chroot(2) */
};

/* The merged root of these layers, lowest first. ERROR_HOST. */
int view_take(struct views *views, const int *layer_fds, size_t n, enum view_use use,
              struct view **out, struct error *err);
/* Its directory, the view's. */
int view_fd(const struct view *view);
/* Its writers are dead: gather what they changed in upper_fd, an empty directory that is thereby
 * the topmost layer of this view; the view is given back, also on failure. */
int view_settle(struct view *view, int upper_fd, const struct strv *stubs, struct error *err);
/* Done with it: what was changed in it goes. */
void view_give_back(struct view *view);

#endif
