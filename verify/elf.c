#include "elf.h"

#include <base/mem.h>

#include <elf.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEGMENTS_MAX = 256,
    DYNAMIC_MAX = 64 * 1024,        /* bytes of a dynamic section */
    STRINGS_MAX = 64 * 1024 * 1024, /* bytes of a string table */
    VERSIONS_MAX = 4096,
    TEXT_MAX = 4096,
};

/* A file whose headers were read. */
struct reader {
    const struct elf_bytes *bytes;
    bool wide, big;
    struct segment {
        uint32_t type;
        uint64_t offset, address, size;
    } * segments;
    size_t count;
    uint64_t strings, string_size; /* the string table, by offset in the file */
};

/* ---- numbers ---- */

static uint64_t number(const struct reader *r, const unsigned char *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)p[r->big ? n - 1 - i : i] << (8 * i);
    return value;
}

/* The field of a structure that has one form for 32 and one for 64 bits. */
#define FIELD(r, p, type, field)                                                                   \
    ((r)->wide                                                                                     \
         ? number((r), (p) + offsetof(Elf64_##type, field), sizeof((Elf64_##type *)0)->field)      \
         : number((r), (p) + offsetof(Elf32_##type, field), sizeof((Elf32_##type *)0)->field))
#define SIZE_OF(r, type) ((r)->wide ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

static bool read_at(const struct reader *r, uint64_t offset, void *buffer, size_t n)
{
    return r->bytes->read(r->bytes->context, offset, buffer, n);
}

/* ---- headers ---- */

static bool read_head(struct reader *r, unsigned char head[sizeof(Elf64_Ehdr)])
{
    if (!read_at(r, 0, head, sizeof(Elf32_Ehdr)) || memcmp(head, ELFMAG, SELFMAG) != 0)
        return false;
    r->wide = head[EI_CLASS] == ELFCLASS64;
    r->big = head[EI_DATA] == ELFDATA2MSB;
    bool known =
        (r->wide || head[EI_CLASS] == ELFCLASS32) && (r->big || head[EI_DATA] == ELFDATA2LSB);
    return known && (!r->wide || read_at(r, 0, head, sizeof(Elf64_Ehdr)));
}

static bool read_segments(struct reader *r, const unsigned char *head)
{
    uint64_t offset = FIELD(r, head, Ehdr, e_phoff), size = FIELD(r, head, Ehdr, e_phentsize);
    size_t count = FIELD(r, head, Ehdr, e_phnum);
    if (!count)
        return true;
    if (count > SEGMENTS_MAX || size != SIZE_OF(r, Phdr))
        return false;
    autofree unsigned char *table = mem_alloc(count * size);
    if (!read_at(r, offset, table, count * size))
        return false;
    r->segments = mem_zalloc(count, sizeof *r->segments);
    r->count = count;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *p = table + i * size;
        r->segments[i] = (struct segment){
            .type = (uint32_t)FIELD(r, p, Phdr, p_type),
            .offset = FIELD(r, p, Phdr, p_offset),
            .address = FIELD(r, p, Phdr, p_vaddr),
            .size = FIELD(r, p, Phdr, p_filesz),
        };
    }
    return true;
}

static const struct segment *find_segment(const struct reader *r, uint32_t type)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->segments[i].type == type)
            return &r->segments[i];
    return NULL;
}

/* The place in the file of what is loaded at this address; false where nothing is. */
static bool place_of(const struct reader *r, uint64_t address, uint64_t *offset)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct segment *s = &r->segments[i];
        if (s->type != PT_LOAD || address < s->address || address - s->address >= s->size)
            continue;
        *offset = s->offset + (address - s->address);
        return true;
    }
    return false;
}

/* ---- the dynamic section ---- */

/* A text of the string table; NULL where it is not in it. The caller frees it. */
static char *text_at(const struct reader *r, uint64_t index)
{
    if (index >= r->string_size)
        return NULL;
    size_t room = r->string_size - index > TEXT_MAX ? TEXT_MAX : (size_t)(r->string_size - index);
    autostr text = STR_INIT;
    for (size_t at = 0; at < room;) {
        char part[64];
        size_t n = room - at < sizeof part ? room - at : sizeof part;
        if (!read_at(r, r->strings + index + at, part, n))
            return NULL;
        size_t end = strnlen(part, n);
        str_add_bytes(&text, part, end);
        if (end < n)
            return str_take(&text);
        at += n;
    }
    return NULL;
}

/* DT_VERNEED: libraries, each with the versions that are needed of it. */
static void read_needs(const struct reader *r, uint64_t offset, struct elf_facts *out)
{
    /* both classes have the same form */
    for (size_t i = 0; i < VERSIONS_MAX; i++) {
        unsigned char need[sizeof(Elf64_Verneed)], aux[sizeof(Elf64_Vernaux)];
        if (!read_at(r, offset, need, sizeof need))
            return;
        autofree char *library = text_at(r, FIELD(r, need, Verneed, vn_file));
        uint64_t at = offset + FIELD(r, need, Verneed, vn_aux);
        size_t count = FIELD(r, need, Verneed, vn_cnt);
        for (size_t k = 0; library && k < count && out->need_count < VERSIONS_MAX; k++) {
            if (!read_at(r, at, aux, sizeof aux))
                return;
            char *version = text_at(r, FIELD(r, aux, Vernaux, vna_name));
            bool weak = FIELD(r, aux, Vernaux, vna_flags) & VER_FLG_WEAK;
            if (version && !weak)
                MEM_PUSH(out->needs, out->need_count, out->need_cap) =
                    (struct elf_need){mem_strdup(library), mem_strdup(version)};
            free(version);
            at += FIELD(r, aux, Vernaux, vna_next);
        }
        uint64_t next = FIELD(r, need, Verneed, vn_next);
        if (!next)
            return;
        offset += next;
    }
}

/* DT_VERDEF: the versions that it defines. */
static void read_defines(const struct reader *r, uint64_t offset, struct elf_facts *out)
{
    for (size_t i = 0; i < VERSIONS_MAX; i++) {
        unsigned char def[sizeof(Elf64_Verdef)], aux[sizeof(Elf64_Verdaux)];
        if (!read_at(r, offset, def, sizeof def) ||
            !read_at(r, offset + FIELD(r, def, Verdef, vd_aux), aux, sizeof aux))
            return;
        char *version = text_at(r, FIELD(r, aux, Verdaux, vda_name));
        if (version)
            strv_add_take(&out->defines, version);
        uint64_t next = FIELD(r, def, Verdef, vd_next);
        if (!next)
            return;
        offset += next;
    }
}

/* One entry that holds a text, of which the last of a kind counts. */
static void take_text(const struct reader *r, uint64_t tag, uint64_t value, struct elf_facts *out)
{
    char **place = tag == DT_SONAME ? &out->soname : tag == DT_RPATH ? &out->rpath : &out->runpath;
    char *text = text_at(r, value);
    if (tag == DT_NEEDED && text) {
        strv_add_take(&out->needed, text);
        return;
    }
    if (tag != DT_SONAME && tag != DT_RPATH && tag != DT_RUNPATH) {
        free(text);
        return;
    }
    free(*place);
    *place = text;
}

/* The value of an entry; false where there is none of this tag. */
static bool find_entry(const struct reader *r, const unsigned char *table, size_t n, uint64_t tag,
                       uint64_t *value)
{
    size_t size = SIZE_OF(r, Dyn);
    for (const unsigned char *p = table; p + size <= table + n; p += size) {
        uint64_t found = FIELD(r, p, Dyn, d_tag);
        if (found == DT_NULL)
            return false;
        if (found != tag)
            continue;
        *value = FIELD(r, p, Dyn, d_un);
        return true;
    }
    return false;
}

static void read_entries(struct reader *r, const unsigned char *table, size_t n,
                         struct elf_facts *out)
{
    uint64_t address, offset;
    if (!find_entry(r, table, n, DT_STRTAB, &address) || !place_of(r, address, &r->strings) ||
        !find_entry(r, table, n, DT_STRSZ, &r->string_size) || r->string_size > STRINGS_MAX)
        return;
    char probe;
    out->dynamic = r->string_size && read_at(r, r->strings + r->string_size - 1, &probe, 1);
    size_t size = SIZE_OF(r, Dyn);
    for (const unsigned char *p = table; p + size <= table + n; p += size) {
        uint64_t tag = FIELD(r, p, Dyn, d_tag);
        if (tag == DT_NULL)
            break;
        take_text(r, tag, FIELD(r, p, Dyn, d_un), out);
    }
    if (find_entry(r, table, n, DT_VERNEED, &address) && place_of(r, address, &offset))
        read_needs(r, offset, out);
    if (find_entry(r, table, n, DT_VERDEF, &address) && place_of(r, address, &offset))
        read_defines(r, offset, out);
}

static void read_dynamic(struct reader *r, struct elf_facts *out)
{
    const struct segment *s = find_segment(r, PT_DYNAMIC);
    if (!s || !s->size || s->size > DYNAMIC_MAX)
        return;
    autofree unsigned char *table = mem_alloc((size_t)s->size);
    if (read_at(r, s->offset, table, (size_t)s->size))
        read_entries(r, table, (size_t)s->size, out);
}

static void read_interpreter(const struct reader *r, struct elf_facts *out)
{
    const struct segment *s = find_segment(r, PT_INTERP);
    if (!s || !s->size || s->size > TEXT_MAX)
        return;
    autofree char *text = mem_zalloc((size_t)s->size + 1, 1);
    out->program = true;
    if (read_at(r, s->offset, text, (size_t)s->size))
        out->interpreter = take(&text);
}

struct elf_facts *elf_read(const struct elf_bytes *bytes)
{
    unsigned char head[sizeof(Elf64_Ehdr)];
    struct reader r = {.bytes = bytes};
    if (!read_head(&r, head) || !read_segments(&r, head)) {
        free(r.segments);
        return NULL;
    }
    struct elf_facts *out = mem_zalloc(1, sizeof *out);
    out->machine = (uint16_t)FIELD(&r, head, Ehdr, e_machine);
    out->wide = r.wide;
    out->big = r.big;
    read_interpreter(&r, out);
    read_dynamic(&r, out);
    free(r.segments);
    return out;
}

void elf_facts_free(struct elf_facts *facts)
{
    if (!facts)
        return;
    free(facts->interpreter);
    free(facts->soname);
    free(facts->rpath);
    free(facts->runpath);
    strv_release(&facts->needed);
    strv_release(&facts->defines);
    for (size_t i = 0; i < facts->need_count; i++) {
        free(facts->needs[i].library);
        free(facts->needs[i].version);
    }
    free(facts->needs);
    free(facts);
}

/* A file's first bytes as its bytes. */
struct head {
    const unsigned char *bytes;
    size_t n;
};

static bool read_of_head(void *context, uint64_t offset, void *buffer, size_t n)
{
    const struct head *head = context;
    if (offset > head->n || n > head->n - offset)
        return false;
    memcpy(buffer, head->bytes + offset, n);
    return true;
}

bool elf_dynamic_range(const void *bytes, size_t n, uint64_t *offset, uint64_t *size)
{
    unsigned char head[sizeof(Elf64_Ehdr)];
    struct head known = {bytes, n};
    struct elf_bytes source = {read_of_head, &known};
    struct reader r = {.bytes = &source};
    bool good = read_head(&r, head) && read_segments(&r, head);
    const struct segment *s = good ? find_segment(&r, PT_DYNAMIC) : NULL;
    if (s) {
        *offset = s->offset;
        *size = s->size > DYNAMIC_MAX ? 0 : s->size;
    }
    free(r.segments);
    return s != NULL;
}

/* ---- machines ---- */

static const struct {
    const char *architecture, *name;
    uint16_t machine;
} machines[] = {
    {"amd64", "x86-64", EM_X86_64},   {"386", "i386", EM_386},
    {"arm64", "aarch64", EM_AARCH64}, {"arm", "arm", EM_ARM},
    {"ppc64le", "ppc64", EM_PPC64},   {"ppc64", "ppc64", EM_PPC64},
    {"s390x", "s390", EM_S390},       {"riscv64", "riscv", EM_RISCV},
    {"mips64le", "mips", EM_MIPS},    {"loong64", "loongarch", EM_LOONGARCH},
};

uint16_t elf_machine_of(const char *architecture)
{
    for (size_t i = 0; i < COUNT_OF(machines); i++)
        if (!strcmp(machines[i].architecture, architecture))
            return machines[i].machine;
    return EM_NONE;
}

const char *elf_machine_name(uint16_t machine, char buffer[24])
{
    for (size_t i = 0; i < COUNT_OF(machines); i++)
        if (machines[i].machine == machine)
            return machines[i].name;
    snprintf(buffer, 24, "machine %u", machine);
    return buffer;
}
