#include "export_root.h"

#include "build_layer.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/pipe.h>
#include <registry/layout.h>
#include <registry/transport.h>
#include <rootfs/layer_apply.h>
#include <rootfs/layer_diff.h>
#include <rootfs/layer_tar.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_SIZE = 1024 * 1024, IMAGES_MAX = 256 };

/* One platform's files, to be looked at. */
struct view {
    struct build_layers *layers;
    struct snapshot root;
    char *folder; /* NULL: none */
};

struct views {
    struct view *items;
    size_t count, cap;
};

static void views_release(struct views *v)
{
    for (size_t i = 0; i < v->count; i++) {
        snapshot_release(&v->items[i].root);
        build_layers_free(v->items[i].layers);
        free(v->items[i].folder);
    }
    free(v->items);
}

static int add_view(struct views *v, const struct image *image, bool split,
                    const struct export_options *o, struct error *err)
{
    static const struct compression none = {.kind = COMPRESSION_NONE};
    char folder[48];
    struct view *view = &MEM_PUSH(v->items, v->count, v->cap);
    *view = (struct view){.root = SNAPSHOT_NONE};
    view->layers = build_layers_new(o->store, o->pool, &none, -1);
    if (split)
        view->folder = mem_strdup(platform_text(&image->platform, '_', folder));
    autofree struct build_layer **layers = mem_zalloc(image->layer_count, sizeof *layers);
    for (size_t i = 0; i < image->layer_count; i++)
        layers[i] = build_layers_add(view->layers, &image->layers[i]);
    return build_layers_snapshot(view->layers, layers, image->layer_count, 0, &view->root, err);
}

static int load_view(struct views *v, const struct digest *digest, bool split,
                     const struct export_options *o, struct error *err)
{
    autoimage image = {.config = NULL};
    return image_load(store_oci_fd(o->store), digest->text, NULL, &image, err) ||
                   add_view(v, &image, split, o, err)
               ? -1
               : 0;
}

static int load_index(struct views *v, const struct manifest *index, const struct export_options *o,
                      struct error *err)
{
    size_t images = 0;
    for (size_t i = 0; i < index->item_count; i++)
        images += !index->items[i].has_platform || strcmp(index->items[i].platform.os, "unknown");
    if (images > IMAGES_MAX)
        return error_set(err, ERROR_INPUT, "more than %d images in one index", IMAGES_MAX);
    if (images > 1 && o->split == EXPORT_SPLIT_NO)
        return error_set(err, ERROR_USAGE,
                         "platform-split=false: the files of several platforms would overwrite "
                         "each other");
    bool split = o->split == EXPORT_SPLIT_YES || images > 1;
    for (size_t i = 0; i < index->item_count; i++) {
        const struct descriptor *d = &index->items[i];
        if (d->has_platform && !strcmp(d->platform.os, "unknown"))
            continue;
        if (load_view(v, &d->digest, split, o, err))
            return -1;
    }
    return 0;
}

static int load(struct views *v, const struct digest *root, const struct export_options *o,
                struct error *err)
{
    autoreference ref = {.transport = REFERENCE_OCI_LAYOUT,
                         .path = mem_printf("%s/oci", store_path(o->store)),
                         .digest = *root};
    struct transport_options transport = {.jobs = 0};
    automanifest manifest = {.bytes = NULL};
    struct image_source *source = NULL;
    if (image_source_open(&ref, &transport, &source, err))
        return -1;
    int code = image_source_manifest(source, &manifest, err);
    image_source_close(source);
    if (code)
        return -1;
    return manifest.is_index ? load_index(v, &manifest, o, err)
                             : load_view(v, root, o->split == EXPORT_SPLIT_YES, o, err);
}

static int write_views(const struct views *v, bool no_owners, const struct export_options *o,
                       struct sink *to, struct error *err)
{
    struct layer_tar *tar = layer_tar_new(to, o->clamp);
    int code = 0;
    for (size_t i = 0; i < v->count && !code; i++) {
        struct layer_diff_options options = {.clamp = o->clamp,
                                             .owners = store_owners(o->store),
                                             .prefix = v->items[i].folder,
                                             .no_owners = no_owners};
        struct layer_diff_stats stats;
        code = layer_diff_into(v->items[i].root.root_fd, &options, tar, &stats, err);
    }
    if (!code)
        code = layer_tar_finish(tar, err);
    layer_tar_free(tar);
    return code || sink_finish(to, err) ? -1 : 0;
}

int export_root_tar(const struct digest *image, const struct export_options *options, int fd,
                    struct error *err)
{
    struct views views = {.count = 0};
    int code = load(&views, image, options, err);
    if (!code) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        autosink *sink = own < 0 ? NULL : sink_to_fd(own, "tar");
        code = own < 0 ? error_errno(err, ERROR_HOST, "write the tar")
                       : write_views(&views, false, options, sink, err);
    }
    views_release(&views);
    return code;
}

/* Files go from the image to the directory as a tar between two threads: one reads and writes what
 * a layer may hold already. */
struct unpacking {
    int fd;
    struct source *tar;
    int result;
    struct error err;
};

static void *unpack(void *argument)
{
    struct unpacking *u = argument;
    struct digest digest;
    struct layer_apply_options options = {.what = "the image's files",
                                          .device_nodes = geteuid() == 0};
    u->result = layer_apply(u->fd, u->tar, &options, &digest, &u->err);
    source_close(u->tar);
    return NULL;
}

static int fill_directory(const struct views *v, const struct export_options *o, int fd,
                          struct error *err)
{
    struct unpacking u = {.fd = fd, .err = ERROR_INIT};
    autosink *pipe = NULL;
    pthread_t thread;
    pipe_new(PIPE_SIZE, &u.tar, &pipe);
    if (pthread_create(&thread, NULL, unpack, &u)) {
        source_close(u.tar);
        return error_set(err, ERROR_HOST, "start a thread");
    }
    int written = write_views(v, true, o, pipe, err);
    sink_close(take(&pipe));
    pthread_join(thread, NULL);
    if (u.result && (!written || (err && err->kind == ERROR_INTERRUPTED)))
        return error_move(err, &u.err);
    error_release(&u.err);
    return written;
}

/* Remove from the directory what the view (-1: of nothing) doesn't have. */
static int remove_others(int fd, int view, int depth, struct error *err)
{
    autoclose int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir)
        return error_errno(err, ERROR_HOST, "read the directory");
    take_fd(&copy);
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (fstatat(view, e->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
            if (path_remove_tree(fd, e->d_name, err))
                return -1;
            continue;
        }
        if (!S_ISDIR(st.st_mode))
            continue;
        int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        autoclose int inner = openat(fd, e->d_name, flags);
        autoclose int other = openat(view, e->d_name, flags);
        if (depth && inner >= 0 && other >= 0 && remove_others(inner, other, depth - 1, err))
            return -1;
    }
    return 0;
}

static bool is_folder(const struct views *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->items[i].folder && !strcmp(v->items[i].folder, name))
            return true;
    return false;
}

static int clean_folders(const struct views *v, int fd, struct error *err)
{
    enum { DEPTH = 256 };
    if (v->count == 1 && !v->items[0].folder)
        return remove_others(fd, v->items[0].root.root_fd, DEPTH, err);
    autoclose int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir)
        return error_errno(err, ERROR_HOST, "read the directory");
    take_fd(&copy);
    for (struct dirent *e; (e = readdir(dir));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && !is_folder(v, e->d_name) &&
            path_remove_tree(fd, e->d_name, err))
            return -1;
    for (size_t i = 0; i < v->count; i++) {
        autoclose int inner =
            openat(fd, v->items[i].folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0 && remove_others(inner, v->items[i].root.root_fd, DEPTH, err))
            return -1;
    }
    return 0;
}

int export_root_directory(const struct digest *image, const struct export_options *options,
                          const char *path, struct error *err)
{
    struct views views = {.count = 0};
    int code = load(&views, image, options, err) || path_make_dirs(path, err) ? -1 : 0;
    autoclose int fd = code ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!code && fd < 0)
        code = error_errno(err, ERROR_HOST, "open %s", path);
    if (!code)
        code = fill_directory(&views, options, fd, err);
    if (!code && options->delete_others)
        code = clean_folders(&views, fd, err);
    views_release(&views);
    return code;
}
