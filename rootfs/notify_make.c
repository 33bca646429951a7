/* Files that a step makes and moves: they are the step's user's, not the kernel's one id's. */
#include "notify_private.h"
#include "notify_serve.h"

#include "owner_acl.h"

#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LINKS_MAX = 40 };

/* A file about to be made. */
struct making {
    struct notify_target target;
    int parent; /* O_PATH */
    char name[NAME_MAX + 1];
    struct owner owner;
    struct creds creds;
    char list[1024]; /* the parent's default list, where a record keeps one */
    ssize_t list_size;
};
#define MAKING ((struct making){.parent = -1})
static void making_release(struct making *m)
{
    mem_close_at(&m->parent);
}
#define automaking __attribute__((cleanup(making_release))) struct making

static void read_default_list(const struct notify *n, struct making *m)
{
    struct notify_name name;
    m->list_size = -1;
    if (!n->spec.owners)
        return;
    notify_name_fd(&name, m->parent);
    m->list_size = getxattr(name.text, OWNER_XATTR_DEFAULT_ACL, m->list, sizeof m->list);
}

/* Where it is to be, and whose. False where the kernel may as well make it: what root makes is
 * root's without a record. */
static bool prepare(const struct notify *n, struct making *m)
{
    notify_creds(n, n->pid, &m->creds);
    if (!n->spec.owners && creds_make_roots_files(&m->creds))
        return false;
    if (m->parent < 0)
        m->parent = notify_open_parent(n, &m->target, m->name);
    if (m->parent < 0 || !m->name[0])
        return false;
    notify_new_owner(n, &m->creds, m->parent, &m->owner);
    read_default_list(n, m);
    return !owner_is_plain(&m->owner) || m->list_size > 0;
}

static bool begin(const struct notify *n, struct making *m)
{
    return !notify_target(n, &m->target) && prepare(n, m);
}

/* Umasks are a process's, and this thread's is its own; a default list takes the umask's place. */
static void take_umask(const struct notify *n, const struct making *m)
{
    long mask = m->list_size > 0 ? 0 : notify_status(n, n->pid, "\nUmask:", 8);
    umask(mask < 0 ? 022 : (mode_t)mask);
}

/* acl(5), "Object creation and default ACLs". */
static int inherit_list(const struct making *m, int fd, mode_t asked)
{
    char list[sizeof m->list];
    struct notify_name name;
    struct stat st;
    if (m->list_size <= 0 || fstatat(fd, "", &st, AT_EMPTY_PATH) ||
        !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return 0;
    size_t size = (size_t)m->list_size;
    memcpy(list, m->list, size);
    mode_t mode = (st.st_mode & 07000) | (owner_acl_mode(list, size, 0) & asked & 0777);
    owner_acl_follow(list, size, mode);
    notify_name_fd(&name, fd);
    if (S_ISDIR(st.st_mode) && setxattr(name.text, OWNER_XATTR_DEFAULT_ACL, m->list, size, 0))
        return -1;
    return setxattr(name.text, OWNER_XATTR_ACL, list, size, 0) ? -1 : chmod(name.text, mode);
}

static int own(const struct notify *n, const struct making *m, int fd, mode_t asked)
{
    return owner_is_plain(&m->owner) || !notify_give(n, fd, &m->owner) ? inherit_list(m, fd, asked)
                                                                       : -1;
}

/* Owner and list for what was just made under its name, and the answer. */
static void conclude(struct notify *n, const struct making *m, int failed, mode_t asked)
{
    int error = failed ? errno : 0;
    umask(0);
    if (!error) {
        autoclose int fd = openat(m->parent, m->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || own(n, m, fd, asked))
            error = errno;
    }
    notify_fail(n, error);
}

void notify_mkdir(struct notify *n)
{
    automaking m = MAKING;
    mode_t mode = (mode_t)n->args[n->row->value];
    notify_continue(n);
    if (!begin(n, &m))
        return;
    take_umask(n, &m);
    conclude(n, &m, mkdirat(m.parent, m.name, mode), mode);
}

void notify_symlink(struct notify *n)
{
    automaking m = MAKING;
    char link[PATH_MAX];
    notify_continue(n);
    if (notify_read_text(n, n->args[n->row->value], link) || !begin(n, &m))
        return;
    conclude(n, &m, symlinkat(link, m.parent, m.name), 0777);
}

/* A device that only a record can make. */
static bool needs_record(const struct notify *n, mode_t mode)
{
    return n->spec.owners && (S_ISCHR(mode) || S_ISBLK(mode));
}

void notify_mknod(struct notify *n)
{
    automaking m = MAKING;
    mode_t mode = (mode_t)n->args[n->row->value];
    dev_t rdev = (dev_t)n->args[n->row->value + 1];
    bool device = S_ISCHR(mode) || S_ISBLK(mode), whiteout = S_ISCHR(mode) && !rdev;
    notify_continue(n);
    if (!begin(n, &m) && !(needs_record(n, mode) && m.parent >= 0 && m.name[0]))
        return;
    if (device && !whiteout && !creds_capable(&m.creds, CAP_MKNOD)) {
        notify_fail(n, EPERM);
        return;
    }
    if (needs_record(n, mode)) {
        m.owner.type = mode & S_IFMT;
        m.owner.rdev = rdev;
    }
    take_umask(n, &m);
    conclude(n, &m,
             needs_record(n, mode) ? mknodat(m.parent, m.name, S_IFREG | (mode & 07777), 0)
                                   : mknodat(m.parent, m.name, mode, rdev),
             mode);
}

/* ---- open ---- */

/* A new file's name may be a symlink to where it is to be: the parent becomes that place's. 1: the
 * file is there already, or something is in the way; 0: it isn't. */
static int find_place(const struct notify *n, struct making *m, int flags)
{
    for (int i = 0; i < LINKS_MAX; i++) {
        struct stat st;
        if (fstatat(m->parent, m->name, &st, AT_SYMLINK_NOFOLLOW))
            return errno != ENOENT;
        if (!S_ISLNK(st.st_mode) || flags & (O_EXCL | O_NOFOLLOW) || notify_has_own_root(n, n->pid))
            return 1;
        ssize_t got = readlinkat(m->parent, m->name, m->target.path, sizeof m->target.path - 1);
        if (got <= 0)
            return 1;
        m->target.path[got] = '\0';
        char *slash = strrchr(m->target.path, '/');
        const char *last = slash ? slash + 1 : m->target.path;
        if (!*last || strlen(last) > NAME_MAX || str_starts(m->target.path, "/proc/"))
            return 1;
        strcpy(m->name, last);
        if (!slash)
            continue;
        slash[slash == m->target.path] = '\0';
        int parent = openat(m->parent, m->target.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (parent < 0)
            return 1;
        close(m->parent);
        m->parent = parent;
    }
    return 1;
}

/* A user's own file in /tmp, which the kernel would not let root open with O_CREAT where
 * fs.protected_regular or fs.protected_fifos is on: the thread calls again without that flag, since
 * the file is there. The kernel opens it then, and it may wait there as long as it likes. */
static void open_again(struct notify *n, const struct making *m, int flags)
{
    struct stat file, parent;
    int64_t result;
    if (!n->protected || flags & O_EXCL || n->row->handler == NOTIFY_OPEN_HOW ||
        fstatat(m->parent, m->name, &file, AT_SYMLINK_NOFOLLOW) ||
        !(S_ISREG(file.st_mode) || S_ISFIFO(file.st_mode)) || file.st_uid != m->creds.users.files ||
        fstatat(m->parent, "", &parent, AT_EMPTY_PATH) || !(parent.st_mode & S_ISVTX) ||
        notify_hold(n))
        return;
    const uint64_t args[5] = {n->row->dir < 0 ? (uint64_t)AT_FDCWD : n->args[n->row->dir],
                              n->args[n->row->path], (uint64_t)(flags & ~O_CREAT)};
    notify_return(n, 0);
    notify_send(n);
    if (notify_held(n, &result))
        return;
    notify_redirect(n, SYS_openat, args);
    notify_let_go(n);
}

/* With O_TMPFILE the path is the directory. */
static bool begin_open(const struct notify *n, struct making *m, int flags)
{
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        m->parent = notify_open(n, &m->target);
        strcpy(m->name, ".");
        return m->parent >= 0 && prepare(n, m);
    }
    if (!prepare(n, m) || find_place(n, m, flags))
        return false;
    notify_new_owner(n, &m->creds, m->parent, &m->owner);
    read_default_list(n, m);
    return true;
}

static bool makes_file(const struct making *m, int flags)
{
    bool asked = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    return asked && !(flags & O_PATH) && !m->target.itself && m->target.path[0];
}

/* The path is in m->target. What is there already is opened by the kernel. */
static void open_new(struct notify *n, struct making *m, int flags, mode_t mode)
{
    bool temporary = (flags & O_TMPFILE) == O_TMPFILE;
    notify_continue(n);
    if (!makes_file(m, flags))
        return;
    if (!begin_open(n, m, flags)) {
        if (m->parent >= 0 && m->name[0] && !temporary)
            open_again(n, m, flags);
        return;
    }
    take_umask(n, m);
    autoclose int fd =
        openat(m->parent, m->name, flags | O_CLOEXEC | O_NOCTTY | (temporary ? 0 : O_EXCL), mode);
    int error = errno;
    umask(0);
    if (fd < 0 && error == EEXIST && !(flags & O_EXCL))
        return; /* somebody was faster */
    if (fd < 0)
        notify_fail(n, error);
    else if (own(n, m, fd, mode))
        notify_fail(n, errno);
    else
        notify_give_fd(n, fd, flags & O_CLOEXEC);
}

void notify_open_file(struct notify *n)
{
    automaking m = MAKING;
    notify_continue(n);
    if (!notify_target(n, &m.target))
        open_new(n, &m, (int)n->args[n->row->value], (mode_t)n->args[n->row->value + 1] & 07777);
}

/* Paths that are resolved by special rules are left to the kernel: what is made so is root's. */
void notify_open_how(struct notify *n)
{
    automaking m = MAKING;
    struct open_how how;
    notify_continue(n);
    if (!notify_target(n, &m.target) && n->args[n->row->value + 1] >= sizeof how &&
        !notify_read(n, n->args[n->row->value], &how, sizeof how) &&
        !(how.resolve & ~(uint64_t)(RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH)))
        open_new(n, &m, (int)how.flags, (mode_t)how.mode & 07777);
}

void notify_creat(struct notify *n)
{
    automaking m = MAKING;
    notify_continue(n);
    if (!notify_target(n, &m.target))
        open_new(n, &m, O_CREAT | O_TRUNC | O_WRONLY, (mode_t)n->args[n->row->value] & 07777);
}

/* ---- names ----
 *
 * An overlay copies a file up to give it another name or time, and a symlink or fifo then has
 * another inode, for which there is no record yet. */

/* The owner of what a table must know, else false. */
static bool in_table(const struct notify *n, const struct notify_target *t, struct owner *owner)
{
    struct notify_name name;
    struct stat st;
    if (!n->spec.owners || !owners_has_table(n->spec.owners))
        return false;
    autoclose int fd = notify_open(n, t);
    notify_name_fd(&name, fd);
    return fd >= 0 && !fstatat(fd, "", &st, AT_EMPTY_PATH) && !S_ISDIR(st.st_mode) &&
           owners_read(n->spec.owners, name.text, fd, owner) && !S_ISREG(st.st_mode);
}

static void give_name(struct notify *n, int parent, const char *name, const struct owner *owner)
{
    autoclose int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    notify_fail(n, fd < 0 || notify_give(n, fd, owner) ? errno : 0);
}

static void rename_recorded(struct notify *n, int new_dir, int new_path, unsigned flags)
{
    struct notify_target from, to;
    struct owner owner;
    char old[NAME_MAX + 1], new[NAME_MAX + 1];
    notify_continue(n);
    if (notify_target(n, &from) || !in_table(n, &from, &owner) ||
        notify_target_at(n, new_path, new_dir, true, &to))
        return;
    autoclose int from_dir = notify_open_parent(n, &from, old);
    autoclose int to_dir = notify_open_parent(n, &to, new);
    if (from_dir < 0 || to_dir < 0)
        return;
    if (renameat2(from_dir, old, to_dir, new, flags))
        notify_fail(n, errno);
    else
        give_name(n, to_dir, new, &owner);
}

void notify_rename(struct notify *n)
{
    rename_recorded(n, -1, n->row->value, 0);
}

void notify_rename_at(struct notify *n)
{
    rename_recorded(n, n->row->value, n->row->value + 1,
                    n->row->flags < 0 ? 0 : (unsigned)n->args[n->row->flags]);
}

static void link_recorded(struct notify *n, int new_dir, int new_path)
{
    struct notify_target from, to;
    struct owner owner;
    char old[NAME_MAX + 1], new[NAME_MAX + 1];
    notify_continue(n);
    if (notify_target(n, &from) || from.itself || !from.nofollow || !in_table(n, &from, &owner) ||
        notify_target_at(n, new_path, new_dir, true, &to))
        return;
    autoclose int from_dir = notify_open_parent(n, &from, old);
    autoclose int to_dir = notify_open_parent(n, &to, new);
    if (from_dir < 0 || to_dir < 0)
        return;
    if (linkat(from_dir, old, to_dir, new, 0))
        notify_fail(n, errno);
    else
        give_name(n, to_dir, new, &owner);
}

void notify_link(struct notify *n)
{
    link_recorded(n, -1, n->row->value);
}

void notify_link_at(struct notify *n)
{
    link_recorded(n, n->row->value, n->row->value + 1);
}

void notify_times_at(struct notify *n)
{
    struct notify_target t;
    struct owner owner;
    struct timespec times[2];
    char name[NAME_MAX + 1];
    uint64_t from = n->args[n->row->value];
    notify_continue(n);
    if (notify_target(n, &t) || t.itself || !t.nofollow || !in_table(n, &t, &owner) ||
        (from && notify_read(n, from, times, sizeof times)))
        return;
    autoclose int parent = notify_open_parent(n, &t, name);
    if (parent < 0)
        return;
    if (utimensat(parent, name, from ? times : NULL, AT_SYMLINK_NOFOLLOW))
        notify_fail(n, errno);
    else
        give_name(n, parent, name, &owner);
}
