#include "layer_place.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_DIRECTORY = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* A path split into components: text holds them joined by single slashes, ends[i] is where the i-th
 * ends. */
struct parts {
    char text[LAYER_PATH_MAX];
    unsigned short ends[LAYER_DEPTH_MAX + 1];
    size_t count;
};

struct layer_place {
    int root_fd;
    enum whiteout_form form;
    struct parts now, next;
    int fds[LAYER_DEPTH_MAX]; /* of now's components, as far as they are open */
    size_t open;
    char name[NAME_MAX + 1];
};

static int add_part(struct parts *p, const char *part, size_t n, const char *path,
                    struct error *err)
{
    size_t at = p->count ? p->ends[p->count - 1] + 1U : 0;
    if (n == 2 && !memcmp(part, "..", 2))
        return error_set(err, ERROR_INPUT, "%s: '..' leads out of the layer", path);
    if (n > NAME_MAX || at + n >= sizeof p->text)
        return error_set(err, ERROR_INPUT, "%.64s…: the name is too long", path);
    if (p->count > LAYER_DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "%.64s…: deeper than %d directories", path,
                         LAYER_DEPTH_MAX);
    if (at)
        p->text[at - 1] = '/';
    memcpy(p->text + at, part, n);
    p->text[at + n] = '\0';
    p->ends[p->count++] = (unsigned short)(at + n);
    return 0;
}

static int split(struct parts *p, const char *path, struct error *err)
{
    p->count = 0;
    p->text[0] = '\0';
    for (const char *at = path; *at;) {
        size_t n = strcspn(at, "/");
        if (n && !(n == 1 && *at == '.') && add_part(p, at, n, path, err))
            return -1;
        at += n + (at[n] == '/');
    }
    return 0;
}

static const char *part_at(const struct parts *p, size_t i, size_t *n)
{
    size_t at = i ? p->ends[i - 1] + 1U : 0;
    *n = p->ends[i] - at;
    return p->text + at;
}

struct layer_place *layer_place_new(int root_fd, enum whiteout_form form)
{
    struct layer_place *place = mem_alloc(sizeof *place);
    place->root_fd = root_fd;
    place->form = form;
    place->now.count = place->next.count = place->open = 0;
    return place;
}

static void close_down_to(struct layer_place *place, size_t level)
{
    while (place->open > level)
        close(place->fds[--place->open]);
}

void layer_place_free(struct layer_place *place)
{
    if (!place)
        return;
    close_down_to(place, 0);
    free(place);
}

/* How many of the open directories serve the next path as well. */
static size_t common(const struct layer_place *place)
{
    size_t i = 0;
    while (i < place->open && i + 1 < place->next.count) {
        size_t n, m;
        const char *a = part_at(&place->now, i, &n), *b = part_at(&place->next, i, &m);
        if (n != m || memcmp(a, b, n))
            break;
        i++;
    }
    return i;
}

static int make(int dir_fd, const char *name)
{
    return io_fault() || mkdirat(dir_fd, name, 0755) ? -1 : fchmodat(dir_fd, name, 0755, 0);
}

static int hide(const struct layer_place *place, int dir_fd, const char *name)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -1 : whiteout_set_opaque(place->form, fd);
}

/* A directory in the place of a whiteout: what the lower layers have there stays hidden. */
static int make_over_whiteout(const struct layer_place *place, int dir_fd, const char *name)
{
    return unlinkat(dir_fd, name, 0) || make(dir_fd, name) || hide(place, dir_fd, name) ? -1 : 0;
}

static int make_missing(const struct layer_place *place, int dir_fd, const char *name)
{
    bool deleted = whiteout_take(place->form, dir_fd, name);
    return make(dir_fd, name) || (deleted && hide(place, dir_fd, name)) ? -1 : 0;
}

/* The way in through something that is no directory: -1 with errno. */
static int open_odd(const struct layer_place *place, int dir_fd, const char *name, const char *upto,
                    enum layer_place_missing missing)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
        return -1;
    if (S_ISLNK(st.st_mode))
        return path_open_in_root(place->root_fd, upto, O_PATH | O_DIRECTORY, 0);
    if (!whiteout_is(&st) || missing == LAYER_PLACE_FAIL ||
        make_over_whiteout(place, dir_fd, name)) {
        errno = ENOTDIR;
        return -1;
    }
    return openat(dir_fd, name, OPEN_DIRECTORY);
}

/* upto: the path down to and with this component. */
static int enter(const struct layer_place *place, int dir_fd, const char *name, const char *upto,
                 enum layer_place_missing missing)
{
    int fd = openat(dir_fd, name, OPEN_DIRECTORY);
    if (fd < 0 && errno == ENOENT && missing == LAYER_PLACE_MAKE &&
        !make_missing(place, dir_fd, name))
        fd = openat(dir_fd, name, OPEN_DIRECTORY);
    if (fd < 0 && errno == ENOTDIR)
        fd = open_odd(place, dir_fd, name, upto, missing);
    return fd;
}

static int fail(const char *path, const char *upto, struct error *err)
{
    if (errno == ENOENT)
        return error_set(err, ERROR_MISSING, "%s: %s is not there", path, upto);
    if (errno == ENOTDIR || errno == ELOOP)
        return error_set(err, ERROR_INPUT, "%s: %s is not a directory", path, upto);
    return error_errno(err, ERROR_HOST, "%s: enter %s", path, upto);
}

static int top(const struct layer_place *place)
{
    return place->open ? place->fds[place->open - 1] : place->root_fd;
}

int layer_place_find(struct layer_place *place, const char *path, enum layer_place_missing missing,
                     int *dir_fd, const char **name, struct error *err)
{
    if (split(&place->next, path, err))
        return -1;
    close_down_to(place, common(place));
    place->now = place->next;
    size_t n = 0;
    while (place->open + 1 < place->now.count) {
        /* Cut the text after this component for the time being. */
        const char *part = part_at(&place->now, place->open, &n);
        char *end = place->now.text + place->now.ends[place->open];
        *end = '\0';
        int fd = enter(place, top(place), part, place->now.text, missing);
        if (fd < 0)
            return fail(path, place->now.text, err);
        *end = '/';
        place->fds[place->open++] = fd;
    }
    const char *last = place->now.count ? part_at(&place->now, place->now.count - 1, &n) : "";
    memcpy(place->name, last, n + 1);
    *dir_fd = top(place);
    *name = place->name;
    return 0;
}
