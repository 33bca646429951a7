/* What the dynamic linker would read of an ELF file (System V ABI, "Object Files" and "Dynamic
 * Linking"; symbol versions as the Linux Standard Base describes them).
 *
 * A reader of our own, since libelf wants a whole file in memory or on the disk, and ours passes by
 * once in a layer's tar stream. Every offset and size is checked before use. */
#ifndef VERIFY_ELF_H
#define VERIFY_ELF_H

#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A version of a library's symbols that is needed. */
struct elf_need {
    char *library; /* "libc.so.6" */
    char *version; /* "GLIBC_2.34" */
};

struct elf_facts {
    uint16_t machine; /* EM_… */
    bool wide, big;   /* 64 bits; big-endian */
    bool program;     /* it has an interpreter: it is started, not loaded */
    bool dynamic;     /* it has a dynamic section that could be read */
    char *interpreter;
    char *soname;
    char *rpath, *runpath; /* as they stand, with $ORIGIN; NULL: none */
    struct strv needed;
    struct strv defines; /* versions of symbols that it has */
    struct elf_need *needs;
    size_t need_count, need_cap;
};

/* Where the bytes are. read: true where all n at offset could be had. */
struct elf_bytes {
    bool (*read)(void *context, uint64_t offset, void *buffer, size_t n);
    void *context;
};

enum { ELF_HEAD = 64 /* bytes that tell where the dynamic section is described */ };

/* NULL where it is no ELF file, or its headers are nonsense. The caller frees it. A dynamic section
 * whose tables cannot be had gives facts without `dynamic`. */
struct elf_facts *elf_read(const struct elf_bytes *bytes);
void elf_facts_free(struct elf_facts *facts);
/* The range of the dynamic section, from the file's first bytes, for who keeps but parts of it.
 * False where there is none. */
bool elf_dynamic_range(const void *head, size_t n, uint64_t *offset, uint64_t *size);

/* The machine of an OCI architecture ("amd64", "arm64"…), 0 where unknown; and its name. */
uint16_t elf_machine_of(const char *architecture);
/* "x86-64", "aarch64"…; "machine 7" into buffer where unknown. */
const char *elf_machine_name(uint16_t machine, char buffer[24]);

#endif
