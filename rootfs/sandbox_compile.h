/* From a sandbox_spec to the plan that the child obeys: every string, descriptor and detached mount
 * is made here, in the parent. In a user namespace some of what the kernel would make anew is the
 * host's, bound: devices and /sys. */
#ifndef ROOTFS_SANDBOX_COMPILE_H
#define ROOTFS_SANDBOX_COMPILE_H

#include "sandbox.h"
#include "sandbox_plan.h"

/* A plan and what it borrows from. */
struct sandbox_build {
    struct sandbox_plan plan;
    size_t op_cap, slot_count, slot_cap;
    struct strv texts;      /* strings of the operations */
    struct strv candidates; /* backs plan.candidates */
    struct strv env;        /* backs plan.env */
    int *owned;             /* descriptors to close */
    size_t owned_count, owned_cap;
    struct plan_option **options;
    size_t option_count, option_cap;
};

/* The child's ends of what it shares with its parent; they stay the caller's. */
struct sandbox_ends {
    int stdio[2];          /* to write standard output and error to */
    int notify;            /* where the notifier waits; -1: there is none */
    int join;              /* cgroup.procs of the cgroup that is to be joined; -1: none */
    uint64_t notify_limit; /* what notify_new said */
    unsigned notify_sets;  /* enum notify_sets */
};

/* ERROR_HOST where the
 * kernel refuses a mount, ERROR_INPUT where a wish is malformed. */
int sandbox_compile(struct sandbox_build *build, const struct sandbox_spec *spec,
                    const struct sandbox_ends *ends, struct error *err);
/* Whether the step sees its root by chroot(2), without namespaces and mounts. */
bool sandbox_by_chroot(const struct sandbox_spec *spec);
/* What a notifier must answer; 0: none is needed. */
unsigned sandbox_notify_sets(const struct sandbox_spec *spec);
/* What root in the sandbox may do: Docker's default, or everything. */
uint64_t sandbox_capabilities(const struct sandbox_spec *spec);
void sandbox_build_release(struct sandbox_build *build);

#endif
