/* Owners: chown and stat, with a record or with the kernel's own. */
#include "notify_private.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int notify_stat(const struct notify *n, int fd, struct stat *st)
{
    struct notify_name name;
    struct owner owner;
    if (fstatat(fd, "", st, AT_EMPTY_PATH))
        return -1;
    if (!n->spec.owners)
        return 0;
    notify_name_fd(&name, fd);
    owners_read(n->spec.owners, name.text, fd, &owner);
    owner_apply(&owner, st);
    return 0;
}

/* An overlay may show a symlink that it copied up under the inode number of the one below, until it
 * is mounted again: so the record is also kept for the file in the upper directory. */
static int give_upper(const struct notify *n, int fd, const struct owner *owner)
{
    struct notify_name name;
    struct statx above, below;
    char path[PATH_MAX];
    if (n->spec.upper_fd < 0)
        return 0;
    notify_name_fd(&name, fd);
    ssize_t got = readlink(name.text, path, sizeof path - 1);
    if (got <= 1)
        return 0;
    path[got] = '\0';
    autoclose int upper = path_open_beneath(n->spec.upper_fd, path + 1, O_PATH | O_NOFOLLOW, 0);
    if (upper < 0 ||
        statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_INO, &above) ||
        statx(upper, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_INO, &below))
        return 0;
    if (above.stx_ino == below.stx_ino ||
        memcmp(&above.stx_btime, &below.stx_btime, sizeof above.stx_btime) != 0)
        return 0;
    notify_name_fd(&name, upper);
    return owners_write(n->spec.owners, name.text, upper, owner);
}

int notify_give(const struct notify *n, int fd, const struct owner *owner)
{
    struct notify_name name;
    struct stat st;
    if (!n->spec.owners)
        return fchownat(fd, "", owner->uid, owner->gid, AT_EMPTY_PATH);
    notify_name_fd(&name, fd);
    if (owners_write(n->spec.owners, name.text, fd, owner) || fstatat(fd, "", &st, AT_EMPTY_PATH))
        return -1;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? 0 : give_upper(n, fd, owner);
}

void notify_new_owner(const struct notify *n, const struct creds *creds, int parent_fd,
                      struct owner *out)
{
    struct stat st;
    *out = (struct owner){.uid = creds->users.files, .gid = creds->groups.files};
    if (!notify_stat(n, parent_fd, &st) && st.st_mode & S_ISGID)
        out->gid = st.st_gid;
}

/* ---- chown ---- */

static int chown_recorded(const struct notify *n, int fd, uint32_t uid, uint32_t gid)
{
    struct notify_name name;
    struct owner owner;
    notify_name_fd(&name, fd);
    /* First, since it copies the file up; and it takes set-id bits and file capabilities away, as
     * any chown by root does. Files of the host's are not ours to touch. */
    if (fchownat(fd, "", 0, 0, AT_EMPTY_PATH) && errno != EPERM && errno != EINVAL)
        return -1;
    owners_read(n->spec.owners, name.text, fd, &owner);
    if (uid != UINT32_MAX)
        owner.uid = uid;
    if (gid != UINT32_MAX)
        owner.gid = gid;
    return notify_give(n, fd, &owner);
}

void notify_chown(struct notify *n)
{
    struct notify_target t;
    struct creds c;
    struct stat st;
    uint32_t uid = (uint32_t)n->args[n->row->value], gid = (uint32_t)n->args[n->row->value + 1];
    notify_creds(n, n->pid, &c);
    if (!n->spec.owners && creds_may_chown(&c, 0, 0, 0, 0) == 0) {
        notify_continue(n); /* root's, and the kernel's owners */
        return;
    }
    if (notify_target(n, &t)) {
        notify_fail(n, errno);
        return;
    }
    autoclose int fd = notify_open(n, &t);
    int error = fd < 0 || notify_stat(n, fd, &st) ? errno : 0;
    if (!error)
        error = creds_may_chown(&c, st.st_uid, st.st_gid, uid, gid);
    if (!error && (n->spec.owners ? chown_recorded(n, fd, uid, gid)
                                  : fchownat(fd, "", uid, gid, AT_EMPTY_PATH)))
        error = errno;
    notify_fail(n, error);
}

/* ---- stat ---- */

/* Whether there is no record, by one call where one will do, since that is so of nearly every file
 * that is looked at. *fd: the file, where it had to be opened. */
static bool no_record(const struct notify *n, const struct notify_target *t, int *fd)
{
    struct notify_name name;
    struct owner owner;
    bool tabled = owners_has_table(n->spec.owners);
    if (!tabled && t->itself && t->dir >= 0) {
        notify_name_of(&name, n->pid, "fd", t->dir);
        if (getxattr(name.text, OWNER_XATTR, &owner, sizeof owner) < 0)
            return true;
    } else if (!tabled && !t->itself && t->path[0] == '/' && !n->chrooted) {
        ssize_t got = t->nofollow ? lgetxattr(t->path, OWNER_XATTR, &owner, sizeof owner)
                                  : getxattr(t->path, OWNER_XATTR, &owner, sizeof owner);
        if (got < 0)
            return true;
    }
    *fd = notify_open(n, t);
    if (*fd < 0)
        return true;
    notify_name_fd(&name, *fd);
    return !owners_read(n->spec.owners, name.text, *fd, &owner);
}

void notify_do_stat(struct notify *n)
{
    struct notify_target t;
    struct stat st;
    autoclose int fd = -1;
    notify_continue(n);
    if (!n->spec.owners || notify_target(n, &t) || no_record(n, &t, &fd))
        return;
    if (notify_stat(n, fd, &st))
        notify_fail(n, errno);
    else if (notify_write(n, n->args[n->row->value], &st, sizeof st))
        notify_fail(n, EFAULT);
    else
        notify_return(n, 0);
}

static void patch_statx(const struct stat *st, struct statx *x)
{
    x->stx_uid = st->st_uid;
    x->stx_gid = st->st_gid;
    x->stx_mode = (uint16_t)st->st_mode;
    x->stx_size = (uint64_t)st->st_size;
    x->stx_rdev_major = major(st->st_rdev);
    x->stx_rdev_minor = minor(st->st_rdev);
}

void notify_do_statx(struct notify *n)
{
    struct notify_target t;
    struct stat st;
    struct statx x;
    autoclose int fd = -1;
    int sync = (int)n->args[n->row->flags] & AT_STATX_SYNC_TYPE;
    uint64_t mask = n->args[n->row->value], buffer = n->args[n->row->value + 1];
    notify_continue(n);
    if (!n->spec.owners || notify_target(n, &t) || no_record(n, &t, &fd))
        return;
    memset(&x, 0, sizeof x);
    if (notify_stat(n, fd, &st) || statx(fd, "", AT_EMPTY_PATH | sync, (unsigned)mask, &x)) {
        notify_fail(n, errno);
        return;
    }
    patch_statx(&st, &x);
    if (notify_write(n, buffer, &x, sizeof x))
        notify_fail(n, EFAULT);
    else
        notify_return(n, 0);
}
