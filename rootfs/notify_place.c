#include "notify_serve.h"

#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINKS_MAX = 8 };

void notify_place_release(struct notify_place *p)
{
    mem_close_at(&p->descriptor);
}

/* True for "PREFIX" and "PREFIX/…". */
static bool below(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return !strncmp(path, prefix, n) && (!path[n] || path[n] == '/');
}

/* Without "//", "." and "..", by the text alone. */
static void normalise(char *path)
{
    size_t n = 0;
    const char *at = path;
    while (*at) {
        at += strspn(at, "/");
        size_t length = strcspn(at, "/");
        if (length == 2 && !memcmp(at, "..", 2)) {
            while (n && path[--n] != '/') {
            }
        } else if (length && !(length == 1 && *at == '.')) {
            path[n++] = '/';
            memmove(path + n, at, length);
            n += length;
        }
        at += length;
    }
    if (!n)
        path[n++] = '/';
    path[n] = '\0';
}

void notify_self(const struct notify *n, const char *link, char text[64])
{
    long process = notify_status(n, n->pid, "\nTgid:", 10);
    if (str_ends(link, "thread-self"))
        snprintf(text, 64, "%ld/task/%d", process, (int)n->pid);
    else if (str_ends(link, "self"))
        snprintf(text, 64, "%ld", process);
    else /* mounts, net */
        snprintf(text, 64, "self/%s", strrchr(link, '/') + 1);
}

/* Names of /dev that lead into /proc, as a path of /proc; NULL: path is none. rest: what follows.
 */
static const char *dev_alias(const char *path, const char **rest)
{
    static const char *const names[][2] = {{"/dev/stdin", "/proc/self/fd/0"},
                                           {"/dev/stdout", "/proc/self/fd/1"},
                                           {"/dev/stderr", "/proc/self/fd/2"},
                                           {"/dev/fd", "/proc/self/fd"},
                                           {"/dev/ptmx", "/dev/pts/ptmx"}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (below(path, names[i][0])) {
            *rest = path + strlen(names[i][0]);
            return names[i][1];
        }
    return NULL;
}

/* Devices that a step without mknod can't have of its own. */
static bool is_device(const struct notify *n, const char *path)
{
    static const char *const names[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                        "/dev/random", "/dev/urandom", "/dev/tty"};
    for (size_t i = 0; n->spec.owners && i < COUNT_OF(names); i++)
        if (!strcmp(path, names[i]))
            return true;
    return false;
}

static bool is_self_link(const char *path)
{
    static const char *const links[] = {"/proc/self", "/proc/thread-self", "/proc/mounts",
                                        "/proc/net"};
    for (size_t i = 0; i < COUNT_OF(links); i++)
        if (!strcmp(path, links[i]))
            return true;
    return false;
}

/* How much of a path of /proc stands for the process that says it; 0: nothing. */
static size_t own_part(const char *full)
{
    static const char *const parts[][2] = {{"/proc/thread-self", "/proc/thread-self"},
                                           {"/proc/self", "/proc/self"},
                                           {"/proc/mounts", "/proc"},
                                           {"/proc/net", "/proc"}};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (below(full, parts[i][0]))
            return strlen(parts[i][1]);
    return 0;
}

static bool is_served_text(const char *path)
{
    return below(path, "/proc") || below(path, "/sys") || below(path, "/dev/pts");
}

/* A normalised absolute path of the step's, as one of the root outside: true where it is served. */
static bool map_path(const struct notify *n, const char *path, bool nofollow,
                     struct notify_place *out)
{
    const char *rest = "";
    char full[PATH_MAX + NAME_MAX], self[64];
    const char *alias = dev_alias(path, &rest);
    if (alias && nofollow && !*rest && strcmp(path, "/dev/ptmx") != 0)
        return false; /* the link itself, which is in the root */
    snprintf(full, sizeof full, "%s%s", alias ? alias : path, rest);
    if (!is_served_text(full) && !is_device(n, full))
        return false;
    out->base = n->outer_root;
    out->self = is_self_link(full);
    size_t length = own_part(full);
    if (!length || (out->self && nofollow)) {
        snprintf(out->path, sizeof out->path, "%s", full + 1);
        return true;
    }
    notify_self(n, length == strlen("/proc/thread-self") ? "/proc/thread-self" : "/proc/self",
                self);
    return snprintf(out->path, sizeof out->path, "proc/%s%s", self, full + length) <
           (int)sizeof out->path;
}

/* Relative paths that can lead there or away from there; all others are the kernel's. */
static bool may_lead(const char *path)
{
    static const char *const first[] = {"proc",   "dev",    "sys",    "pts", "fd", "ptmx", "stdin",
                                        "stdout", "stderr", "mounts", "net", "..", "."};
    size_t length = strcspn(path, "/");
    for (size_t i = 0; i < COUNT_OF(first); i++)
        if (strlen(first[i]) == length && !memcmp(first[i], path, length))
            return true;
    return false;
}

static ssize_t read_base(const struct notify *n, int dir, char path[PATH_MAX])
{
    struct notify_name name;
    if (dir == AT_FDCWD)
        notify_name_of(&name, n->pid, "cwd", -1);
    else
        notify_name_of(&name, n->pid, "fd", dir);
    ssize_t got = readlink(name.text, path, PATH_MAX - 1);
    path[got > 0 ? got : 0] = '\0';
    return path[0] == '/' ? got : -1;
}

/* Follow the last component's symlinks by hand: one may lead there (access.log -> /dev/stdout). */
static bool follow(const struct notify *n, const struct notify_target *t, struct notify_place *out)
{
    struct notify_name name;
    char now[PATH_MAX + NAME_MAX], link[PATH_MAX];
    if (t->path[0] != '/') {
        notify_name_of(&name, n->pid, t->dir == AT_FDCWD ? "cwd" : "fd",
                       t->dir == AT_FDCWD ? -1 : t->dir);
        if (snprintf(now, sizeof now, "%s/%s", name.text, t->path) >= (int)sizeof now)
            return false;
    } else {
        strcpy(now, t->path);
    }
    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t got = readlink(now, link, sizeof link - 1);
        if (got <= 0)
            return false;
        link[got] = '\0';
        char *slash = strrchr(now, '/');
        if (link[0] == '/')
            strcpy(now, link);
        else if (slash && (size_t)(slash - now) + 2 + (size_t)got < sizeof now)
            strcpy(slash + 1, link);
        else
            return false;
        if (now[0] != '/')
            continue;
        char clean[PATH_MAX + NAME_MAX];
        strcpy(clean, now);
        normalise(clean);
        if (map_path(n, clean, false, out))
            return true;
    }
    return false;
}

/* fs.protected_symlinks looks at who really follows, which is root here: what a user's own link in
 * /tmp leads to is opened as that user. Capabilities stay, so that nothing else changes. */
static bool follow_protected(const struct notify *n, const struct notify_target *t,
                             struct notify_place *out)
{
    struct creds c;
    if (!n->protected || t->nofollow)
        return false;
    notify_creds(n, n->pid, &c);
    if (!c.users.files)
        return false;
    autoclose int as_root = notify_open(n, t);
    if (as_root >= 0 || errno != EACCES)
        return false;
    struct notify_target here = {.dir = t->dir, .itself = true};
    autoclose int base = t->path[0] == '/' ? -1 : notify_open(n, &here);
    setfsuid(c.users.files);
    out->descriptor = openat(base, t->path, O_PATH | O_CLOEXEC);
    setfsuid(0);
    if (out->descriptor < 0)
        return false;
    out->base = AT_FDCWD;
    snprintf(out->path, sizeof out->path, "%d", out->descriptor);
    return true;
}

/* The path as an absolute one; false where it can't lead there. */
static bool make_full(const struct notify *n, const struct notify_target *t,
                      char full[2 * PATH_MAX])
{
    char base[PATH_MAX];
    if (t->path[0] == '/') {
        strcpy(full, t->path);
        return true;
    }
    if (!may_lead(t->path) || read_base(n, t->dir, base) < 0)
        return false;
    snprintf(full, (size_t)2 * PATH_MAX, "%s/%s", base, t->path);
    return true;
}

bool notify_place(const struct notify *n, const struct notify_target *t, struct notify_place *out)
{
    char full[2 * PATH_MAX];
    if (t->itself || !t->path[0])
        return false;
    if (make_full(n, t, full)) {
        bool slash = str_ends(full, "/") || str_ends(full, "/.");
        bool from_there = t->path[0] != '/' && is_served_text(full);
        normalise(full);
        if (map_path(n, full, t->nofollow && !slash, out))
            return true;
        /* Out of there again: the kernel would go on in the root outside. */
        if (from_there && strlen(full) < PATH_MAX) {
            out->base = AT_FDCWD;
            strcpy(out->path, full);
            return true;
        }
    }
    return !t->nofollow && (follow(n, t, out) || follow_protected(n, t, out));
}

static const char mountinfo[] =
    "20 1 8:1 / / rw,relatime - ext4 /dev/root rw\n"
    "21 20 0:5 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
    "22 20 0:6 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro\n"
    "23 20 0:7 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts "
    "rw,gid=5,mode=620,ptmxmode=666\n"
    "24 20 0:8 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw\n";
static const char mounts[] = "/dev/root / ext4 rw,relatime 0 0\n"
                             "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n"
                             "sysfs /sys sysfs ro,nosuid,nodev,noexec,relatime 0 0\n"
                             "devpts /dev/pts devpts rw,nosuid,noexec,relatime 0 0\n"
                             "shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime 0 0\n";

/* What the step would see had it mounts: the container's own say nothing of its root. */
static int open_text(const char *text)
{
    struct notify_name name;
    autoclose int fd = memfd_create("mounts", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return -1;
    notify_name_fd(&name, fd);
    return open(name.text, O_RDONLY | O_CLOEXEC);
}

/* Never waits, since all of the step's calls wait for this one: a fifo opens at once, and blocks
 * its reader and writer from then on. A descriptor can't be given with O_PATH: a readable one is.
 */
int notify_place_open(const struct notify_place *p, int flags, mode_t mode)
{
    const char *last = strrchr(p->path, '/');
    bool in_proc = p->base >= 0 && !strncmp(p->path, "proc/", 5) && last;
    if (in_proc && !(flags & O_PATH) && !strcmp(last, "/mountinfo"))
        return open_text(mountinfo);
    if (in_proc && !(flags & O_PATH) && !strcmp(last, "/mounts"))
        return open_text(mounts);
    if (flags & O_PATH)
        return openat(p->base, p->path,
                      (flags & (O_DIRECTORY | O_NOFOLLOW)) | O_RDONLY | O_NONBLOCK | O_NOCTTY |
                          O_CLOEXEC);
    int fd = openat(p->base, p->path,
                    (flags & ~(O_CREAT | O_EXCL)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
    if (fd >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags & (O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME));
    return fd;
}
