/* Programs of other architectures, run by qemu-user.
 *
 * Where the kernel allows it (Linux 6.7 and later) qemu is registered in a binfmt_misc that only
 * the sandbox's own user namespace sees, so that the host needs no set-up and is not changed; else
 * what the host has registered serves. */
#ifndef ROOTFS_EMULATION_H
#define ROOTFS_EMULATION_H

#include <base/error.h>

/* How programs of one architecture run here: what sandbox_spec.emulation takes. */
struct emulation {
    int userns_fd;    /* of the private registration; -1: the host's own serves */
    char *qemu;       /* path of the interpreter */
    char *why_shared; /* why it is not private; NULL: it is */
};

/* What a process needs of emulation, each architecture set up once and kept; several threads may
 * use it. */
struct emulators;
struct emulators *emulators_new(void);
/* For programs of arch ("arm64", as images call it). *out is owned by the emulators. ERROR_HOST
 * says why there is none, and what would give one. */
int emulators_find(struct emulators *emulators, const char *arch, const struct emulation **out,
                   struct error *err);
void emulators_free(struct emulators *emulators);

/* The program that emulates arch in any root: qemu-ARCH-static, or a qemu-ARCH that needs no shared
 * library, in $PATH or where distributions put it. The caller frees it; NULL: none. */
char *emulation_program(const char *arch);

#endif
