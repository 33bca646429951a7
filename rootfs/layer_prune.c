#include "layer_prune.h"

#include "layer_place.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { CAPABILITY_MAX = 64, CHUNK = 128 * 1024 };

struct prune {
    struct owners *owners;
    enum whiteout_form form;
    unsigned depth;
};

/* A directory of both trees. hidden: nothing of the base shows through it. */
struct pair {
    int upper_fd, base_fd;
    bool hidden;
    bool changed; /* its time has to be set back */
};

static int fail(const char *what, const char *name, struct error *err)
{
    return error_errno(err, ERROR_HOST, "%s “%s” of a step's changes", what, name);
}

static int open_directory(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool same_capability(int upper, int base)
{
    char a[CAPABILITY_MAX], b[CAPABILITY_MAX];
    ssize_t n = fgetxattr(upper, "security.capability", a, sizeof a);
    ssize_t m = fgetxattr(base, "security.capability", b, sizeof b);
    return n == m && (n <= 0 || !memcmp(a, b, (size_t)n));
}

static ssize_t read_chunk(int fd, char *buffer)
{
    ssize_t total = 0, n;
    while (total < CHUNK && (n = io_read(fd, buffer + total, CHUNK - (size_t)total)) > 0)
        total += n;
    return total < CHUNK && n < 0 ? -1 : total;
}

static bool same_content(int upper, int base)
{
    autofree char *a = mem_alloc(CHUNK), *b = mem_alloc(CHUNK);
    ssize_t n, m;
    do {
        n = read_chunk(upper, a);
        m = read_chunk(base, b);
    } while (n > 0 && n == m && !memcmp(a, b, (size_t)n));
    return n == 0 && m == 0;
}

static bool same_file(const struct pair *p, const char *name, bool compare_content)
{
    autoclose int upper = openat(p->upper_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    autoclose int base = openat(p->base_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return upper >= 0 && base >= 0 && same_capability(upper, base) &&
           (!compare_content || same_content(upper, base));
}

static bool same_link(const struct pair *p, const char *name)
{
    autofree char *upper = path_read_link(p->upper_fd, name);
    autofree char *base = path_read_link(p->base_fd, name);
    return upper && base && !strcmp(upper, base);
}

/* Times of whole seconds alone may have been cut off: then the content decides. */
static bool same(const struct pair *p, const char *name, const struct stat *a, const struct stat *b)
{
    if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
        a->st_rdev != b->st_rdev)
        return false;
    if (S_ISDIR(a->st_mode))
        return same_file(p, name, false);
    bool whole = !a->st_mtim.tv_nsec && !b->st_mtim.tv_nsec;
    if (a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
        a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
        return false;
    if (S_ISREG(a->st_mode))
        return same_file(p, name, whole && a->st_size);
    return !S_ISLNK(a->st_mode) || !whole || same_link(p, name);
}

static int prune_pair(struct prune *prune, struct pair *p, struct error *err);

static int prune_directory(struct prune *prune, struct pair *p, const char *name, bool is_same,
                           struct error *err)
{
    struct pair below = {open_directory(p->upper_fd, name), open_directory(p->base_fd, name),
                         p->hidden, false};
    autoclose int upper = below.upper_fd, base = below.base_fd;
    if (upper < 0 || base < 0)
        return fail("open", name, err);
    if (prune_pair(prune, &below, err))
        return -1;
    if (!is_same || unlinkat(p->upper_fd, name, AT_REMOVEDIR))
        return 0;
    p->changed = true;
    return 0;
}

static int prune_entry(struct prune *prune, struct pair *p, const char *name, struct error *err)
{
    struct stat upper, base;
    if (owners_stat(prune->owners, p->upper_fd, name, &upper))
        return fail("look at", name, err);
    bool there = !owners_stat(prune->owners, p->base_fd, name, &base);
    bool remove = whiteout_is(&upper) && !there;
    if (there && S_ISDIR(upper.st_mode) && S_ISDIR(base.st_mode))
        return prune_directory(prune, p, name, same(p, name, &upper, &base), err);
    remove = remove || (there && !whiteout_is(&upper) && !S_ISDIR(upper.st_mode) &&
                        same(p, name, &upper, &base));
    if (remove && unlinkat(p->upper_fd, name, 0))
        return fail("remove", name, err);
    p->changed |= remove;
    return 0;
}

/* In an overlay's place: what lay below is deleted name by name. */
static int spell_out(struct prune *prune, struct pair *p, struct error *err)
{
    autostrv names = STRV_INIT;
    if (path_list(p->base_fd, &names))
        return fail("read", ".", err);
    for (size_t i = 0; i < names.count; i++) {
        if (!faccessat(p->upper_fd, names.items[i], F_OK, AT_SYMLINK_NOFOLLOW))
            continue;
        if (whiteout_make(prune->form, p->upper_fd, names.items[i]) && errno != EEXIST)
            return fail("delete", names.items[i], err);
        p->changed = true;
    }
    if (whiteout_is_opaque(prune->form, p->upper_fd) &&
        whiteout_clear_opaque(prune->form, p->upper_fd))
        return fail("change", ".", err);
    return 0;
}

static int prune_names(struct prune *prune, struct pair *p, struct error *err)
{
    autostrv names = STRV_INIT;
    if (path_list(p->upper_fd, &names))
        return fail("read", ".", err);
    for (size_t i = 0; i < names.count; i++) {
        bool mark = prune->form == WHITEOUT_PLAIN && str_starts(names.items[i], WHITEOUT_PREFIX);
        if (!mark && prune_entry(prune, p, names.items[i], err))
            return -1;
    }
    return 0;
}

static int prune_pair(struct prune *prune, struct pair *p, struct error *err)
{
    struct stat st;
    if (prune->depth >= LAYER_DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "a step made more than %d directories in one another",
                         LAYER_DEPTH_MAX);
    if (fstat(p->upper_fd, &st))
        return fail("look at", ".", err);
    p->hidden = p->hidden || whiteout_is_opaque(prune->form, p->upper_fd);
    prune->depth++;
    if (prune_names(prune, p, err) || (p->hidden && spell_out(prune, p, err)))
        return -1;
    prune->depth--;
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    if (p->changed && futimens(p->upper_fd, times))
        return fail("set the time of", ".", err);
    return 0;
}

int layer_prune(int upper_fd, int base_fd, struct owners *owners, enum whiteout_form form,
                struct error *err)
{
    struct prune prune = {.owners = owners, .form = form};
    struct pair root = {upper_fd, base_fd, false, false};
    return prune_pair(&prune, &root, err);
}
