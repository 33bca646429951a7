/* Attributes: lists that name ids the kernel doesn't have are kept in attributes of ours, and what
 * is ours is not shown. */
#include "notify_private.h"

#include "owner_acl.h"

#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OURS "user.imgbuild."

/* The attribute that the call names: 0 where the kernel may answer. *kept: what a list of that name
 * is kept as, or NULL. */
static int named(const struct notify *n, const char **kept, bool *ours)
{
    char name[PATH_MAX];
    if (!n->spec.owners || notify_read_text(n, n->args[n->row->value], name))
        return 0;
    *ours = str_starts(name, OURS);
    *kept = owner_acl_kept(name);
    return *ours || *kept;
}

static int open_named(const struct notify *n, struct notify_name *name)
{
    struct notify_target t;
    int fd = notify_target(n, &t) ? -1 : notify_open(n, &t);
    notify_name_fd(name, fd);
    return fd;
}

static void answer_bytes(struct notify *n, int buffer, const char *bytes, size_t size)
{
    uint64_t room = n->args[buffer + 1];
    if (room && room < size)
        notify_fail(n, ERANGE);
    else if (room && size && notify_write(n, n->args[buffer], bytes, size))
        notify_fail(n, EFAULT);
    else
        notify_return(n, (int64_t)size);
}

/* A list that names nobody is the kernel's to keep. */
static void set_list(struct notify *n, const char *kept, const char *value, size_t size)
{
    struct notify_name name;
    struct stat st;
    struct creds c;
    autoclose int fd = open_named(n, &name);
    notify_continue(n);
    if (fd < 0)
        return;
    if (!owner_acl_names_ids(value, size)) {
        removexattr(name.text, kept);
        return;
    }
    notify_creds(n, n->pid, &c);
    if (notify_stat(n, fd, &st)) {
        notify_fail(n, errno);
    } else if (!creds_capable(&c, CAP_FOWNER) && c.users.files != st.st_uid) {
        notify_fail(n, EPERM);
    } else if (setxattr(name.text, kept, value, size, 0) ||
               (!strcmp(kept, OWNER_XATTR_ACL) &&
                chmod(name.text, owner_acl_mode(value, size, st.st_mode) & 07777))) {
        notify_fail(n, errno);
    } else {
        notify_return(n, 0);
    }
}

void notify_set_xattr(struct notify *n)
{
    const char *kept = NULL;
    bool ours = false;
    uint64_t size = n->args[n->row->value + 2];
    notify_continue(n);
    if (!named(n, &kept, &ours))
        return;
    if (ours) {
        notify_fail(n, EPERM);
        return;
    }
    if (!size || size > XATTR_SIZE_MAX)
        return;
    autofree char *value = mem_alloc(size);
    if (!notify_read(n, n->args[n->row->value + 1], value, size))
        set_list(n, kept, value, size);
}

void notify_get_xattr(struct notify *n)
{
    const char *kept = NULL;
    bool ours = false;
    struct notify_name name;
    struct stat st;
    notify_continue(n);
    if (!named(n, &kept, &ours))
        return;
    if (ours) {
        notify_fail(n, ENODATA);
        return;
    }
    autoclose int fd = open_named(n, &name);
    autofree char *value = mem_alloc(XATTR_SIZE_MAX);
    ssize_t got = fd < 0 ? -1 : getxattr(name.text, kept, value, XATTR_SIZE_MAX);
    if (got < 0 || fstatat(fd, "", &st, AT_EMPTY_PATH))
        return;
    if (!strcmp(kept, OWNER_XATTR_ACL))
        owner_acl_follow(value, (size_t)got, st.st_mode);
    answer_bytes(n, n->row->value + 1, value, (size_t)got);
}

void notify_list_xattr(struct notify *n)
{
    struct notify_name name;
    notify_continue(n);
    if (!n->spec.owners)
        return;
    autoclose int fd = open_named(n, &name);
    if (fd < 0)
        return;
    autofree char *names = mem_alloc(XATTR_LIST_MAX);
    autostr shown = STR_INIT;
    ssize_t got = listxattr(name.text, names, XATTR_LIST_MAX);
    bool any = false;
    for (const char *at = names; got > 0 && at < names + got; at += strlen(at) + 1) {
        const char *list = owner_acl_shown(at);
        bool ours = str_starts(at, OURS);
        any |= ours;
        if (!ours || list)
            str_add_bytes(&shown, list ? list : at, strlen(list ? list : at) + 1);
    }
    if (any)
        answer_bytes(n, n->row->value, str_text(&shown), shown.len);
}

void notify_remove_xattr(struct notify *n)
{
    const char *kept = NULL;
    bool ours = false;
    struct notify_name name;
    notify_continue(n);
    if (!named(n, &kept, &ours))
        return;
    if (ours) {
        notify_fail(n, ENODATA);
        return;
    }
    autoclose int fd = open_named(n, &name);
    if (fd >= 0 && !removexattr(name.text, kept))
        notify_return(n, 0);
}
