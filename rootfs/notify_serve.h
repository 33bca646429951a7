/* What is handed in to a step without mounts: /proc, /sys, /dev/pts and a few names of /dev. */
#ifndef ROOTFS_NOTIFY_SERVE_H
#define ROOTFS_NOTIFY_SERVE_H

#include "notify_private.h"

/* Where a path of the step is to be looked up by the notifier's thread instead. */
struct notify_place {
    int base;       /* the root outside; AT_FDCWD: by path, as the step's root or a descriptor */
    bool self;      /* a link that is another for each process: /proc/self and the like */
    int descriptor; /* opened for this place, or -1 */
    char path[PATH_MAX + NAME_MAX];
};
#define NOTIFY_PLACE ((struct notify_place){.base = -1, .descriptor = -1})
void notify_place_release(struct notify_place *place);
#define autoplace __attribute__((cleanup(notify_place_release))) struct notify_place

/* True where the target is one of them; false: it is the kernel's. */
bool notify_place(const struct notify *n, const struct notify_target *target,
                  struct notify_place *out);
/* Open what is there, with the flags of open(2); -1 with errno. */
int notify_place_open(const struct notify_place *place, int flags, mode_t mode);
/* Where "/proc/self" leads for the process in hand. */
void notify_self(const struct notify *n, const char *link, char text[64]);

/* Answer the call in hand if it is about such a place. */
bool notify_serve(struct notify *n);

/* ---- a thread that is held on its way back from a call (notify_hook.c) ---- */

/* Hold it: it stops as soon as its call is answered. -1: it can't be held. */
int notify_hold(struct notify *n);
/* Wait until it has stopped, after notify_send. *result: what its call gave. -1: it died. */
int notify_held(struct notify *n, int64_t *result);
/* Let it make a call of ours and give what that gives as its own call's result: before that, after
 * notify_held. Of a close-on-exec descriptor that was put into it, close_fd (or -1) is closed. */
int notify_inject(struct notify *n, long call, const uint64_t args[5], int close_fd);
/* The same where nothing comes back: execve, or a call that is asked about again. */
int notify_redirect(struct notify *n, long call, const uint64_t args[5]);
/* Let it go on. */
void notify_let_go(struct notify *n);
/* Put a descriptor into the process; its number there, or -1 with errno. */
int notify_add_fd(struct notify *n, int fd);

#endif
