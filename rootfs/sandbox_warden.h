/* The process between us and a step that has no pid namespace: the step's processes are all below
 * it and come to it when their parents die, so that it can end them all. It also serves the
 * notifier, since it is an ancestor of all that it looks into, and may have a root of its own. */
#ifndef ROOTFS_SANDBOX_WARDEN_H
#define ROOTFS_SANDBOX_WARDEN_H

#include "notify.h"
#include "sandbox_plan.h"

/* Start it, and below it the child with its plan. notify may be NULL. It ends, when the step's
 * first process has ended or SIGTERM comes, with that process's exit code (128 and the signal that
 * ended it), after everything below it is dead. Its number, or -1 with errno. */
pid_t sandbox_warden_start(struct sandbox_plan *plan, struct notify *notify);

#endif
