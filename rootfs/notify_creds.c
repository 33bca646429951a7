#include "notify_creds.h"

#include <base/mem.h>

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AS_IT_WAS UINT32_MAX
#define BIT(capability) (UINT64_C(1) << (capability))

void creds_init(struct creds *c, uint64_t capabilities)
{
    memset(c, 0, sizeof *c);
    c->permitted = c->effective = capabilities;
}

bool creds_capable(const struct creds *c, unsigned capability)
{
    return c->effective >> capability & 1;
}

bool creds_in_group(const struct creds *c, uint32_t gid)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i] == gid)
            return true;
    return c->groups.files == gid;
}

int creds_may_chown(const struct creds *c, uint32_t uid, uint32_t gid, uint32_t new_uid,
                    uint32_t new_gid)
{
    if (creds_capable(c, CAP_CHOWN))
        return 0;
    bool own = c->users.files == uid;
    bool user = new_uid == AS_IT_WAS || (own && new_uid == uid);
    bool group = new_gid == AS_IT_WAS || (own && (new_gid == gid || creds_in_group(c, new_gid)));
    return user && group ? 0 : EPERM;
}

bool creds_make_roots_files(const struct creds *c)
{
    return !c->users.files && !c->groups.files;
}

static struct creds_ids *ids_of(struct creds *c, bool group)
{
    return group ? &c->groups : &c->users;
}

static bool privileged(const struct creds *c, bool group)
{
    return creds_capable(c, group ? CAP_SETGID : CAP_SETUID);
}

static bool any_root(const struct creds_ids *ids)
{
    return !ids->real || !ids->effective || !ids->saved;
}

/* capabilities(7), "Effect of user ID changes on capabilities". */
static void fix_capabilities(struct creds *c, const struct creds_ids *before)
{
    const struct creds_ids *now = &c->users;
    if (any_root(before) && !any_root(now) && !c->keep)
        c->permitted = c->effective = 0;
    if (!before->effective && now->effective)
        c->effective = 0;
    if (before->effective && !now->effective)
        c->effective = c->permitted;
}

static void take_ids(struct creds *c, bool group, const struct creds_ids *now)
{
    const struct creds_ids before = c->users;
    *ids_of(c, group) = *now;
    if (!group)
        fix_capabilities(c, &before);
}

int creds_set_id(struct creds *c, bool group, uint32_t id)
{
    struct creds_ids now = *ids_of(c, group);
    if (id == AS_IT_WAS)
        return EINVAL;
    if (privileged(c, group))
        now.real = now.saved = id;
    else if (id != now.real && id != now.saved)
        return EPERM;
    now.effective = now.files = id;
    take_ids(c, group, &now);
    return 0;
}

static bool known(const struct creds_ids *ids, uint32_t id)
{
    return id == AS_IT_WAS || id == ids->real || id == ids->effective || id == ids->saved;
}

int creds_set_re(struct creds *c, bool group, uint32_t real, uint32_t effective)
{
    struct creds_ids now = *ids_of(c, group);
    const struct creds_ids before = now;
    if (!privileged(c, group) &&
        ((real != AS_IT_WAS && real != now.real && real != now.effective) ||
         !known(&now, effective)))
        return EPERM;
    if (real != AS_IT_WAS)
        now.real = real;
    if (effective != AS_IT_WAS)
        now.effective = effective;
    if (real != AS_IT_WAS || (effective != AS_IT_WAS && effective != before.real))
        now.saved = now.effective;
    now.files = now.effective;
    take_ids(c, group, &now);
    return 0;
}

static bool same(uint32_t id, uint32_t now)
{
    return id == AS_IT_WAS || id == now;
}

int creds_set_res(struct creds *c, bool group, uint32_t real, uint32_t effective, uint32_t saved)
{
    struct creds_ids now = *ids_of(c, group);
    /* Then not even the id for files, which else follows the effective one, changes. */
    if (same(real, now.real) && same(saved, now.saved) &&
        (effective == AS_IT_WAS || (effective == now.effective && effective == now.files)))
        return 0;
    if (!privileged(c, group) &&
        (!known(&now, real) || !known(&now, effective) || !known(&now, saved)))
        return EPERM;
    if (real != AS_IT_WAS)
        now.real = real;
    if (effective != AS_IT_WAS)
        now.effective = effective;
    if (saved != AS_IT_WAS)
        now.saved = saved;
    now.files = now.effective;
    take_ids(c, group, &now);
    return 0;
}

/* The capabilities that go with files, which setfsuid takes from and gives to root. */
#define FILE_CAPABILITIES                                                                          \
    (BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) |         \
     BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MKNOD) | BIT(CAP_MAC_OVERRIDE))

uint32_t creds_set_fs(struct creds *c, bool group, uint32_t id)
{
    struct creds_ids *ids = ids_of(c, group);
    uint32_t before = ids->files;
    if (id == AS_IT_WAS || !(privileged(c, group) || known(ids, id) || id == before))
        return before;
    ids->files = id;
    if (!group && !before && id)
        c->effective &= ~FILE_CAPABILITIES;
    if (!group && before && !id)
        c->effective |= c->permitted & FILE_CAPABILITIES;
    return before;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int creds_set_groups(struct creds *c, const uint32_t *list, size_t count)
{
    if (!creds_capable(c, CAP_SETGID))
        return EPERM;
    if (count > CREDS_GROUPS_MAX)
        return EINVAL;
    memset(c->list, 0, sizeof c->list);
    memcpy(c->list, list, count * sizeof *list);
    c->count = (uint32_t)count;
    qsort(c->list, count, sizeof *c->list, by_number); /* as the kernel keeps them */
    return 0;
}

int creds_set_capabilities(struct creds *c, uint64_t effective, uint64_t permitted,
                           uint64_t inheritable)
{
    if ((permitted & ~c->permitted) || (effective & ~permitted))
        return EPERM;
    if ((inheritable & ~(c->inheritable | c->permitted)) && !creds_capable(c, CAP_SETPCAP))
        return EPERM;
    c->permitted = permitted;
    c->effective = effective;
    c->inheritable = inheritable;
    return 0;
}

void creds_exec(struct creds *c, mode_t mode, uint32_t uid, uint32_t gid, uint64_t all)
{
    if (mode & S_ISUID)
        c->users.effective = uid;
    if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        c->groups.effective = gid;
    c->users.saved = c->users.files = c->users.effective;
    c->groups.saved = c->groups.files = c->groups.effective;
    c->keep = 0;
    bool root = !c->users.real || !c->users.effective;
    c->permitted = root ? all : 0;
    c->effective = c->users.effective ? 0 : c->permitted;
}

struct creds_table {
    struct creds root;
    struct creds *items[CREDS_TABLE_MAX];
    size_t count;
};

struct creds_table *creds_table_new(const struct creds *root)
{
    struct creds_table *t = mem_zalloc(1, sizeof *t);
    t->root = *root;
    return t;
}

void creds_table_free(struct creds_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        free(t->items[i]);
    free(t);
}

int creds_table_number(struct creds_table *t, const struct creds *c)
{
    if (!memcmp(&t->root, c, sizeof *c))
        return 0;
    /* The latest are the likeliest. */
    for (size_t i = t->count; i--;)
        if (!memcmp(t->items[i], c, sizeof *c))
            return (int)i + 1;
    if (t->count == CREDS_TABLE_MAX)
        return -1;
    t->items[t->count++] = mem_dup(c, sizeof *c);
    return (int)t->count;
}

const struct creds *creds_table_at(const struct creds_table *t, uint64_t number)
{
    return number && number <= t->count ? t->items[number - 1] : &t->root;
}

uint64_t creds_table_highest(void)
{
    return CREDS_TABLE_MAX;
}
