/* Architectures: what a program for one looks like, and what else calls it by which name. */
#ifndef ROOTFS_ARCH_H
#define ROOTFS_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes at the start of an ELF file that tell its architecture: up to and with e_machine. */
enum { ARCH_HEADER = 20 };

struct arch {
    const char *name; /* as images call it (Go's GOARCH): "arm64" */
    const char *qemu; /* "aarch64", of qemu-aarch64 */
    bool wide;        /* 64-bit files (ELFCLASS64) */
    bool big_endian;
    uint16_t machine; /* e_machine of the System V ABI */
};

/* NULL: one that is not known here. */
const struct arch *arch_find(const char *name);
/* The architecture of a program, from the n first bytes of its file; NULL where it is no ELF file
 * or one for an architecture that is not known here. */
const struct arch *arch_of_program(const void *bytes, size_t n);
/* The header that the architecture's programs have, and which of its bits tell. */
void arch_header(const struct arch *arch, unsigned char magic[ARCH_HEADER],
                 unsigned char mask[ARCH_HEADER]);

#endif
