#include "binfmt.h"

#include <base/io.h>
#include <base/mem.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_STACK = 64 * 1024, ENTRY_CAP = 4096, ID_MAP_CAP = 64 * 1024 };

/* ---- a mount in a namespace of its own ---- */

/* A child in the new namespace makes the mount and hands its descriptor over. Between clone and its
 * end it uses nothing but system calls: other threads may hold any lock. */
struct maker {
    int ours, theirs; /* a pair of sockets */
    pid_t pid;
};
#define MAKER_NONE ((struct maker){.ours = -1, .theirs = -1})

static int new_mount(void)
{
    int fs = (int)syscall(SYS_fsopen, "binfmt_misc", FSOPEN_CLOEXEC);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        return -1;
    return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
}

/* errno and, where that is 0, a descriptor with it. */
static void hand_over(int socket, int fd, int error)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec io = {&error, sizeof error};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd >= 0) {
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    sendmsg(socket, &message, MSG_NOSIGNAL);
}

static int maker_child(void *context)
{
    const struct maker *m = context;
    char go;
    close(m->ours);
    if (read(m->theirs, &go, 1) == 1) { /* the ids are mapped */
        int fd = new_mount();
        hand_over(m->theirs, fd, fd < 0 ? errno : 0);
    }
    return 0; /* and with it the process ends */
}

static void maker_release(struct maker *m)
{
    mem_close_at(&m->ours);
    mem_close_at(&m->theirs);
    while (m->pid > 0 && waitpid(m->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static int maker_start(struct maker *m, struct error *err)
{
    sigset_t all, before;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return error_errno(err, ERROR_HOST, "make a pair of sockets");
    m->ours = pair[0];
    m->theirs = pair[1];
    void *stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return error_errno(err, ERROR_HOST, "make a stack");
    sigfillset(&all); /* our handlers are not for the child */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    m->pid =
        clone(maker_child, (char *)stack + CHILD_STACK, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, m);
    int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, CHILD_STACK); /* the child has a copy */
    mem_close_at(&m->theirs);
    errno = failed;
    if (m->pid >= 0)
        return 0;
    error_errno(err, ERROR_HOST, "make a user namespace");
    return error_hint(err, "user.max_user_namespaces must allow one, and so must an outer "
                           "container's seccomp profile");
}

/* Every id that this process has, as itself. The lines are "FIRST OUTSIDE COUNT". */
static int write_map(pid_t pid, const char *name, struct error *err)
{
    autostr map = STR_INIT;
    autostr own = STR_INIT;
    autofree char *from = mem_printf("/proc/self/%s", name);
    autofree char *to = mem_printf("/proc/%d/%s", (int)pid, name);
    if (io_read_file(AT_FDCWD, from, ID_MAP_CAP, &map, err))
        return -1;
    unsigned long first, outside, count;
    int used;
    for (const char *p = str_text(&map);
         sscanf(p, "%lu %lu %lu%n", &first, &outside, &count, &used) == 3; p += used)
        str_addf(&own, "%lu %lu %lu\n", first, first, count);
    autoclose int fd = open(to, O_WRONLY | O_CLOEXEC);
    /* in one go: the kernel takes a map whole */
    if (fd < 0 || write(fd, str_text(&own), own.len) != (ssize_t)own.len)
        return error_errno(err, ERROR_HOST, "write %s", to);
    return 0;
}

/* The mount's descriptor, or -1 with the child's errno in *why. */
static int receive(int socket, int *why)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec io = {why, sizeof *why};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n;
    while ((n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
    }
    const struct cmsghdr *c = n == sizeof *why ? CMSG_FIRSTHDR(&message) : NULL;
    int fd = -1;
    if (n != sizeof *why)
        *why = ESRCH;
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static int make_mount(struct binfmt *b, struct error *err)
{
    __attribute__((cleanup(maker_release))) struct maker m = MAKER_NONE;
    if (maker_start(&m, err))
        return -1;
    autofree char *path = mem_printf("/proc/%d/ns/user", (int)m.pid);
    b->userns_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (b->userns_fd < 0)
        return error_errno(err, ERROR_HOST, "open %s", path);
    if (write_map(m.pid, "uid_map", err) || write_map(m.pid, "gid_map", err))
        return -1;
    int why = 0;
    if (io_write(m.ours, "g", 1))
        return error_errno(err, ERROR_HOST, "speak to a process of our own");
    b->mount_fd = receive(m.ours, &why);
    if (b->mount_fd >= 0)
        return 0;
    errno = why;
    error_errno(err, ERROR_HOST, "mount a private binfmt_misc");
    if (why == EPERM)
        return error_hint(err, "Linux 6.7 is the first that allows it");
    return why == ENODEV ? error_hint(err, "modprobe binfmt_misc") : -1;
}

/* ---- registrations ---- */

/* ":NAME:M:OFFSET:MAGIC:MASK:INTERPRETER:FLAGS", with every byte as \xHH. */
static char *registration(const struct arch *arch, const char *interpreter)
{
    unsigned char magic[ARCH_HEADER], mask[ARCH_HEADER];
    const unsigned char *const fields[] = {magic, mask};
    autostr line = STR_INIT;
    arch_header(arch, magic, mask);
    str_addf(&line, ":%s:M:", arch->qemu);
    for (size_t f = 0; f < COUNT_OF(fields); f++) {
        str_add(&line, ":");
        for (size_t i = 0; i < ARCH_HEADER; i++)
            str_addf(&line, "\\x%02x", fields[f][i]);
    }
    str_addf(&line, ":%s:PCF", interpreter);
    return str_take(&line);
}

int binfmt_private(const struct arch *arch, const char *interpreter, struct binfmt *out,
                   struct error *err)
{
    struct binfmt b = BINFMT_NONE;
    if (strchr(interpreter, ':'))
        return error_set(err, ERROR_HOST, "%s: binfmt_misc takes no path with a colon",
                         interpreter);
    if (make_mount(&b, err)) {
        binfmt_release(&b);
        return -1;
    }
    autofree char *line = registration(arch, interpreter);
    autoclose int fd = openat(b.mount_fd, "register", O_WRONLY | O_CLOEXEC);
    size_t n = strlen(line);
    if (fd < 0 || write(fd, line, n) != (ssize_t)n) { /* one write is one entry */
        error_errno(err, ERROR_HOST, "register %s for %s", interpreter, arch->name);
        binfmt_release(&b);
        return -1;
    }
    *out = b;
    return 0;
}

void binfmt_release(struct binfmt *b)
{
    mem_close_at(&b->mount_fd);
    mem_close_at(&b->userns_fd);
    *b = BINFMT_NONE;
}

/* ---- the host's ---- */

/* The bytes of a line "magic 7f454c46…"; how many. */
static size_t hex_line(const char *text, const char *key, unsigned char bytes[ARCH_HEADER])
{
    const char *line = strstr(text, key);
    size_t n = 0;
    unsigned byte;
    for (line = line ? line + strlen(key) : ""; n < ARCH_HEADER && sscanf(line, "%2x", &byte) == 1;
         line += 2)
        bytes[n++] = (unsigned char)byte;
    return n;
}

/* Would this entry take a program of arch, in a root that lacks the interpreter? */
static bool entry_serves(const char *text, const struct arch *arch)
{
    unsigned char wanted[ARCH_HEADER], ignored[ARCH_HEADER], magic[ARCH_HEADER], mask[ARCH_HEADER];
    memset(mask, 0xff, sizeof mask);
    size_t n = hex_line(text, "\nmagic ", magic);
    hex_line(text, "\nmask ", mask);
    const char *flags = strstr(text, "\nflags: ");
    if (!str_starts(text, "enabled\n") || !strstr(text, "\noffset 0\n") || n < ARCH_HEADER ||
        !flags || !memchr(flags, 'F', strcspn(flags + 1, "\n") + 1))
        return false;
    arch_header(arch, wanted, ignored);
    for (size_t i = 0; i < n; i++)
        if ((wanted[i] & mask[i]) != (magic[i] & mask[i]))
            return false;
    return true;
}

static char *entry_interpreter(const char *text)
{
    static const char key[] = "\ninterpreter ";
    const char *line = strstr(text, key);
    line = line ? line + strlen(key) : "";
    return mem_strndup(line, strcspn(line, "\n"));
}

char *binfmt_of_host(const struct arch *arch)
{
    static const char folder[] = "/proc/sys/fs/binfmt_misc";
    autoclosedir DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        autostr text = STR_INIT;
        autoerror ignored = ERROR_INIT;
        if (e->d_name[0] == '.' || str_eq(e->d_name, "register") || str_eq(e->d_name, "status"))
            continue;
        if (!io_read_file(dirfd(dir), e->d_name, ENTRY_CAP, &text, &ignored) &&
            entry_serves(str_text(&text), arch))
            return entry_interpreter(str_text(&text));
    }
    return NULL;
}
