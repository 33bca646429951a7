#include "notify_private.h"

#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, STATUS_CAP = 8192 };

static void *address_of(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

int notify_read(const struct notify *n, uint64_t address, void *bytes, size_t size)
{
    struct iovec to = {bytes, size}, from = {address_of(address), size};
    if (process_vm_readv(n->pid, &to, 1, &from, 1, 0) == (ssize_t)size)
        return 0;
    errno = EFAULT;
    return -1;
}

int notify_poke(const struct notify *n, uint64_t address, const void *bytes, size_t size)
{
    struct iovec from = {(void *)(uintptr_t)bytes, size}, to = {address_of(address), size};
    if (process_vm_writev(n->pid, &from, 1, &to, 1, 0) == (ssize_t)size)
        return 0;
    errno = EFAULT;
    return -1;
}

int notify_write(const struct notify *n, uint64_t address, const void *bytes, size_t size)
{
    if (ioctl(n->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &n->request->id))
        return -1;
    return notify_poke(n, address, bytes, size);
}

/* In two pieces, parted at a page's edge: what follows the text may not be there. */
int notify_read_text(const struct notify *n, uint64_t address, char text[PATH_MAX])
{
    size_t first = PAGE - (address & (PAGE - 1));
    struct iovec to = {text, PATH_MAX};
    struct iovec from[2] = {{address_of(address), first},
                            {address_of(address + first), PATH_MAX - first}};
    ssize_t got = process_vm_readv(n->pid, &to, 1, from, first < PATH_MAX ? 2 : 1, 0);
    if (got > 0 && memchr(text, 0, (size_t)got))
        return 0;
    errno = got == PATH_MAX ? ENAMETOOLONG : EFAULT;
    return -1;
}

long notify_status(const struct notify *n, pid_t pid, const char *key, int base)
{
    (void)n;
    struct notify_name name;
    char text[STATUS_CAP];
    notify_name_of(&name, pid, "status", -1);
    autoclose int fd = open(name.text, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (got <= 0)
        return -1;
    text[got] = '\0';
    const char *at = strstr(text, key);
    return at ? strtol(at + strlen(key), NULL, base) : -1;
}

/* The last in the line is of its own namespace. */
pid_t notify_innermost(pid_t pid)
{
    struct notify_name name;
    char text[STATUS_CAP];
    notify_name_of(&name, pid, "status", -1);
    autoclose int fd = open(name.text, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    const char *at = strstr(text, "\nNSpid:");
    int value = pid, used;
    for (at = at ? at + 7 : ""; sscanf(at, "%d%n", &value, &used) == 1; at += used)
        if (at[used] == '\n')
            break;
    return value;
}
