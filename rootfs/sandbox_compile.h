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

/* stdio: the write ends for standard output and error; they stay the caller's. ERROR_HOST where the
 * kernel refuses a mount, ERROR_INPUT where a wish is malformed. */
int sandbox_compile(struct sandbox_build *build, const struct sandbox_spec *spec,
                    const int stdio[2], struct error *err);
void sandbox_build_release(struct sandbox_build *build);

#endif
