/* The notifier: a thread that answers, in the kernel's stead, the calls of a step that has one id
 * only (or may not mount), so that it sees what root would see, and always the same: who chowns a
 * file finds the new owner in stat, who sets an id gets it back, a set-id program runs as its
 * owner. seccomp_unotify(2); the calls are those of notify_table.
 *
 * It is no border: what a step could do by racing with its answers it can do without. Arguments are
 * read once, and what is decided by them is done on descriptors opened here, so that a step that
 * changes them meanwhile fools itself alone. Linux 5.19 (WAIT_KILLABLE_RECV) is the floor, since
 * before it a signal could repeat a call that had been carried out; from 6.6 on it is fast. */
#ifndef ROOTFS_NOTIFY_H
#define ROOTFS_NOTIFY_H

#include "notify_table.h"
#include "owner.h"
#include "passwd.h"

#include <base/error.h>

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

struct notify;

struct notify_spec {
    unsigned sets;         /* enum notify_sets */
    struct owners *owners; /* of NOTIFY_RECORDED */
    /* The upper directory of the step's root, where that is an overlay; else -1. Symlinks and the
     * like are known by their inode there. */
    int upper_fd;
    const struct user_ids *user; /* whom the step starts as; NULL: root */
    uint64_t capabilities;       /* of root in the step */
};

/* Make one. The step's child sends over *child_fd (which is the caller's to close once the child is
 * there) what installing the filter gave it and its root directory, both as SCM_RIGHTS of one
 * message; then one byte comes back, and the child may go on. *limit gets the soft RLIMIT_LOCKS
 * that the child must set before. ERROR_HOST. */
int notify_new(const struct notify_spec *spec, struct notify **out, int *child_fd, uint64_t *limit,
               struct error *err);
/* Serve on a thread of its own, which has its own root and working directory. ERROR_HOST. */
int notify_start(struct notify *notify, struct error *err);
/* Serve here, in a process made for it, whose root becomes the step's. Whenever watch_fd is
 * readable watch is called, and all ends when it says false. */
void notify_serve_here(struct notify *notify, int watch_fd, bool (*watch)(void *context),
                       void *context);
/* Descriptors that notify_serve_here needs, -1 last; at most 8. */
void notify_descriptors(const struct notify *notify, int fds[8]);
/* Whether this host lets a notifier be: tried in a child. Else *why, and *fix where there is one,
 * are the caller's to free. */
bool notify_probe(char **why, char **fix);
/* End it; all processes of the step must be dead, or are answered ENOSYS from here on. NULL does
 * nothing. */
void notify_stop(struct notify *notify);

#endif
