/* What the store's content takes, and giving it back. */
#include "store_private.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 300, BLOCK = 512 };

/* A file with several names counts in equal parts at each of them, so that all of them together
 * make it whole. What vanishes meanwhile doesn't count. */
static int64_t tree_bytes(int dir_fd, const char *name, unsigned depth)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
        return 0;
    int64_t bytes = (int64_t)st.st_blocks * BLOCK;
    if (!S_ISDIR(st.st_mode))
        return st.st_nlink > 1 ? bytes / (int64_t)st.st_nlink : bytes;
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoclosedir DIR *dir = fd < 0 || depth > DEPTH_MAX ? NULL : fdopendir(fd);
    if (!dir)
        return bytes;
    take_fd(&fd);
    for (struct dirent *e; (e = readdir(dir));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            bytes += tree_bytes(dirfd(dir), e->d_name, depth + 1);
    return bytes;
}

static int each(int dir_fd, const char *path, int (*visit)(int fd, const char *name, void *context),
                void *context)
{
    autoclose int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return errno == ENOENT ? 0 : -1;
    take_fd(&fd);
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir);
        if (!e)
            return errno ? -1 : 0;
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
            visit(dirfd(dir), e->d_name, context))
            return -1;
    }
}

struct total {
    int64_t bytes;
    size_t count;
};

static int add_tree(int fd, const char *name, void *context)
{
    struct total *total = context;
    total->bytes += tree_bytes(fd, name, 0);
    total->count++;
    return 0;
}

int store_usage(struct store *s, struct store_usage *out, struct error *err)
{
    struct total layers = {0}, blobs = {0}, cache = {0}, tmp = {0};
    if (each(s->layers_fd, ".", add_tree, &layers) ||
        each(s->oci_fd, "blobs/sha256", add_tree, &blobs) ||
        each(s->cache_fd, ".", add_tree, &cache) || each(s->all_tmp_fd, ".", add_tree, &tmp))
        return error_errno(err, ERROR_HOST, "measure store %s", s->path);
    *out = (struct store_usage){.layer_bytes = layers.bytes,
                                .blob_bytes = blobs.bytes,
                                .cache_bytes = cache.bytes,
                                .tmp_bytes = tmp.bytes,
                                .layers = layers.count,
                                .blobs = blobs.count};
    return 0;
}

struct pruning {
    struct store *store;
    bool (*keep)(void *context, const char *hex);
    void *context;
    int64_t freed;
};

/* The mark goes first: a mark without its layer would vouch for the next of that name. */
static int drop_layer(int fd, const char *hex, void *context)
{
    struct pruning *p = context;
    if (p->keep(p->context, hex))
        return 0;
    int64_t bytes = tree_bytes(fd, hex, 0);
    autofree char *name = store_tmp_name(p->store, "pruned");
    if (unlinkat(p->store->synced_fd, hex, 0) && errno != ENOENT)
        return -1;
    if (io_rename(fd, hex, p->store->tmp_fd, name) ||
        path_remove_tree(p->store->tmp_fd, name, NULL))
        return -1;
    p->freed += bytes;
    return 0;
}

static int drop_blob(int fd, const char *hex, void *context)
{
    struct pruning *p = context;
    if (p->keep(p->context, hex))
        return 0;
    int64_t bytes = tree_bytes(fd, hex, 0);
    if (io_fault() || unlinkat(fd, hex, 0))
        return -1;
    p->freed += bytes;
    return 0;
}

int store_claim(struct store *s, struct error *err)
{
    if (!flock(s->lock_fd, LOCK_EX | LOCK_NB))
        return 0;
    int busy = errno == EWOULDBLOCK;
    flock(s->lock_fd, LOCK_SH); /* a failed change gave the old lock up */
    if (!busy)
        return error_errno(err, ERROR_HOST, "lock store %s", s->path);
    error_set(err, ERROR_HOST, "store %s is in use by another process", s->path);
    return error_hint(err, "Prune again when no build or check is running.");
}

int store_prune(struct store *s, bool (*keep_layer)(void *context, const char *hex),
                bool (*keep_blob)(void *context, const char *hex), void *context, int64_t *freed,
                struct error *err)
{
    if (store_claim(s, err))
        return -1;
    struct pruning layers = {s, keep_layer, context, 0}, blobs = {s, keep_blob, context, 0};
    int code = each(s->layers_fd, ".", drop_layer, &layers) ||
               each(s->oci_fd, "blobs/sha256", drop_blob, &blobs);
    if (code)
        error_errno(err, ERROR_HOST, "prune store %s", s->path);
    else
        *freed = layers.freed + blobs.freed;
    flock(s->lock_fd, LOCK_SH);
    return code ? -1 : 0;
}
