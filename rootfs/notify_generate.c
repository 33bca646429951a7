/* Build-time program: writes notify_filter.c, the filters of notify_table as BPF, and the numbers
 * of the table's calls, for each architecture. libseccomp knows the numbers; the code is made here,
 * since what it makes has no rules that come in order. */
#include "notify_table.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X32_BIT 0x40000000U
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DATA(field) ((uint32_t)offsetof(struct seccomp_data, field))
#define ARGUMENT(n, half) ((uint32_t)(DATA(args) + 8 * (n) + 4 * (half)))

struct code {
    struct sock_filter items[1024];
    size_t count;
};

struct architecture {
    const char *macro;
    uint32_t token, audit;
    bool x32;
};
static const struct architecture architectures[] = {
    {"__x86_64__", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, true},
    {"__aarch64__", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, false},
};

/* Calls newer than some libseccomp, by the number that all architectures give them. */
static const struct {
    const char *name;
    int number;
} newer[] = {{"fchmodat2", 452},
             {"setxattrat", 463},
             {"getxattrat", 464},
             {"listxattrat", 465},
             {"removexattrat", 466}};

static int number_of(const struct architecture *arch, const char *name)
{
    int number = seccomp_syscall_resolve_name_arch(arch->token, name);
    for (size_t i = 0; number == __NR_SCMP_ERROR && i < COUNT(newer); i++)
        if (!strcmp(newer[i].name, name))
            return newer[i].number;
    if (number == __NR_SCMP_ERROR) {
        fprintf(stderr, "notify_generate: no call is named %s\n", name);
        exit(1);
    }
    return number; /* negative where this architecture lacks it */
}

static void emit(struct code *c, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
    if (c->count == COUNT(c->items) || yes > 255 || no > 255) {
        fprintf(stderr, "notify_generate: a filter grows too long\n");
        exit(1);
    }
    c->items[c->count++] = (struct sock_filter){(uint16_t)code, (uint8_t)yes, (uint8_t)no, k};
}

static void emit_load(struct code *c, uint32_t offset)
{
    emit(c, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void emit_return(struct code *c, const struct notify_row *row)
{
    uint32_t what = row->action == NOTIFY_ASK       ? SECCOMP_RET_USER_NOTIF
                    : row->action == NOTIFY_SUCCEED ? SECCOMP_RET_ERRNO
                                                    : SECCOMP_RET_ERRNO | ENOSYS;
    emit(c, BPF_RET | BPF_K, what, 0, 0);
}

/* Fall through to the return where an argument of 64 bits is not 0, else jump over it. */
static void emit_not_null(struct code *c, unsigned argument)
{
    emit_load(c, ARGUMENT(argument, 0));
    emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
    emit_load(c, ARGUMENT(argument, 1));
    emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
}

/* Both architectures are little-endian: the half that flags and numbers are in comes first. */
static void emit_row(struct code *c, const struct notify_row *row)
{
    unsigned jump = row->test == NOTIFY_IF_ANY || row->test == NOTIFY_IF_NONE ? BPF_JSET : BPF_JEQ;
    bool over = row->test == NOTIFY_IF_NONE; /* jump over the return where the test holds */
    if (row->test == NOTIFY_IF_NOT_NULL) {
        emit_not_null(c, row->test_arg);
    } else if (row->test != NOTIFY_ALWAYS) {
        bool and_next = row->test == NOTIFY_IF_IS_AND_NEXT;
        emit_load(c, ARGUMENT(row->test_arg, 0));
        emit(c, BPF_JMP | jump | BPF_K, row->test_value, over, over ? 0 : and_next ? 5 : 1);
        if (and_next)
            emit_not_null(c, row->test_arg + 1U);
    }
    emit_return(c, row);
}

/* All rows of the call that the first of them names; how many rows that were. */
static size_t emit_call(struct code *c, const struct architecture *arch, size_t first,
                        unsigned sets)
{
    struct code block = {.count = 0};
    size_t n = 0;
    const char *call = notify_table[first].call;
    for (; first + n < notify_table_size && !strcmp(notify_table[first + n].call, call); n++)
        if (notify_table[first + n].sets & sets)
            emit_row(&block, &notify_table[first + n]);
    int number = number_of(arch, call);
    if (number < 0 || !block.count)
        return n;
    emit(&block, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    emit(c, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, (unsigned)block.count);
    for (size_t i = 0; i < block.count; i++)
        emit(c, block.items[i].code, block.items[i].k, block.items[i].jt, block.items[i].jf);
    return n;
}

static void make_filter(struct code *c, const struct architecture *arch, unsigned sets)
{
    emit_load(c, DATA(arch));
    emit(c, BPF_JMP | BPF_JEQ | BPF_K, arch->audit, 1, 0);
    emit(c, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
    emit_load(c, DATA(nr));
    if (arch->x32) {
        emit(c, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
        emit(c, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
    }
    for (size_t i = 0; i < notify_table_size;)
        i += emit_call(c, arch, i, sets);
    emit(c, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static const unsigned filters[] = {NOTIFY_RECORDED, NOTIFY_KERNEL | NOTIFY_SERVED,
                                   NOTIFY_RECORDED | NOTIFY_SERVED};

static void generate(const struct architecture *arch, const char *directive)
{
    printf("#%s defined(%s)\n", directive, arch->macro);
    for (size_t f = 0; f < COUNT(filters); f++) {
        struct code c = {.count = 0};
        make_filter(&c, arch, filters[f]);
        printf("static struct sock_filter code%zu[] = {\n", f);
        for (size_t i = 0; i < c.count; i++)
            printf("    {0x%x, %u, %u, 0x%x},\n", c.items[i].code, c.items[i].jt, c.items[i].jf,
                   c.items[i].k);
        printf("};\n");
    }
    printf("const struct notify_number notify_numbers[] = {\n");
    for (size_t i = 0; i < notify_table_size; i++) {
        int number = number_of(arch, notify_table[i].call);
        if (number >= 0 && (!i || strcmp(notify_table[i].call, notify_table[i - 1].call) != 0))
            printf("    {%d, %zu},\n", number, i);
    }
    printf("};\n");
}

int main(void)
{
    printf("/* Generated by notify_generate. */\n#include \"notify_filter.h\"\n\n");
    for (size_t i = 0; i < COUNT(architectures); i++)
        generate(&architectures[i], i ? "elif" : "if");
    printf("#else\n#error \"no notifier for this architecture\"\n#endif\n\n"
           "const struct notify_filter notify_filters[] = {\n");
    for (size_t f = 0; f < COUNT(filters); f++)
        printf("    {%u, {sizeof code%zu / sizeof *code%zu, code%zu}},\n", filters[f], f, f, f);
    printf("};\nconst size_t notify_filter_count = %zu;\n"
           "const size_t notify_number_count = sizeof notify_numbers / sizeof *notify_numbers;\n\n"
           "const struct sock_fprog *notify_filter_for(unsigned sets)\n{\n"
           "    for (size_t i = 0; i < notify_filter_count; i++)\n"
           "        if (notify_filters[i].sets == sets)\n"
           "            return &notify_filters[i].program;\n    return 0;\n}\n",
           COUNT(filters));
    return fflush(stdout) || ferror(stdout);
}
