#include "view.h"

#include "file_changes.h"
#include "file_list.h"
#include "view_cover.h"
#include "view_merge.h"
#include "view_upper.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROOT "root"
#define ASIDE "aside"

/* A layer's directory keeps its inode when it gets its name in the store. */
struct layer_id {
    dev_t dev;
    ino_t ino;
};

struct view {
    struct views *views;
    char *name; /* of its folder in the store's tmp/ */
    int fd, aside_fd;
    struct layer_id *layers;
    size_t count, cap;
    size_t lookers;
    bool written;     /* in use alone */
    unsigned covered; /* see view_cover */
    bool spoilt;      /* it shows no stack of layers: good for nothing */
    struct file_list before;
};

struct views {
    struct store *store;
    pthread_mutex_t lock;
    struct view **items;
    size_t count, cap;
};

struct views *views_new(struct store *store)
{
    struct views *views = mem_zalloc(1, sizeof *views);
    views->store = store;
    pthread_mutex_init(&views->lock, NULL);
    return views;
}

static void view_free(struct view *v)
{
    mem_close_at(&v->fd);
    mem_close_at(&v->aside_fd);
    file_list_release(&v->before);
    free(v->layers);
    free(v->name);
    free(v);
}

void views_free(struct views *views)
{
    if (!views)
        return;
    for (size_t i = 0; i < views->count; i++)
        view_free(views->items[i]);
    free(views->items);
    pthread_mutex_destroy(&views->lock);
    free(views);
}

int view_fd(const struct view *v)
{
    return v->fd;
}

/* ---- which one ---- */

static int id_of(int fd, struct layer_id *id)
{
    struct stat st;
    if (fstat(fd, &st))
        return -1;
    *id = (struct layer_id){st.st_dev, st.st_ino};
    return 0;
}

static bool same(const struct layer_id *a, const struct layer_id *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

/* True where the view shows the first of these layers, or all. */
static bool is_beginning(const struct view *v, const struct layer_id *ids, size_t n)
{
    for (size_t i = 0; i < v->count; i++)
        if (i >= n || !same(&v->layers[i], &ids[i]))
            return false;
    return true;
}

static bool is_free(const struct view *v, bool to_look)
{
    return !v->written && !v->spoilt && (to_look || !v->lookers);
}

/* The one that is nearest to these layers and may be used so; NULL: none. */
static struct view *find(struct views *views, const struct layer_id *ids, size_t n, bool to_look)
{
    struct view *best = NULL;
    for (size_t i = 0; i < views->count; i++) {
        struct view *v = views->items[i];
        bool whole = v->count == n;
        if (is_beginning(v, ids, n) && is_free(v, to_look && whole) &&
            (!best || v->count > best->count))
            best = v;
    }
    return best;
}

static int make_folder(int dir_fd, const char *name, int *fd)
{
    if (io_fault() || mkdirat(dir_fd, name, 0755))
        return -1;
    *fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? -1 : fchmod(*fd, 0755);
}

static struct view *add_view(struct views *views, struct error *err)
{
    struct view *v = mem_zalloc(1, sizeof *v);
    autoclose int folder = -1;
    v->views = views;
    v->fd = v->aside_fd = -1;
    v->name = store_tmp_name(views->store, "view");
    if (make_folder(store_tmp_fd(views->store), v->name, &folder) ||
        make_folder(folder, ROOT, &v->fd) || make_folder(folder, ASIDE, &v->aside_fd)) {
        error_errno(err, ERROR_HOST, "make a folder in store %s", store_path(views->store));
        view_free(v);
        return NULL;
    }
    MEM_PUSH(views->items, views->count, views->cap) = v;
    return v;
}

/* ---- making it ---- */

/* Layers above those that it shows. */
static int lay(struct view *v, const int *fds, const struct layer_id *ids, size_t n,
               struct error *err)
{
    if (v->count < n)
        file_list_release(&v->before);
    while (v->count < n) {
        size_t i = v->count;
        v->spoilt = true;
        if (view_merge(fds[i], v->fd, store_owners(v->views->store), err))
            return -1;
        v->spoilt = false;
        MEM_PUSH(v->layers, v->count, v->cap) = ids[i];
    }
    return 0;
}

/* Change times come from a clock that ticks: what is changed in the tick of the list would look as
 * it did before. */
static void wait_a_tick(void)
{
    struct timespec tick;
    if (!clock_getres(CLOCK_REALTIME_COARSE, &tick))
        while (clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, &tick) == EINTR)
            continue;
}

static bool lays_aside(const struct view *v)
{
    return store_mode(v->views->store)->view == MODE_VIEW_CHROOT;
}

static int list(const struct view *v, struct file_list *out, struct error *err)
{
    const char *skip[VIEW_COVERS + 1];
    size_t n = 0;
    for (size_t i = 0; i < VIEW_COVERS; i++)
        if (v->covered >> i & 1)
            skip[n++] = view_covers[i];
    skip[n] = NULL;
    return file_list_make(v->fd, skip, out, err);
}

static int prepare(struct view *v, enum view_use use, struct error *err)
{
    if (use == VIEW_RUN && view_cover(v->fd, lays_aside(v) ? v->aside_fd : -1, &v->covered))
        return error_errno(err, ERROR_HOST, "make the mount points of a step");
    if (v->covered)
        file_list_release(&v->before);
    if (!v->before.items && list(v, &v->before, err))
        return -1;
    wait_a_tick();
    return 0;
}

static struct view *claim(struct views *views, const struct layer_id *ids, size_t n, bool to_look,
                          struct error *err)
{
    pthread_mutex_lock(&views->lock);
    struct view *v = find(views, ids, n, to_look);
    if (!v)
        v = add_view(views, err);
    /* Until it shows all the layers nobody else may look at it. */
    if (v && to_look && v->count == n)
        v->lookers++;
    else if (v)
        v->written = true;
    pthread_mutex_unlock(&views->lock);
    return v;
}

static void become_looker(struct view *v)
{
    pthread_mutex_lock(&v->views->lock);
    v->written = false;
    v->lookers++;
    pthread_mutex_unlock(&v->views->lock);
}

int view_take(struct views *views, const int *fds, size_t n, enum view_use use, struct view **out,
              struct error *err)
{
    bool to_look = use == VIEW_LOOK;
    autofree struct layer_id *ids = mem_zalloc(n + 1, sizeof *ids);
    for (size_t i = 0; i < n; i++)
        if (id_of(fds[i], &ids[i]))
            return error_errno(err, ERROR_HOST, "look at a layer");
    struct view *v = claim(views, ids, n, to_look, err);
    if (!v)
        return -1;
    if (lay(v, fds, ids, n, err) || (!to_look && prepare(v, use, err))) {
        v->spoilt = true;
        view_give_back(v);
        return -1;
    }
    if (to_look && v->written)
        become_looker(v);
    *out = v;
    return 0;
}

/* ---- giving it back ---- */

static int uncover(struct view *v)
{
    unsigned covered = v->covered;
    v->covered = 0;
    return view_uncover(v->fd, lays_aside(v) ? v->aside_fd : -1, covered);
}

static void drop(struct view *v)
{
    struct views *views = v->views;
    for (size_t i = 0; i < views->count; i++)
        if (views->items[i] == v)
            views->items[i] = views->items[--views->count];
    autoerror ignored = ERROR_INIT;
    if (path_remove_tree(store_tmp_fd(views->store), v->name, &ignored))
        error_ignore(&ignored, "removed with all of tmp when the store is closed");
    view_free(v);
}

static void release(struct view *v)
{
    struct views *views = v->views;
    pthread_mutex_lock(&views->lock);
    if (v->written)
        v->written = false;
    else
        v->lookers--;
    if (v->spoilt && !v->lookers)
        drop(v);
    pthread_mutex_unlock(&views->lock);
}

static int stop_at_first(void *context, enum file_change change, size_t i, struct error *err)
{
    (void)context;
    (void)change;
    (void)i;
    (void)err;
    return 1;
}

/* What was written and is not kept makes it useless for the next. */
static bool is_untouched(struct view *v)
{
    struct file_list after = FILE_LIST_NONE;
    autoerror ignored = ERROR_INIT;
    if (v->spoilt || list(v, &after, &ignored))
        return false;
    bool touched = file_changes_find(&v->before, &after, NULL, stop_at_first, NULL, NULL) != 0;
    file_list_release(&after);
    return !touched && !uncover(v);
}

void view_give_back(struct view *v)
{
    if (v->written && !is_untouched(v))
        v->spoilt = true;
    release(v);
}

static int settle(struct view *v, int upper_fd, const struct strv *stubs, struct error *err)
{
    struct file_list after = FILE_LIST_NONE;
    struct layer_id id;
    unsigned covered = v->covered;
    if (list(v, &after, err))
        return -1;
    int code = view_upper_make(v->fd, &v->before, &after, stubs, store_owners(v->views->store),
                               upper_fd, err);
    file_list_release(&v->before);
    if (covered)
        file_list_release(&after); /* what was laid aside comes back and is not in it */
    v->before = after;
    if (!code && (uncover(v) || id_of(upper_fd, &id)))
        code = error_errno(err, ERROR_HOST, "put a step's mount points away");
    if (!code)
        MEM_PUSH(v->layers, v->count, v->cap) = id;
    return code;
}

int view_settle(struct view *v, int upper_fd, const struct strv *stubs, struct error *err)
{
    int code = settle(v, upper_fd, stubs, err);
    if (code)
        v->spoilt = true;
    release(v);
    return code;
}
