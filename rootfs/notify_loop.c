/* The notifier's thread: its start, its loop and its answers. */
#include "notify_private.h"

#include "notify_filter.h"
#include "notify_serve.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif

static notify_call *const handlers[NOTIFY_HANDLERS] = {
    [NOTIFY_CHOWN] = notify_chown,
    [NOTIFY_STAT] = notify_do_stat,
    [NOTIFY_STATX] = notify_do_statx,
    [NOTIFY_OPEN] = notify_open_file,
    [NOTIFY_OPEN_HOW] = notify_open_how,
    [NOTIFY_CREAT] = notify_creat,
    [NOTIFY_MKDIR] = notify_mkdir,
    [NOTIFY_SYMLINK] = notify_symlink,
    [NOTIFY_MKNOD] = notify_mknod,
    [NOTIFY_RENAME] = notify_rename,
    [NOTIFY_RENAME_AT] = notify_rename_at,
    [NOTIFY_LINK] = notify_link,
    [NOTIFY_LINK_AT] = notify_link_at,
    [NOTIFY_TIMES_AT] = notify_times_at,
    [NOTIFY_SET_XATTR] = notify_set_xattr,
    [NOTIFY_GET_XATTR] = notify_get_xattr,
    [NOTIFY_LIST_XATTR] = notify_list_xattr,
    [NOTIFY_REMOVE_XATTR] = notify_remove_xattr,
    [NOTIFY_GET_ID] = notify_get_id,
    [NOTIFY_GET_IDS] = notify_get_ids,
    [NOTIFY_SET_IDS] = notify_set_ids,
    [NOTIFY_GET_GROUPS] = notify_get_groups,
    [NOTIFY_SET_GROUPS] = notify_set_groups,
    [NOTIFY_GET_CAPABILITIES] = notify_get_capabilities,
    [NOTIFY_SET_CAPABILITIES] = notify_set_capabilities,
    [NOTIFY_PRCTL] = notify_prctl,
    [NOTIFY_EXEC] = notify_exec,
    [NOTIFY_CHROOT] = notify_chroot,
    [NOTIFY_BIND] = notify_bind,
    [NOTIFY_SOCKET_OPTION] = notify_socket_option,
};

static void answer(struct notify *n, int error, int64_t value, uint32_t flags)
{
    n->response->error = -error;
    n->response->val = value;
    n->response->flags = flags;
}

void notify_fail(struct notify *n, int error)
{
    answer(n, error, 0, 0);
}

void notify_return(struct notify *n, int64_t value)
{
    answer(n, 0, value, 0);
}

void notify_continue(struct notify *n)
{
    answer(n, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

void notify_send(struct notify *n)
{
    n->answered = true;
    if (ioctl(n->listener, SECCOMP_IOCTL_NOTIF_SEND, n->response) && errno != ENOENT)
        log_debug("notifier: an answer was refused: %s", strerror(errno));
}

void notify_give_fd(struct notify *n, int fd, bool close_on_exec)
{
    struct seccomp_notif_addfd add = {.id = n->request->id,
                                      .flags = SECCOMP_ADDFD_FLAG_SEND,
                                      .srcfd = (uint32_t)fd,
                                      .newfd_flags = close_on_exec ? O_CLOEXEC : 0};
    if (ioctl(n->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0)
        n->answered = true;
    else
        notify_fail(n, errno);
}

/* ---- the loop ---- */

static void handle(struct notify *n)
{
    const struct seccomp_data *call = &n->request->data;
    unsigned row = (unsigned)call->nr < COUNT_OF(n->row_of) ? n->row_of[call->nr] : 0;
    n->pid = (pid_t)n->request->pid;
    n->args = (const uint64_t *)call->args;
    n->row = row ? &notify_table[row - 1] : NULL;
    if (!n->row) {
        log_warning("notifier: nobody answers call %d", call->nr);
        notify_continue(n);
    } else if (n->spec.sets & NOTIFY_SERVED && notify_serve(n)) {
        return;
    } else if (handlers[n->row->handler]) {
        handlers[n->row->handler](n);
    } else {
        notify_continue(n);
    }
}

/* False at the end. */
static bool serve_one(struct notify *n)
{
    struct pollfd p[3] = {
        {n->listener, POLLIN, 0}, {n->stop_fd, POLLIN, 0}, {n->watch_fd, POLLIN, 0}};
    if (poll(p, COUNT_OF(p), -1) < 0)
        return errno == EINTR;
    if (p[1].revents || (p[2].revents && !n->watch(n->context)))
        return false;
    if (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) {
        if (n->watch_fd < 0)
            return false;
        mem_close_at(&n->listener); /* nobody asks any more: only watch from here on */
        n->listener = -1;
        return true;
    }
    if (!p[0].revents)
        return true;
    memset(n->request, 0, sizeof *n->request);
    if (ioctl(n->listener, SECCOMP_IOCTL_NOTIF_RECV, n->request))
        return errno == EINTR || errno == ENOENT; /* ENOENT: a signal was first */
    memset(n->response, 0, sizeof *n->response);
    n->response->id = n->request->id;
    n->answered = false;
    handle(n);
    if (!n->answered)
        notify_send(n);
    return true;
}

/* ---- the start ---- */

/* Two descriptors in one message: the listener, then the root. -1 where none will come. */
static int receive(struct notify *n, int fds[2])
{
    char byte;
    struct iovec data = {&byte, 1};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct pollfd p[3] = {
        {n->socket, POLLIN, 0}, {n->stop_fd, POLLIN, 0}, {n->watch_fd, POLLIN, 0}};
    do {
        while (poll(p, COUNT_OF(p), -1) < 0 && errno == EINTR) {
        }
        if (p[1].revents || (p[2].revents && !n->watch(n->context)))
            return -1;
    } while (!p[0].revents);
    if (recvmsg(n->socket, &message, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return -1;
    memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
    return 0;
}

/* Root and working directory are this thread's own from here on. */
static int move_in(struct notify *n, int root_fd)
{
    if ((n->threaded && unshare(CLONE_FS)) || fchdir(root_fd) || chroot(".") ||
        fchdir(n->outer_proc) || chdir("self/fd"))
        return -1;
    umask(0);
    /* So that opening a file as its user takes no capability away. */
    if (n->protected && prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
        n->protected = false;
    /* Faster where the kernel knows it. */
    ioctl(n->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    return write(n->socket, "g", 1) == 1 ? 0 : -1;
}

static void serve_all(struct notify *n)
{
    int fds[2];
    if (receive(n, fds))
        return;
    n->listener = fds[0];
    if (move_in(n, fds[1]))
        log_warning("notifier: enter the step's root: %s", strerror(errno));
    else
        while (serve_one(n)) {
        }
    close(fds[1]);
    mem_close_at(&n->listener); /* whoever still asks gets ENOSYS */
    n->listener = -1;
    shutdown(n->socket, SHUT_RDWR);
}

static void *notify_main(void *argument)
{
    serve_all(argument);
    return NULL;
}

void notify_serve_here(struct notify *n, int watch_fd, bool (*watch)(void *context), void *context)
{
    n->watch_fd = watch_fd;
    n->watch = watch;
    n->context = context;
    serve_all(n);
}

void notify_descriptors(const struct notify *n, int fds[8])
{
    const int all[8] = {
        n->socket, n->stop_fd, n->outer_proc, n->outer_root, owners_fd(n->spec.owners), -1, -1, -1};
    memcpy(fds, all, sizeof all);
}

static void notify_free(struct notify *n)
{
    mem_close_at(&n->socket);
    mem_close_at(&n->stop_fd);
    mem_close_at(&n->outer_proc);
    mem_close_at(&n->outer_root);
    mem_close_at(&n->listener);
    creds_table_free(n->table);
    free(n->request);
    free(n->response);
    free(n);
}

/* The kernel may know longer structures than we do. */
static int make_buffers(struct notify *n)
{
    struct seccomp_notif_sizes sizes;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
        return -1;
    size_t request = sizes.seccomp_notif, response = sizes.seccomp_notif_resp;
    n->request = mem_zalloc(1, request > sizeof *n->request ? request : sizeof *n->request);
    n->response = mem_zalloc(1, response > sizeof *n->response ? response : sizeof *n->response);
    return 0;
}

static int set_first_creds(struct notify *n, uint64_t *limit)
{
    struct creds root;
    const struct user_ids *user = n->spec.user;
    creds_init(&root, n->spec.capabilities);
    n->table = creds_table_new(&root);
    n->first = root;
    if (user) {
        struct creds *c = &n->first;
        creds_set_groups(c, user->groups,
                         user->group_count < CREDS_GROUPS_MAX ? user->group_count
                                                              : CREDS_GROUPS_MAX);
        creds_set_res(c, true, user->gid, user->gid, user->gid);
        creds_set_res(c, false, user->uid, user->uid, user->uid);
    }
    int number = creds_table_number(n->table, &n->first);
    *limit = number ? (uint64_t)number : RLIM_INFINITY;
    struct rlimit now;
    if (getrlimit(RLIMIT_LOCKS, &now))
        return -1;
    errno = EPERM;
    return now.rlim_max < creds_table_highest() ? -1 : 0;
}

int notify_start(struct notify *n, struct error *err)
{
    sigset_t all, before;
    n->threaded = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&n->thread, NULL, notify_main, n);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    n->threaded = !errno;
    return errno ? error_errno(err, ERROR_HOST, "start a thread") : 0;
}

/* Whether the kernel looks twice at what is opened in /tmp (proc_sys_fs(5)). */
static bool is_protected(const struct notify *n)
{
    static const char *const names[] = {"symlinks", "regular", "fifos"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        autofree char *path = mem_printf("sys/fs/protected_%s", names[i]);
        autoclose int fd = openat(n->outer_proc, path, O_RDONLY | O_CLOEXEC);
        char value = '0';
        if (fd >= 0 && read(fd, &value, 1) == 1 && value != '0')
            return true;
    }
    return false;
}

int notify_new(const struct notify_spec *spec, struct notify **out, int *child_fd, uint64_t *limit,
               struct error *err)
{
    struct notify *n = mem_zalloc(1, sizeof *n);
    int pair[2] = {-1, -1};
    n->spec = *spec;
    n->listener = n->watch_fd = -1;
    for (size_t i = 0; i < notify_number_count; i++)
        n->row_of[notify_numbers[i].number] = notify_numbers[i].row + 1;
    n->stop_fd = eventfd(0, EFD_CLOEXEC);
    n->outer_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    n->outer_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    n->socket = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ? -1 : pair[0];
    n->protected = spec->sets & NOTIFY_KERNEL && is_protected(n);
    if (n->stop_fd < 0 || n->outer_proc < 0 || n->outer_root < 0 || n->socket < 0 ||
        make_buffers(n)) {
        error_errno(err, ERROR_HOST, "start the notifier that fakes ids");
    } else if (set_first_creds(n, limit)) {
        error_errno(err, ERROR_HOST, "start the notifier that fakes ids: the limit of locks");
        error_hint(err, "ulimit -x unlimited");
    } else {
        *child_fd = pair[1];
        *out = n;
        return 0;
    }
    mem_close_at(&pair[1]);
    notify_free(n);
    return -1;
}

void notify_stop(struct notify *n)
{
    if (!n)
        return;
    const uint64_t one = 1;
    if (write(n->stop_fd, &one, sizeof one) != sizeof one)
        log_debug("notifier: it was told to stop already");
    if (n->threaded)
        pthread_join(n->thread, NULL);
    notify_free(n);
}
