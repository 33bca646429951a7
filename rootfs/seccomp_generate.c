/* Build-time program: writes seccomp_profile.c, Docker's default seccomp profile as BPF.
 *
 * Facts: moby's profiles/seccomp/default.json with the parts for Docker's default capabilities
 * (CAP_SYS_CHROOT among them, CAP_SYS_ADMIN not) and kernels from 4.8. What is not allowed gets
 * EPERM; calls newer than the profile get ENOSYS, as runc does, so that libcs fall back. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* clone's flags that make namespaces, which need CAP_SYS_ADMIN. */
#define CLONE_NAMESPACES 0x7E020000
#define X32_BIT 0x40000000U
/* The newest call that the profile knows. */
#define NEWEST_CALL 466
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char allowed[] =
    "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown "
    "chown32 chroot clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect "
    "copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
    "epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit "
    "exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod "
    "fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr "
    "flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate "
    "ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat "
    "getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 "
    "getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority "
    "getrandom getresgid getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage "
    "getsid getsockname getsockopt get_thread_area gettid gettimeofday getuid getuid32 getxattr "
    "getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl "
    "io_destroy io_getevents io_pgetevents io_pgetevents_time64 ioprio_get ioprio_set io_setup "
    "io_submit ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown "
    "lchown32 lgetxattr link linkat listen listmount listxattr listxattrat llistxattr _llseek "
    "lremovexattr "
    "lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret "
    "mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr "
    "mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 "
    "mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap "
    "name_to_handle_at nanosleep newfstatat _newselect open openat openat2 pause pidfd_open "
    "pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl "
    "pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 "
    "pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv "
    "recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat "
    "rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending "
    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam "
    "sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval "
    "sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
    "sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
    "semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid setfsgid32 "
    "setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority "
    "setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit "
    "set_robust_list setsid setsockopt set_thread_area set_tid_address setuid setuid32 setxattr "
    "setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask "
    "sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statmount statx symlink "
    "symlinkat "
    "sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete "
    "timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create "
    "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate "
    "truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 "
    "utimes vfork vmsplice wait4 waitid waitpid write writev";
static const char allowed_amd64[] = "arch_prctl modify_ldt";
static const char allowed_arm64[] =
    "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls";

/* Calls newer than some libseccomp, by the number that all architectures give them. */
static const struct {
    const char *name;
    int number;
} newer[] = {
    {"process_mrelease", 448}, {"futex_waitv", 449}, {"cachestat", 451},    {"fchmodat2", 452},
    {"map_shadow_stack", 453}, {"futex_wake", 454},  {"futex_wait", 455},   {"futex_requeue", 456},
    {"statmount", 457},        {"listmount", 458},   {"mseal", 462},        {"setxattrat", 463},
    {"getxattrat", 464},       {"listxattrat", 465}, {"removexattrat", 466}};

struct architecture {
    const char *macro;
    uint32_t token, others[2]; /* libseccomp's */
    uint32_t audit;
    const char *allowed;
};
static const struct architecture architectures[] = {
    {"__x86_64__",
     SCMP_ARCH_X86_64,
     {SCMP_ARCH_X86, SCMP_ARCH_X32},
     AUDIT_ARCH_X86_64,
     allowed_amd64},
    {"__aarch64__", SCMP_ARCH_AARCH64, {SCMP_ARCH_ARM, 0}, AUDIT_ARCH_AARCH64, allowed_arm64},
};

static void check(int result, const char *what)
{
    if (result == 0)
        return;
    fprintf(stderr, "seccomp_generate: %s: %s\n", what, strerror(-result));
    exit(1);
}

static void allow_all(scmp_filter_ctx filter, const char *names)
{
    char *copy = strdup(names), *rest = copy, *name;
    while ((name = strsep(&rest, " "))) {
        int number = seccomp_syscall_resolve_name(name);
        if (number != __NR_SCMP_ERROR)
            check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0), name);
    }
    free(copy);
}

/* A condition on the first argument; its second value matters to masks alone. */
static struct scmp_arg_cmp first(enum scmp_compare op, scmp_datum_t a, scmp_datum_t b)
{
    return (struct scmp_arg_cmp){.arg = 0, .op = op, .datum_a = a, .datum_b = b};
}

static void allow_by_argument(scmp_filter_ctx filter)
{
    static const scmp_datum_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
    for (size_t i = 0; i < COUNT(personalities); i++)
        check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
                               first(SCMP_CMP_EQ, personalities[i], 0)),
              "personality");
    check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                           first(SCMP_CMP_MASKED_EQ, CLONE_NAMESPACES, 0)),
          "clone");
    /* clone3's flags are in memory, out of a filter's sight: libcs fall back to clone. */
    check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), "clone3");
    /* No AF_ALG, the kernel's cryptography, and no AF_VSOCK, which talks to hypervisors. */
    const struct scmp_arg_cmp families[] = {
        first(SCMP_CMP_LT, AF_ALG, 0), first(SCMP_CMP_EQ, 39, 0), first(SCMP_CMP_GT, AF_VSOCK, 0)};
    for (size_t i = 0; i < COUNT(families); i++)
        check(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, families[i]), "socket");
}

static scmp_filter_ctx filter_for(const struct architecture *arch)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        check(-ENOMEM, "init");
    if (seccomp_arch_native() != arch->token) {
        check(seccomp_arch_add(filter, arch->token), "arch");
        check(seccomp_arch_remove(filter, seccomp_arch_native()), "arch");
    }
    for (size_t i = 0; i < 2 && arch->others[i]; i++)
        check(seccomp_arch_add(filter, arch->others[i]), "arch");
    /* A binary tree by number instead of a list: a call costs less and loading half. */
    check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
    allow_all(filter, allowed);
    allow_all(filter, arch->allowed);
    allow_by_argument(filter);
    return filter;
}

static void print_code(const struct sock_filter *code, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("    {0x%x, %u, %u, 0x%x},\n", code[i].code, code[i].jt, code[i].jf, code[i].k);
}

/* What libseccomp's filter does not say: it comes first, and leaves the rest to that. */
static size_t prelude(const struct architecture *arch, struct sock_filter *code)
{
    size_t n = 0, calls = 0;
    for (size_t i = 0; i < COUNT(newer); i++)
        calls += seccomp_syscall_resolve_name(newer[i].name) == __NR_SCMP_ERROR;
    uint8_t end = (uint8_t)(2 * calls + 2); /* from behind the test for x32 to behind all */
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch->audit, 0, (uint8_t)(end + 2));
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, end, 0);
    for (size_t i = 0; i < COUNT(newer); i++) {
        if (seccomp_syscall_resolve_name(newer[i].name) != __NR_SCMP_ERROR)
            continue;
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                 (uint32_t)newer[i].number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NEWEST_CALL, 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    return n;
}

static void generate(const struct architecture *arch, const char *directive)
{
    struct sock_filter code[4096], first[2 * COUNT(newer) + 6];
    scmp_filter_ctx filter = filter_for(arch);
    FILE *exported = tmpfile();
    if (!exported)
        check(-errno, "temporary file");
    check(seccomp_export_bpf(filter, fileno(exported)), "export");
    rewind(exported);
    size_t n = fread(code, sizeof *code, COUNT(code), exported);
    fclose(exported);
    seccomp_release(filter);
    if (n == 0 || n == COUNT(code))
        check(-EFBIG, "export");
    printf("#%s defined(%s)\nstatic struct sock_filter code[] = {\n", directive, arch->macro);
    print_code(first, prelude(arch, first));
    print_code(code, n);
    printf("};\n");
}

int main(void)
{
    printf("/* Generated by seccomp_generate. */\n#include \"seccomp_profile.h\"\n\n");
    for (size_t i = 0; i < COUNT(architectures); i++)
        generate(&architectures[i], i ? "elif" : "if");
    printf("#else\n#error \"no seccomp profile for this architecture\"\n#endif\n\n"
           "const struct sock_fprog seccomp_profile = {sizeof code / sizeof *code, code};\n");
    return fflush(stdout) || ferror(stdout);
}
