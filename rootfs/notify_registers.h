/* A held thread's registers, as far as it takes to make it call again: per architecture. */
#ifndef ROOTFS_NOTIFY_REGISTERS_H
#define ROOTFS_NOTIFY_REGISTERS_H

#include <elf.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined(__x86_64__)

typedef struct user_regs_struct notify_registers;

/* On its way back, right behind the instruction that called. */
static inline void registers_call(notify_registers *r, long call, const uint64_t a[5])
{
    r->rip -= 2; /* syscall */
    r->rax = (uint64_t)call;
    r->orig_rax = UINT64_MAX; /* nothing is to be restarted */
    r->rdi = a[0];
    r->rsi = a[1];
    r->rdx = a[2];
    r->r10 = a[3];
    r->r8 = a[4];
}

static inline int64_t registers_result(const notify_registers *r)
{
    return (int64_t)r->rax;
}

static inline void registers_set_result(notify_registers *r, int64_t result)
{
    r->rax = (uint64_t)result;
    r->orig_rax = UINT64_MAX;
}

#elif defined(__aarch64__)

typedef struct user_regs_struct notify_registers;

static inline void registers_call(notify_registers *r, long call, const uint64_t a[5])
{
    r->pc -= 4; /* svc #0 */
    r->regs[8] = (uint64_t)call;
    for (int i = 0; i < 5; i++)
        r->regs[i] = a[i];
}

static inline int64_t registers_result(const notify_registers *r)
{
    return (int64_t)r->regs[0];
}

static inline void registers_set_result(notify_registers *r, int64_t result)
{
    r->regs[0] = (uint64_t)result;
}

#else
#error "no notifier for this architecture"
#endif

static inline int registers_get(pid_t pid, notify_registers *r)
{
    struct iovec all = {r, sizeof *r};
    return (int)ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all);
}

static inline int registers_set(pid_t pid, const notify_registers *r)
{
    struct iovec all = {(void *)(uintptr_t)r, sizeof *r};
    return (int)ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
}

#endif
