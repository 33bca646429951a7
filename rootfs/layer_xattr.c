#include "layer_xattr.h"

#include "owner_acl.h"
#include "whiteout.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CAPABILITY "security.capability"

/* A file named by its directory's descriptor: there are no xattr calls for that below Linux 6.13.
 */
struct proc_path {
    char text[sizeof "/proc/self/fd/" + 12 + NAME_MAX];
};

static void name_file(struct proc_path *p, int dir_fd, const char *name)
{
    snprintf(p->text, sizeof p->text, "/proc/self/fd/%d/%s", dir_fd, name);
}

static bool left_out(const char *name)
{
    static const char *const host[] = {"security.selinux", "security.ima", "security.evm",
                                       OWNER_XATTR};
    for (size_t i = 0; i < COUNT_OF(host); i++)
        if (!strcmp(name, host[i]))
            return true;
    return whiteout_owns_xattr(name);
}

static int by_name(const void *a, const void *b)
{
    const struct layer_xattr *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* A list of ours is shown as what it is kept for. */
static int show_list(int fd, const char *path, char *value, size_t size)
{
    struct stat st;
    if (fd >= 0 ? fstat(fd, &st) : lstat(path, &st))
        return -1;
    owner_acl_follow(value, size, st.st_mode);
    return 0;
}

/* A capability that is bound to uid 0 of a user namespace (revision 3, capabilities(7)) is, where
 * that is our own, the plain one: what an image holds means its root, whoever that will be. */
static size_t plain_capability(char *value, size_t size)
{
    struct vfs_ns_cap_data data;
    if (size != sizeof data)
        return size;
    memcpy(&data, value, sizeof data);
    uint32_t magic = le32toh(data.magic_etc);
    if ((magic & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3 || data.rootid)
        return size;
    data.magic_etc = htole32((magic & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2);
    memcpy(value, &data, XATTR_CAPS_SZ_2);
    return XATTR_CAPS_SZ_2;
}

/* Append one value to the bytes and note where it lies: pointers come last, since bytes may move.
 */
static int read_value(struct layer_xattrs *x, int fd, const char *path, const char *name)
{
    static const size_t step = 256;
    for (size_t room = step;; room = XATTR_SIZE_MAX) {
        autofree char *value = mem_alloc(room);
        ssize_t n = fd >= 0 ? fgetxattr(fd, name, value, room) : lgetxattr(path, name, value, room);
        if (n < 0 && errno == ERANGE && room == step)
            continue;
        if (n < 0)
            return -1;
        const char *shown = owner_acl_shown(name);
        if (shown && !strcmp(name, OWNER_XATTR_ACL) && show_list(fd, path, value, (size_t)n))
            return -1;
        struct layer_xattr item = {.size = (size_t)n};
        name = shown ? shown : !strcmp(name, OWNER_XATTR_CAPABILITY) ? CAPABILITY : name;
        if (!strcmp(name, CAPABILITY))
            item.size = plain_capability(value, item.size);
        str_add_bytes(&x->bytes, name, strlen(name) + 1);
        str_add_bytes(&x->bytes, value, item.size);
        MEM_PUSH(x->items, x->count, x->cap) = item;
        return 0;
    }
}

static void set_pointers(struct layer_xattrs *x)
{
    const char *at = x->bytes.data;
    for (size_t i = 0; i < x->count; i++) {
        x->items[i].name = at;
        x->items[i].value = at + strlen(at) + 1;
        at = (const char *)x->items[i].value + x->items[i].size;
    }
    if (x->count > 1)
        qsort(x->items, x->count, sizeof *x->items, by_name);
}

static ssize_t list_names(int fd, const char *path, char *names, size_t room)
{
    return fd >= 0 ? flistxattr(fd, names, room) : llistxattr(path, names, room);
}

int layer_xattrs_read(struct layer_xattrs *x, int fd, int dir_fd, const char *name,
                      const char *path, struct error *err)
{
    struct proc_path file = {"/"};
    if (fd < 0)
        name_file(&file, dir_fd, name);
    x->count = 0;
    str_clear(&x->bytes);
    char few[512];
    autofree char *many = NULL;
    char *names = few;
    ssize_t n = list_names(fd, file.text, few, sizeof few);
    if (n < 0 && errno == ERANGE) {
        names = many = mem_alloc(XATTR_LIST_MAX);
        n = list_names(fd, file.text, many, XATTR_LIST_MAX);
    }
    if (n < 0 && errno == ENOTSUP)
        return 0;
    if (n < 0)
        return error_errno(err, ERROR_HOST, "read the attributes of %s", path);
    for (const char *at = names; at < names + n; at += strlen(at) + 1)
        if (!left_out(at) && read_value(x, fd, file.text, at))
            return error_errno(err, ERROR_HOST, "read the attribute %s of %s", at, path);
    set_pointers(x);
    return 0;
}

void layer_xattrs_release(struct layer_xattrs *x)
{
    free(x->items);
    str_release(&x->bytes);
    *x = (struct layer_xattrs){0};
}

/* Under which name an attribute is kept; NULL: not at all. */
static const char *kept_as(const struct layer_xattr *x, const struct owners *owners)
{
    if (left_out(x->name) || owner_acl_shown(x->name) || !strcmp(x->name, OWNER_XATTR_CAPABILITY))
        return NULL;
    const char *kept = owners ? owner_acl_kept(x->name) : NULL;
    return kept && owner_acl_names_ids(x->value, x->size) ? kept : x->name;
}

static int set_value(int fd, const char *path, const char *name, const struct layer_xattr *x)
{
    return fd >= 0 ? fsetxattr(fd, name, x->value, x->size, 0)
                   : lsetxattr(path, name, x->value, x->size, 0);
}

/* Without any privilege no capability can be set: then it is kept beside. */
static int set_one(const struct layer_xattr *x, struct owners *owners, int fd, const char *path)
{
    const char *kept = kept_as(x, owners);
    if (!kept)
        return 0;
    if (io_fault())
        return -1;
    if (!set_value(fd, path, kept, x))
        return 0;
    return owners && errno == EPERM && !strcmp(x->name, CAPABILITY)
               ? set_value(fd, path, OWNER_XATTR_CAPABILITY, x)
               : -1;
}

int layer_xattrs_set(const struct layer_entry *e, struct owners *owners, int fd, int dir_fd,
                     const char *name, struct error *err)
{
    struct proc_path file = {"/"};
    if (fd < 0 && e->xattr_count)
        name_file(&file, dir_fd, name);
    for (size_t i = 0; i < e->xattr_count; i++) {
        const struct layer_xattr *x = &e->xattrs[i];
        if (!set_one(x, owners, fd, file.text))
            continue;
        bool lacking = errno == ENOTSUP || errno == EPERM || errno == EINVAL;
        if (!lacking || !strcmp(x->name, CAPABILITY))
            return error_errno(err, ERROR_HOST, "%s: set the attribute %s", e->path, x->name);
        log_warning("%s: the attribute %s can't be kept here: %s", e->path, x->name,
                    strerror(errno));
    }
    return 0;
}
