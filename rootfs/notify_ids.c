/* Calls for ids, groups and capabilities; execve, which may change them. */
#include "notify_private.h"

#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void notify_creds(const struct notify *n, pid_t pid, struct creds *out)
{
    struct rlimit limit;
    bool known = !prlimit(pid, RLIMIT_LOCKS, NULL, &limit) && limit.rlim_cur != RLIM_INFINITY;
    *out = *creds_table_at(n->table, known ? limit.rlim_cur : 0);
}

int notify_set_creds(struct notify *n, const struct creds *creds)
{
    struct rlimit limit;
    int number = creds_table_number(n->table, creds);
    if (number < 0) {
        errno = EAGAIN; /* as where a user has too many processes */
        return -1;
    }
    if (prlimit(n->pid, RLIMIT_LOCKS, NULL, &limit))
        return -1;
    limit.rlim_cur = number ? (rlim_t)number : RLIM_INFINITY;
    if (limit.rlim_cur > limit.rlim_max) /* the hard limit is no less than the table's size */
        limit.rlim_cur = limit.rlim_max;
    return prlimit(n->pid, RLIMIT_LOCKS, &limit, NULL);
}

static bool of_groups(const struct notify *n)
{
    return n->row->value & NOTIFY_ID_GROUP;
}

void notify_get_id(struct notify *n)
{
    struct creds c;
    notify_creds(n, n->pid, &c);
    const struct creds_ids *ids = of_groups(n) ? &c.groups : &c.users;
    notify_return(n, n->row->value & NOTIFY_ID_EFFECTIVE ? ids->effective : ids->real);
}

void notify_get_ids(struct notify *n)
{
    struct creds c;
    notify_creds(n, n->pid, &c);
    const struct creds_ids *ids = of_groups(n) ? &c.groups : &c.users;
    const uint32_t three[] = {ids->real, ids->effective, ids->saved};
    for (size_t i = 0; i < 3; i++)
        if (notify_write(n, n->args[i], &three[i], sizeof three[i])) {
            notify_fail(n, EFAULT);
            return;
        }
    notify_return(n, 0);
}

/* Answer with error, or keep the credentials and answer value. */
static void conclude(struct notify *n, const struct creds *c, int error, int64_t value)
{
    if (!error && notify_set_creds(n, c))
        error = errno;
    if (error)
        notify_fail(n, error);
    else
        notify_return(n, value);
}

void notify_set_ids(struct notify *n)
{
    struct creds c;
    bool group = of_groups(n);
    int error = 0;
    int64_t value = 0;
    uint32_t a = (uint32_t)n->args[0], b = (uint32_t)n->args[1], s = (uint32_t)n->args[2];
    notify_creds(n, n->pid, &c);
    switch (n->row->value & ~NOTIFY_ID_GROUP) {
    case NOTIFY_ID_SET:
        error = creds_set_id(&c, group, a);
        break;
    case NOTIFY_ID_RE:
        error = creds_set_re(&c, group, a, b);
        break;
    case NOTIFY_ID_RES:
        error = creds_set_res(&c, group, a, b, s);
        break;
    default:
        value = creds_set_fs(&c, group, a);
    }
    conclude(n, &c, error, value);
}

void notify_get_groups(struct notify *n)
{
    struct creds c;
    int32_t room = (int32_t)n->args[0];
    notify_creds(n, n->pid, &c);
    if (room < 0 || (room && (uint32_t)room < c.count))
        notify_fail(n, EINVAL);
    else if (room && c.count && notify_write(n, n->args[1], c.list, c.count * sizeof *c.list))
        notify_fail(n, EFAULT);
    else
        notify_return(n, c.count);
}

void notify_set_groups(struct notify *n)
{
    struct creds c;
    uint32_t list[CREDS_GROUPS_MAX];
    int32_t count = (int32_t)n->args[0];
    notify_creds(n, n->pid, &c);
    int error = count < 0 || count > CREDS_GROUPS_MAX ? EINVAL : 0;
    if (!error && count && notify_read(n, n->args[1], list, (size_t)count * sizeof *list))
        error = EFAULT;
    if (!error)
        error = creds_set_groups(&c, list, (size_t)count);
    conclude(n, &c, error, 0);
}

/* Versions but the last are left to the kernel, which says which it wants; and so are other
 * processes' capabilities. */
static bool own_capabilities(const struct notify *n)
{
    struct __user_cap_header_struct head;
    return n->args[1] && !notify_read(n, n->args[0], &head, sizeof head) &&
           head.version == _LINUX_CAPABILITY_VERSION_3 &&
           (!head.pid || head.pid == notify_innermost(n->pid)); /* libcap-ng names itself */
}

void notify_get_capabilities(struct notify *n)
{
    struct creds c;
    struct __user_cap_data_struct data[2];
    if (!own_capabilities(n)) {
        notify_continue(n);
        return;
    }
    notify_creds(n, n->pid, &c);
    for (int i = 0; i < 2; i++)
        data[i] = (struct __user_cap_data_struct){(uint32_t)(c.effective >> 32 * i),
                                                  (uint32_t)(c.permitted >> 32 * i),
                                                  (uint32_t)(c.inheritable >> 32 * i)};
    if (notify_write(n, n->args[1], data, sizeof data))
        notify_fail(n, EFAULT);
    else
        notify_return(n, 0);
}

static uint64_t both(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

void notify_set_capabilities(struct notify *n)
{
    struct creds c;
    struct __user_cap_data_struct d[2];
    if (!own_capabilities(n)) {
        notify_continue(n);
        return;
    }
    notify_creds(n, n->pid, &c);
    int error = notify_read(n, n->args[1], d, sizeof d) ? EFAULT : 0;
    /* Beyond the last that there is, bits mean nothing. */
    const uint64_t all = (UINT64_C(2) << CAP_LAST_CAP) - 1;
    if (!error)
        error = creds_set_capabilities(&c, both(d[0].effective, d[1].effective) & all,
                                       both(d[0].permitted, d[1].permitted) & all,
                                       both(d[0].inheritable, d[1].inheritable) & all);
    conclude(n, &c, error, 0);
}

void notify_prctl(struct notify *n)
{
    struct creds c;
    notify_creds(n, n->pid, &c);
    c.keep = (uint32_t)n->args[0] == PR_SET_KEEPCAPS
                 ? (uint32_t)(n->args[1] != 0)
                 : (uint32_t)((n->args[1] & SECBIT_KEEP_CAPS) != 0);
    conclude(n, &c, 0, 0);
}

/* Set-id bits of scripts mean nothing. */
static bool is_script(int fd)
{
    struct notify_name name;
    char mark[2];
    notify_name_fd(&name, fd);
    autoclose int file = open(name.text, O_RDONLY | O_CLOEXEC);
    return file >= 0 && read(file, mark, sizeof mark) == sizeof mark && mark[0] == '#' &&
           mark[1] == '!';
}

void notify_exec(struct notify *n)
{
    struct notify_target t;
    struct creds c, before;
    struct stat st = {.st_mode = 0};
    notify_continue(n);
    if (notify_target(n, &t))
        return;
    autoclose int fd = notify_open(n, &t);
    if (fd < 0 || fstatat(fd, "", &st, AT_EMPTY_PATH) || !S_ISREG(st.st_mode) ||
        !(st.st_mode & 0111))
        return; /* it will fail */
    mode_t mode = st.st_mode;
    if (mode & (S_ISUID | S_ISGID) && (is_script(fd) || notify_stat(n, fd, &st)))
        mode &= 0777;
    notify_creds(n, n->pid, &c);
    before = c;
    creds_exec(&c, mode, st.st_uid, st.st_gid, n->spec.capabilities);
    if (memcmp(&c, &before, sizeof c) && notify_set_creds(n, &c))
        notify_fail(n, errno);
}

/* From now on roots are compared. */
void notify_chroot(struct notify *n)
{
    struct creds c;
    notify_creds(n, n->pid, &c);
    if (!creds_capable(&c, CAP_SYS_CHROOT)) {
        notify_fail(n, EPERM);
        return;
    }
    n->chrooted = true;
    notify_continue(n);
}
