#include "arch.h"

#include <base/mem.h>

#include <elf.h>
#include <string.h>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

static const struct arch archs[] = {
    {"amd64", "x86_64", true, false, EM_X86_64},
    {"386", "i386", false, false, EM_386},
    {"arm64", "aarch64", true, false, EM_AARCH64},
    {"arm", "arm", false, false, EM_ARM},
    {"riscv64", "riscv64", true, false, EM_RISCV},
    {"ppc64le", "ppc64le", true, false, EM_PPC64},
    {"s390x", "s390x", true, true, EM_S390},
    {"loong64", "loongarch64", true, false, EM_LOONGARCH},
    {"mips64le", "mips64el", true, false, EM_MIPS},
    {"mips64", "mips64", true, true, EM_MIPS},
    {"mipsle", "mipsel", false, false, EM_MIPS},
    {"mips", "mips", false, true, EM_MIPS},
    {"ppc64", "ppc64", true, true, EM_PPC64},
};

const struct arch *arch_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(archs); i++)
        if (!strcmp(archs[i].name, name))
            return &archs[i];
    return NULL;
}

void arch_header(const struct arch *arch, unsigned char magic[ARCH_HEADER],
                 unsigned char mask[ARCH_HEADER])
{
    enum { TYPE = EI_NIDENT, MACHINE = TYPE + 2 };
    /* Of two bytes each; a bit less of the type, so that it is one of two neighbours: a program at
     * a fixed place (2) or at any (3). */
    int high = arch->big_endian ? 0 : 1, low = 1 - high;
    memset(magic, 0, ARCH_HEADER);
    memset(mask, 0, ARCH_HEADER);
    memcpy(magic, ELFMAG, SELFMAG);
    magic[EI_CLASS] = arch->wide ? ELFCLASS64 : ELFCLASS32;
    magic[EI_DATA] = arch->big_endian ? ELFDATA2MSB : ELFDATA2LSB;
    magic[EI_VERSION] = EV_CURRENT;
    memset(mask, 0xff, EI_OSABI);
    magic[TYPE + low] = ET_EXEC;
    mask[TYPE + low] = 0xfe;
    mask[TYPE + high] = 0xff;
    magic[MACHINE + low] = (unsigned char)arch->machine;
    magic[MACHINE + high] = (unsigned char)(arch->machine >> 8);
    mask[MACHINE] = mask[MACHINE + 1] = 0xff;
}

const struct arch *arch_of_program(const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; n >= ARCH_HEADER && i < COUNT_OF(archs); i++) {
        unsigned char magic[ARCH_HEADER], mask[ARCH_HEADER];
        size_t k = 0;
        arch_header(&archs[i], magic, mask);
        while (k < ARCH_HEADER && (b[k] & mask[k]) == magic[k])
            k++;
        if (k == ARCH_HEADER)
            return &archs[i];
    }
    return NULL;
}
