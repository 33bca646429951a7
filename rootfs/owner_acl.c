#include "owner_acl.h"

#include "owner.h"

#include <stdint.h>
#include <string.h>

enum { VERSION = 2, HEAD = 4, ENTRY = 8 };
enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32 };

static const char *const lists[][2] = {{ACL_XATTR_ACCESS, OWNER_XATTR_ACL},
                                       {ACL_XATTR_DEFAULT, OWNER_XATTR_DEFAULT_ACL}};

const char *owner_acl_kept(const char *name)
{
    for (size_t i = 0; i < 2; i++)
        if (!strcmp(name, lists[i][0]))
            return lists[i][1];
    return NULL;
}

const char *owner_acl_shown(const char *kept)
{
    for (size_t i = 0; i < 2; i++)
        if (!strcmp(kept, lists[i][1]))
            return lists[i][0];
    return NULL;
}

/* Little-endian, whatever the machine. */
static unsigned get16(const unsigned char *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

static bool well_formed(const unsigned char *v, size_t size)
{
    return size >= HEAD && (size - HEAD) % ENTRY == 0 && get16(v) == VERSION && !get16(v + 2);
}

/* The entry with this tag, or NULL. */
static const unsigned char *find(const unsigned char *v, size_t size, unsigned tag)
{
    for (size_t at = HEAD; at + ENTRY <= size; at += ENTRY)
        if (get16(v + at) == tag)
            return v + at;
    return NULL;
}

bool owner_acl_names_ids(const void *value, size_t size)
{
    return well_formed(value, size) && (find(value, size, USER) || find(value, size, GROUP));
}

/* What of a list stands for which bits of the mode: with a mask, the group's are the mask's. */
static void common(const unsigned char *v, size_t size, const unsigned char *out[3])
{
    const unsigned char *mask = find(v, size, MASK);
    out[0] = find(v, size, USER_OBJ);
    out[1] = mask ? mask : find(v, size, GROUP_OBJ);
    out[2] = find(v, size, OTHER);
}

mode_t owner_acl_mode(const void *value, size_t size, mode_t mode)
{
    const unsigned char *entries[3];
    if (!well_formed(value, size))
        return mode;
    common(value, size, entries);
    for (unsigned i = 0; i < 3; i++) {
        unsigned shift = 6 - 3 * i;
        if (entries[i])
            mode = (mode & ~(07U << shift)) | (get16(entries[i] + 2) & 07) << shift;
    }
    return mode;
}

void owner_acl_follow(void *value, size_t size, mode_t mode)
{
    const unsigned char *entries[3];
    if (!well_formed(value, size))
        return;
    common(value, size, entries);
    for (unsigned i = 0; i < 3; i++)
        if (entries[i])
            ((unsigned char *)value)[entries[i] - (const unsigned char *)value + 2] =
                mode >> (6 - 3 * i) & 07;
}
