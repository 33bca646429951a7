#include "whiteout.h"

#include <base/io.h>
#include <base/str.h>

#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define OPAQUE_XATTR "trusted.overlay.opaque"

enum whiteout_kind whiteout_parse(const char *name, const char **deleted)
{
    if (!str_starts(name, WHITEOUT_PREFIX))
        return WHITEOUT_NOT;
    if (!strcmp(name, WHITEOUT_OPAQUE))
        return WHITEOUT_DIRECTORY;
    const char *rest = name + strlen(WHITEOUT_PREFIX);
    if (str_starts(rest, WHITEOUT_PREFIX))
        return WHITEOUT_IGNORED;
    if (!*rest || !strcmp(rest, ".") || !strcmp(rest, ".."))
        return WHITEOUT_BAD;
    *deleted = rest;
    return WHITEOUT_PATH;
}

bool whiteout_is(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

int whiteout_make(int dir_fd, const char *name)
{
    return io_fault() ? -1 : mknodat(dir_fd, name, S_IFCHR, makedev(0, 0));
}

bool whiteout_is_opaque(int dir_fd)
{
    char value = 0;
    return fgetxattr(dir_fd, OPAQUE_XATTR, &value, 1) == 1 && value == 'y';
}

int whiteout_set_opaque(int dir_fd)
{
    return io_fault() ? -1 : fsetxattr(dir_fd, OPAQUE_XATTR, "y", 1, 0);
}

bool whiteout_owns_xattr(const char *name)
{
    return str_starts(name, "trusted.overlay.") || str_starts(name, "user.overlay.");
}
