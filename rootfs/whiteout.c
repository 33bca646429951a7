#include "whiteout.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const opaque_xattr[] = {
    [WHITEOUT_TRUSTED] = "trusted.overlay.opaque", [WHITEOUT_USER] = "user.overlay.opaque"};

/* The file that stands for a deleted name. */
struct mark {
    char name[NAME_MAX + sizeof WHITEOUT_PREFIX];
};

static const char *mark_of(struct mark *mark, const char *name)
{
    snprintf(mark->name, sizeof mark->name, WHITEOUT_PREFIX "%s", name);
    return mark->name;
}

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

bool whiteout_at(enum whiteout_form form, int dir_fd, const char *name)
{
    struct mark mark;
    struct stat st;
    if (form == WHITEOUT_PLAIN)
        return !faccessat(dir_fd, mark_of(&mark, name), F_OK, AT_SYMLINK_NOFOLLOW);
    return !fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) && whiteout_is(&st);
}

static int make_file(int dir_fd, const char *name)
{
    autoclose int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    return fd < 0 ? -1 : 0;
}

int whiteout_make(enum whiteout_form form, int dir_fd, const char *name)
{
    struct mark mark;
    if (io_fault())
        return -1;
    if (form != WHITEOUT_PLAIN)
        return mknodat(dir_fd, name, S_IFCHR, makedev(0, 0));
    if (!faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW)) {
        errno = EEXIST;
        return -1;
    }
    return make_file(dir_fd, mark_of(&mark, name));
}

bool whiteout_take(enum whiteout_form form, int dir_fd, const char *name)
{
    struct mark mark;
    return form == WHITEOUT_PLAIN && !unlinkat(dir_fd, mark_of(&mark, name), 0);
}

bool whiteout_is_opaque(enum whiteout_form form, int dir_fd)
{
    char value = 0;
    if (form == WHITEOUT_PLAIN)
        return !faccessat(dir_fd, WHITEOUT_OPAQUE, F_OK, AT_SYMLINK_NOFOLLOW);
    return fgetxattr(dir_fd, opaque_xattr[form], &value, 1) == 1 && value == 'y';
}

int whiteout_names(enum whiteout_form form, int dir_fd, struct strv *names)
{
    autostrv all = STRV_INIT;
    if (path_list(dir_fd, form == WHITEOUT_PLAIN ? &all : names))
        return -1;
    for (size_t i = 0; i < all.count; i++) {
        const char *deleted = all.items[i];
        if (whiteout_parse(all.items[i], &deleted) != WHITEOUT_DIRECTORY)
            strv_add(names, deleted);
    }
    if (all.count)
        strv_sort(names);
    return 0;
}

int whiteout_set_opaque(enum whiteout_form form, int dir_fd)
{
    if (io_fault())
        return -1;
    if (form == WHITEOUT_PLAIN)
        return make_file(dir_fd, WHITEOUT_OPAQUE);
    return fsetxattr(dir_fd, opaque_xattr[form], "y", 1, 0);
}

int whiteout_clear_opaque(enum whiteout_form form, int dir_fd)
{
    if (form == WHITEOUT_PLAIN)
        return unlinkat(dir_fd, WHITEOUT_OPAQUE, 0);
    return fremovexattr(dir_fd, opaque_xattr[form]);
}

bool whiteout_owns_xattr(const char *name)
{
    return str_starts(name, "trusted.overlay.") || str_starts(name, "user.overlay.");
}
