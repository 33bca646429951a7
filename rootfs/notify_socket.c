/* Sockets: the file that bind makes is the step's user's, and a peer's credentials are what that
 * peer believes to have. */
#include "notify_private.h"
#include "notify_serve.h"

#include <base/log.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* The call's socket, as a descriptor of ours. */
static int take_socket(const struct notify *n)
{
    autoclose int process = (int)syscall(SYS_pidfd_open, n->pid, 0);
    return process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, (int)n->args[n->row->dir], 0);
}

/* The path of an address in the file system, else false. */
static bool read_address(const struct notify *n, struct notify_target *t)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t size = (size_t)n->args[n->row->value + 1];
    if (size <= head || size > sizeof address ||
        notify_read(n, n->args[n->row->value], &address, size) || address.sun_family != AF_UNIX ||
        !address.sun_path[0])
        return false;
    *t = (struct notify_target){.dir = AT_FDCWD, .nofollow = true};
    memcpy(t->path, address.sun_path, size - head);
    return true;
}

/* Where descriptors can't be taken: the kernel binds, and the file is given away after that. */
static void bind_held(struct notify *n, int parent, const char *name, const struct owner *owner)
{
    int64_t result;
    if (notify_hold(n))
        return;
    notify_send(n);
    if (notify_held(n, &result))
        return;
    autoclose int made = result ? -1 : openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (made >= 0 && notify_give(n, made, owner))
        log_debug("notifier: a socket stays root's: %s", strerror(errno));
    notify_let_go(n);
}

void notify_bind(struct notify *n)
{
    struct notify_target t;
    struct creds c;
    struct owner owner;
    char name[NAME_MAX + 1];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    notify_continue(n);
    if (!read_address(n, &t))
        return;
    autoclose int parent = notify_open_parent(n, &t, name);
    notify_creds(n, n->pid, &c);
    if (parent < 0)
        return;
    notify_new_owner(n, &c, parent, &owner);
    if (owner_is_plain(&owner))
        return;
    if (n->spec.sets & NOTIFY_SERVED) {
        bind_held(n, parent, name, &owner);
        return;
    }
    autoclose int fd = take_socket(n);
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%d/%s", parent, name);
    if (fd < 0 || length >= (int)sizeof address.sun_path)
        return;
    long mask = notify_status(n, n->pid, "\nUmask:", 8);
    umask(mask < 0 ? 022 : (mode_t)mask);
    int failed = bind(fd, (struct sockaddr *)&address, sizeof address), error = errno;
    umask(0);
    if (failed) {
        notify_fail(n, error);
        return;
    }
    autoclose int made = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    notify_fail(n, made < 0 || notify_give(n, made, &owner) ? errno : 0);
}

/* As bind_held: what the kernel has answered is put right before the thread sees it. */
static void peer_held(struct notify *n, uint64_t value)
{
    struct ucred peer;
    struct creds c;
    int64_t result;
    if (notify_hold(n))
        return;
    notify_send(n);
    if (notify_held(n, &result))
        return;
    if (!result && !notify_read(n, value, &peer, sizeof peer) && peer.pid > 0) {
        notify_creds(n, peer.pid, &c);
        peer.uid = c.users.effective;
        peer.gid = c.groups.effective;
        notify_poke(n, value, &peer, sizeof peer);
    }
    notify_let_go(n);
}

void notify_socket_option(struct notify *n)
{
    struct ucred peer;
    struct creds c;
    socklen_t size = sizeof peer, room = 0;
    uint64_t level = n->args[1], value = n->args[3], length = n->args[4];
    notify_continue(n);
    if ((int)level != SOL_SOCKET)
        return;
    if (n->spec.sets & NOTIFY_SERVED) {
        peer_held(n, value);
        return;
    }
    autoclose int fd = take_socket(n);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.pid <= 0)
        return;
    notify_creds(n, peer.pid, &c);
    peer.uid = c.users.effective;
    peer.gid = c.groups.effective;
    peer.pid = notify_innermost(peer.pid);
    if (notify_read(n, length, &room, sizeof room))
        return;
    size = room < sizeof peer ? room : sizeof peer;
    if (notify_write(n, value, &peer, size) || notify_write(n, length, &size, sizeof size))
        notify_fail(n, EFAULT);
    else
        notify_return(n, 0);
}
