#include "owner.h"

#include "owner_table.h"

#include <base/io.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

struct owners {
    struct owner_table *table;
};

/* A file named by its directory's descriptor, for calls that know paths alone. */
struct fd_path {
    char text[sizeof "/proc/self/fd//" + 11 + NAME_MAX];
};

static void name_file(struct fd_path *p, int dir_fd, const char *name)
{
    snprintf(p->text, sizeof p->text, *name ? "/proc/self/fd/%d/%s" : "/proc/self/fd/%d", dir_fd,
             name);
}

int owners_open(int dir_fd, const char *name, struct owners **out, struct error *err)
{
    struct owner_table *table;
    if (owner_table_open(dir_fd, name, &table, err))
        return -1;
    *out = mem_zalloc(1, sizeof **out);
    (*out)->table = table;
    return 0;
}

void owners_close(struct owners *o)
{
    if (!o)
        return;
    owner_table_close(o->table);
    free(o);
}

int owners_refresh(struct owners *o)
{
    return o ? owner_table_refresh(o->table) : 0;
}

int owners_fd(const struct owners *o)
{
    return o ? owner_table_fd(o->table) : -1;
}

bool owners_has_table(const struct owners *o)
{
    return o && !owner_table_is_empty(o->table);
}

bool owner_is_plain(const struct owner *owner)
{
    return !owner->uid && !owner->gid && !owner->type && !owner->mode;
}

void owner_apply(const struct owner *owner, struct stat *st)
{
    st->st_uid = owner->uid;
    st->st_gid = owner->gid;
    if (owner->mode)
        st->st_mode = (st->st_mode & S_IFMT) | (owner->mode & 07777);
    if (!owner->type)
        return;
    st->st_mode = (st->st_mode & 07777) | owner->type;
    st->st_rdev = owner->rdev;
    st->st_size = 0;
}

/* path names the file itself, but where that is a descriptor's magic link, which is followed to it.
 * The attribute can't be on a symlink, so a symlink's being followed does no harm either way. */
int owners_read(struct owners *o, const char *path, int fd, struct owner *out)
{
    *out = (struct owner){.uid = 0};
    if (getxattr(path, OWNER_XATTR, out, sizeof *out) == (ssize_t)sizeof *out)
        return 1;
    *out = (struct owner){.uid = 0};
    struct owner_key key;
    return owners_has_table(o) && !owner_key_of(fd, &key) && owner_table_find(o->table, &key, out);
}

static int write_table(struct owners *o, int fd, const struct owner *owner)
{
    struct owner_key key;
    struct owner before;
    if (owner_key_of(fd, &key))
        return -1;
    if (!owner_table_find(o->table, &key, &before))
        before = (struct owner){.uid = 0};
    return memcmp(&before, owner, sizeof before) ? owner_table_set(o->table, &key, owner) : 0;
}

int owners_write(struct owners *o, const char *path, int fd, const struct owner *owner)
{
    struct stat st;
    if (io_fault() || fstatat(fd, "", &st, AT_EMPTY_PATH))
        return -1;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return write_table(o, fd, owner);
    if (owner_is_plain(owner)) {
        if (!removexattr(path, OWNER_XATTR) || errno == ENODATA)
            return 0;
    } else if (!setxattr(path, OWNER_XATTR, owner, sizeof *owner, 0)) {
        return 0;
    }
    return errno == ENOTSUP ? write_table(o, fd, owner) : -1;
}

static int open_file(int dir_fd, const char *name)
{
    return *name ? openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
                 : fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
}

/* A chown that changes nothing does to set-id bits and capabilities what any chown does. */
int owners_give(struct owners *o, int dir_fd, const char *name, uint32_t uid, uint32_t gid)
{
    if (!o)
        return fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
    autoclose int fd = open_file(dir_fd, name);
    struct fd_path path;
    struct owner now;
    if (fd < 0)
        return -1;
    name_file(&path, fd, "");
    owners_read(o, path.text, fd, &now);
    now.uid = uid;
    now.gid = gid;
    if (owners_write(o, path.text, fd, &now))
        return -1;
    return fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

mode_t owners_mode(const struct owners *o, mode_t mode)
{
    if (!o || geteuid() == 0 || S_ISLNK(mode))
        return mode;
    return mode | (S_ISDIR(mode) ? 0700 : 0600);
}

int owners_keep_mode(struct owners *o, int dir_fd, const char *name, mode_t mode)
{
    struct fd_path path;
    struct owner now;
    if (owners_mode(o, mode) == mode)
        return 0;
    autoclose int fd = open_file(dir_fd, name);
    if (fd < 0)
        return -1;
    name_file(&path, fd, "");
    owners_read(o, path.text, fd, &now);
    now.mode = OWNER_MODE | (mode & 07777);
    return owners_write(o, path.text, fd, &now);
}

int owners_make_node(struct owners *o, int dir_fd, const char *name, mode_t mode, dev_t rdev)
{
    if (!o || !(S_ISCHR(mode) || S_ISBLK(mode)))
        return mknodat(dir_fd, name, mode, rdev);
    if (mknodat(dir_fd, name, S_IFREG | (mode & 07777), 0))
        return -1;
    const struct owner owner = {.type = mode & S_IFMT, .rdev = rdev};
    autoclose int fd = open_file(dir_fd, name);
    struct fd_path path;
    name_file(&path, fd, "");
    return fd < 0 ? -1 : owners_write(o, path.text, fd, &owner);
}

int owners_stat(struct owners *o, int dir_fd, const char *name, struct stat *st)
{
    if (fstatat(dir_fd, name, st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -1;
    if (!o)
        return 0;
    bool own_xattr = S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
    struct fd_path path;
    struct owner owner;
    if (own_xattr) {
        name_file(&path, dir_fd, name);
        ssize_t n = lgetxattr(path.text, OWNER_XATTR, &owner, sizeof owner);
        if (!*name && n < 0) /* the magic link itself has none */
            n = getxattr(path.text, OWNER_XATTR, &owner, sizeof owner);
        if (n == (ssize_t)sizeof owner) {
            owner_apply(&owner, st);
            return 0;
        }
    }
    owner = (struct owner){.uid = 0};
    if (owners_has_table(o)) {
        autoclose int fd = open_file(dir_fd, name);
        struct owner_key key;
        if (fd < 0 || owner_key_of(fd, &key))
            return -1;
        owner_table_find(o->table, &key, &owner);
    }
    owner_apply(&owner, st);
    return 0;
}
