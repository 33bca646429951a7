#include "file_list.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { DEPTH_MAX = 300, ENTRIES_MAX = 20000000 };

struct listing {
    struct file_list list;
    const char *const *skip;
    struct str path;
    unsigned depth;
};

void file_list_release(struct file_list *list)
{
    free(list->items);
    free(list->names);
    *list = FILE_LIST_NONE;
}

const char *file_list_path(const struct file_list *list, size_t i)
{
    return list->names + list->items[i].path;
}

/* The end, then '/', then all others. */
static unsigned weight(char c)
{
    return !c ? 0 : c == '/' ? 1 : 1U + (unsigned char)c;
}

int file_list_compare(const char *a, const char *b)
{
    for (;; a++, b++) {
        unsigned x = weight(*a), y = weight(*b);
        if (x != y)
            return x < y ? -1 : 1;
        if (!x)
            return 0;
    }
}

static bool is_skipped(const struct listing *l)
{
    for (const char *const *s = l->skip; s && *s; s++)
        if (!strcmp(*s, str_text(&l->path)))
            return true;
    return false;
}

static struct timespec time_of(struct statx_timestamp t)
{
    return (struct timespec){.tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec};
}

static void add(struct listing *l, const struct statx *st)
{
    struct file_list *list = &l->list;
    size_t n = l->path.len + 1;
    struct file_entry entry = {.path = list->names_size,
                               .dev = makedev(st->stx_dev_major, st->stx_dev_minor),
                               .ino = st->stx_ino,
                               .mode = st->stx_mode,
                               .uid = st->stx_uid,
                               .gid = st->stx_gid,
                               .links = st->stx_nlink,
                               .rdev = makedev(st->stx_rdev_major, st->stx_rdev_minor),
                               .size = (int64_t)st->stx_size,
                               .mtime = time_of(st->stx_mtime),
                               .ctime = time_of(st->stx_ctime)};
    if (st->stx_mask & STATX_BTIME)
        entry.born = time_of(st->stx_btime);
    MEM_PUSH(list->items, list->count, list->cap) = entry;
    list->names = mem_grow(list->names, &list->names_cap, list->names_size + n, 1);
    memcpy(list->names + list->names_size, l->path.data, n);
    list->names_size += n;
}

static int list_directory(struct listing *l, int fd, struct error *err);

static int fail(const struct listing *l, struct error *err)
{
    return error_errno(err, ERROR_HOST, "look at /%s", str_text(&l->path));
}

static int list_name(struct listing *l, int dir_fd, const char *name, struct error *err)
{
    struct statx st;
    if (is_skipped(l))
        return 0;
    if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st))
        return fail(l, err);
    if (l->list.count >= ENTRIES_MAX)
        return error_set(err, ERROR_HOST, "more than %d files", ENTRIES_MAX);
    add(l, &st);
    if (!S_ISDIR(st.stx_mode))
        return 0;
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? fail(l, err) : list_directory(l, fd, err);
}

static int list_directory(struct listing *l, int fd, struct error *err)
{
    autostrv names = STRV_INIT;
    if (l->depth >= DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "%.64s…: deeper than %d directories", str_text(&l->path),
                         DEPTH_MAX);
    if (path_list(fd, &names))
        return fail(l, err);
    l->depth++;
    for (size_t i = 0; i < names.count; i++) {
        size_t before = l->path.len;
        str_addf(&l->path, "%s%s", before ? "/" : "", names.items[i]);
        if (list_name(l, fd, names.items[i], err))
            return -1;
        l->path.len = before;
        l->path.data[before] = '\0';
    }
    l->depth--;
    return 0;
}

int file_list_make(int root_fd, const char *const *skip, struct file_list *out, struct error *err)
{
    struct listing l = {.skip = skip};
    int code = list_directory(&l, root_fd, err);
    str_release(&l.path);
    if (code)
        file_list_release(&l.list);
    else
        *out = l.list;
    return code;
}
