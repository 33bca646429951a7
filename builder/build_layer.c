#include "build_layer.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/pipe.h>
#include <base/str.h>
#include <registry/image.h>
#include <registry/layout.h>
#include <rootfs/layer_apply.h>
#include <rootfs/layer_blob.h>
#include <rootfs/layer_diff.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_SIZE = 4 * 1024 * 1024 };

struct build_layer {
    struct build_layers *set;
    char *media_type;         /* of a layer that was known */
    struct layer layer;       /* diff_id and blob, as far as known */
    int directory;            /* -1 until needed */
    struct pool_group *job;   /* in the background; NULL: nothing is */
    struct snapshot snapshot; /* of a step, until its diff is done */
    struct strv skip;
    int (*fetch)(const void *context, const struct layer *layer, struct error *err); /* or NULL */
    const void *fetch_context;
    pthread_mutex_t lock; /* of all above: stages side by side share their base's layers */
};

struct build_layers {
    struct store *store;
    struct pool *pool;
    struct compression compression;
    int64_t clamp;
    pthread_mutex_t lock; /* of the list */
    struct build_layer **items;
    size_t count, cap;
};

struct build_layers *build_layers_new(struct store *store, struct pool *pool,
                                      const struct compression *compression, int64_t clamp)
{
    struct build_layers *set = mem_zalloc(1, sizeof *set);
    pthread_mutex_init(&set->lock, NULL);
    set->store = store;
    set->pool = pool;
    set->compression = *compression;
    set->clamp = clamp;
    return set;
}

static void layer_free(struct build_layer *layer)
{
    if (layer->job)
        pool_group_free(layer->job);
    snapshot_release(&layer->snapshot);
    strv_release(&layer->skip);
    mem_close_at(&layer->directory);
    free(layer->media_type);
    pthread_mutex_destroy(&layer->lock);
    free(layer);
}

void build_layers_free(struct build_layers *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++)
        layer_free(set->items[i]);
    pthread_mutex_destroy(&set->lock);
    free(set->items);
    free(set);
}

static struct build_layer *layer_new(struct build_layers *set)
{
    struct build_layer *layer = mem_zalloc(1, sizeof *layer);
    layer->set = set;
    layer->directory = -1;
    layer->snapshot = SNAPSHOT_NONE;
    pthread_mutex_init(&layer->lock, NULL);
    pthread_mutex_lock(&set->lock);
    MEM_PUSH(set->items, set->count, set->cap) = layer;
    pthread_mutex_unlock(&set->lock);
    return layer;
}

struct build_layer *build_layers_add(struct build_layers *set, const struct layer *known)
{
    struct build_layer *layer = layer_new(set);
    layer->layer = *known;
    layer->media_type = mem_strdup_null(known->media_type);
    layer->layer.media_type = layer->media_type;
    return layer;
}

struct build_layer *build_layers_add_remote(struct build_layers *set, const struct layer *known,
                                            int (*fetch)(const void *context,
                                                         const struct layer *layer,
                                                         struct error *err),
                                            const void *context)
{
    struct build_layer *layer = build_layers_add(set, known);
    layer->fetch = fetch;
    layer->fetch_context = context;
    return layer;
}

static const char *media_type_of(enum compression_kind kind)
{
    if (kind == COMPRESSION_NONE)
        return MEDIA_OCI_LAYER;
    return kind == COMPRESSION_ZSTD ? MEDIA_OCI_LAYER_ZSTD : MEDIA_OCI_LAYER_GZIP;
}

/* The finished blob moves into the layout, and the layer is known. */
static int adopt_blob(struct build_layer *layer, const struct layer_blob_result *blob,
                      struct error *err)
{
    struct build_layers *set = layer->set;
    if (layout_adopt_blob(store_oci_fd(set->store), store_tmp_fd(set->store), blob->name,
                          &blob->digest, err))
        return -1;
    layer->layer = (struct layer){.digest = blob->digest,
                                  .size = blob->size,
                                  .media_type = media_type_of(set->compression.kind),
                                  .diff_id = blob->diff_id};
    return 0;
}

static int diff_directory(struct build_layer *layer, int fd, struct layer_blob_result *blob,
                          struct error *err)
{
    struct build_layers *set = layer->set;
    autosink *sink = NULL;
    if (layer_blob_new(set->store, set->pool, &set->compression, blob, &sink, err))
        return -1;
    struct layer_diff_options options = {.skip = (const char *const *)strv_argv(&layer->skip),
                                         .clamp = set->clamp,
                                         .limited = true,
                                         .owners = store_owners(set->store),
                                         .form = store_form(set->store)};
    struct layer_diff_stats stats;
    return layer_diff(fd, &options, sink, &stats, err) || sink_finish(sink, err) ? -1 : 0;
}

static int diff_job(void *argument, struct error *err)
{
    struct build_layer *layer = argument;
    struct layer_blob_result blob = {.size = 0};
    if (diff_directory(layer, layer->snapshot.upper_fd, &blob, err) ||
        snapshot_adopt(&layer->snapshot, &blob.diff_id, err))
        return -1;
    return adopt_blob(layer, &blob, err);
}

struct build_layer *build_layers_add_snapshot(struct build_layers *set, struct snapshot *snapshot,
                                              struct strv *skip)
{
    struct build_layer *layer = layer_new(set);
    /* The merged view goes now: an upper directory must not be written while it is a lowerdir. */
    mem_close_at(&snapshot->root_fd);
    layer->directory = fcntl(snapshot->upper_fd, F_DUPFD_CLOEXEC, 0);
    layer->snapshot = *snapshot;
    *snapshot = SNAPSHOT_NONE;
    layer->skip = *skip;
    *skip = STRV_INIT;
    layer->job = pool_group_new(set->pool);
    pool_run(layer->job, diff_job, layer);
    return layer;
}

static int wait_for(struct build_layer *layer, struct error *err)
{
    if (!layer->job)
        return 0;
    int result = pool_wait(layer->job, err);
    pool_group_free(layer->job);
    layer->job = NULL;
    snapshot_release(&layer->snapshot);
    return result;
}

/* Unpacking in the same pass: the tar goes through a pipe to a thread that applies it. */
struct unpacking {
    int directory;
    struct owners *owners;
    enum whiteout_form form;
    struct source *tar;
    struct digest diff_id;
    struct error err;
    int result;
};

static void *unpack_thread(void *argument)
{
    struct unpacking *u = argument;
    struct layer_apply_options options = {
        .what = "copied files", .device_nodes = true, .owners = u->owners, .form = u->form};
    u->result = layer_apply(u->directory, u->tar, &options, &u->diff_id, &u->err);
    source_close(u->tar); /* a writer still at it must not wait for a reader that gave up */
    return NULL;
}

/* Hands every byte to both sinks. */
struct both {
    struct sink sink;
    struct sink *blob, *pipe;
};

static int both_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct both *b = (struct both *)self;
    return sink_write(b->blob, bytes, n, err) || sink_write(b->pipe, bytes, n, err) ? -1 : 0;
}

static int both_finish(struct sink *self, struct error *err)
{
    struct both *b = (struct both *)self;
    return sink_finish(b->blob, err) || sink_finish(b->pipe, err) ? -1 : 0;
}

static void both_close(struct sink *self)
{
    (void)self; /* both stay their owner's */
}

struct tar_writer {
    int (*write)(void *context, struct sink *tar, struct error *err);
    void *context;
};

static int write_tar(const struct tar_writer *w, struct sink *to, struct error *err)
{
    return w->write(w->context, to, err) || sink_finish(to, err) ? -1 : 0;
}

static int write_and_unpack(struct build_layers *set, const struct tar_writer *w, struct sink *blob,
                            struct layer_blob_result *result, const char *name, struct error *err)
{
    if (mkdirat(store_tmp_fd(set->store), name, 0755))
        return error_errno(err, ERROR_HOST, "make a directory in the store");
    autoclose int directory =
        openat(store_tmp_fd(set->store), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return error_errno(err, ERROR_HOST, "open a directory of the store");
    struct unpacking u = {.directory = directory,
                          .owners = store_owners(set->store),
                          .form = store_form(set->store),
                          .err = ERROR_INIT};
    autosink *pipe = NULL;
    pipe_new(PIPE_SIZE, &u.tar, &pipe);
    pthread_t thread;
    if (pthread_create(&thread, NULL, unpack_thread, &u)) {
        source_close(u.tar);
        return error_set(err, ERROR_HOST, "start a thread");
    }
    struct both both = {{both_write, both_finish, both_close}, blob, pipe};
    int written = write_tar(w, &both.sink, err);
    sink_close(take(&pipe));
    pthread_join(thread, NULL);
    if (u.result && (!written || (err && err->kind == ERROR_INTERRUPTED)))
        return error_move(err, &u.err);
    error_release(&u.err);
    if (written)
        return -1;
    return store_adopt_layer(set->store, name, &result->diff_id, err);
}

struct build_layer *build_layers_add_tar(struct build_layers *set, bool with_directory,
                                         int (*write)(void *context, struct sink *tar,
                                                      struct error *err),
                                         void *context, struct error *err)
{
    struct tar_writer w = {write, context};
    struct layer_blob_result blob = {.size = 0};
    autosink *sink = NULL;
    if (layer_blob_new(set->store, set->pool, &set->compression, &blob, &sink, err))
        return NULL;
    int result;
    if (with_directory) {
        static _Atomic unsigned counter;
        autofree char *name = mem_printf("copy-%u", counter++);
        result = write_and_unpack(set, &w, sink, &blob, name, err);
        if (result) {
            autoerror ignored = ERROR_INIT;
            path_remove_tree(store_tmp_fd(set->store), name, &ignored);
        }
    } else {
        result = write_tar(&w, sink, err);
    }
    if (result)
        return NULL;
    struct build_layer *layer = layer_new(set);
    return adopt_blob(layer, &blob, err) ? NULL : layer;
}

static bool have_blob(const struct build_layer *layer)
{
    return digest_is_set(&layer->layer.digest) &&
           layout_has_blob(store_oci_fd(layer->set->store), &layer->layer.digest,
                           layer->layer.size);
}

bool build_layer_is_here(const struct build_layer *layer)
{
    return !layer->fetch || have_blob(layer) ||
           store_has_layer(layer->set->store, &layer->layer.diff_id);
}

static int unpack_blob(struct build_layer *layer, struct error *err)
{
    if (layer->fetch && layer->fetch(layer->fetch_context, &layer->layer, err))
        return -1;
    struct layer_sink *sink = store_layer_sink(layer->set->store);
    autosource *blob = NULL;
    if (layout_open_blob(store_oci_fd(layer->set->store), &layer->layer.digest, &blob, err))
        return -1;
    return sink->unpack(sink, &layer->layer, blob, err);
}

static int open_directory(struct build_layer *layer, struct error *err)
{
    if (layer->directory >= 0)
        return layer->directory;
    if (wait_for(layer, err))
        return -1;
    struct store *store = layer->set->store;
    if (!store_has_layer(store, &layer->layer.diff_id) && unpack_blob(layer, err))
        return -1;
    layer->directory = store_open_layer(store, &layer->layer.diff_id, err);
    return layer->directory;
}

/* The blob from the unpacked directory: the same tar by construction, or the cache is not to be
 * trusted. */
static int remake_blob(struct build_layer *layer, struct error *err)
{
    int fd = open_directory(layer, err);
    if (fd < 0)
        return -1;
    struct layer_blob_result blob = {.size = 0};
    struct digest wanted = layer->layer.diff_id;
    if (diff_directory(layer, fd, &blob, err))
        return -1;
    if (!digest_equal(&blob.diff_id, &wanted)) {
        unlinkat(store_tmp_fd(layer->set->store), blob.name, 0);
        return error_set(err, ERROR_INTEGRITY,
                         "layer %s in the store was changed: its diff_id is now %s", wanted.text,
                         blob.diff_id.text);
    }
    return adopt_blob(layer, &blob, err);
}

static int need_blob(struct build_layer *layer, struct layer *out, struct error *err)
{
    if (wait_for(layer, err))
        return -1;
    if (!have_blob(layer) && (layer->fetch ? layer->fetch(layer->fetch_context, &layer->layer, err)
                                           : remake_blob(layer, err)))
        return -1;
    *out = layer->layer;
    return 0;
}

int build_layer_wait(struct build_layer *layer, struct error *err)
{
    pthread_mutex_lock(&layer->lock);
    int result = wait_for(layer, err);
    pthread_mutex_unlock(&layer->lock);
    return result;
}

int build_layer_directory(struct build_layer *layer, struct error *err)
{
    pthread_mutex_lock(&layer->lock);
    int fd = open_directory(layer, err);
    pthread_mutex_unlock(&layer->lock);
    return fd;
}

int build_layer_blob(struct build_layer *layer, struct layer *out, struct error *err)
{
    pthread_mutex_lock(&layer->lock);
    int result = need_blob(layer, out, err);
    pthread_mutex_unlock(&layer->lock);
    return result;
}

int build_layers_snapshot(struct build_layers *set, struct build_layer *const *layers, size_t count,
                          enum snapshot_flags flags, struct snapshot *out, struct error *err)
{
    autofree int *fds = mem_zalloc(count, sizeof *fds);
    for (size_t i = 0; i < count; i++)
        if ((fds[i] = build_layer_directory(layers[i], err)) < 0)
            return -1;
    return snapshot_new(set->store, fds, count, flags, out, err);
}
