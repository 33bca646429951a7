#include "cache_mounts_blob.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <registry/layout.h>
#include <rootfs/layer_apply.h>
#include <rootfs/layer_blob.h>
#include <rootfs/layer_diff.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_CAP = 64 * 1024, MOUNTS_MAX = 10000 };
static const char MEMBER[] = "imgbuild.mounts";

void mount_blobs_release(struct mount_blobs *blobs)
{
    json_decref(blobs->records);
    for (size_t i = 0; i < blobs->count; i++)
        descriptor_release(&blobs->layers[i]);
    free(blobs->layers);
    *blobs = (struct mount_blobs){.records = NULL};
}

static int pack_data(struct store *store, struct pool *pool, int data, struct descriptor *layer,
                     struct digest *diff_id, struct error *err)
{
    const struct compression zstd = {.kind = COMPRESSION_ZSTD};
    struct layer_blob_result blob = {.size = 0};
    autosink *sink = NULL;
    struct layer_diff_options options = {.clamp = -1, .owners = store_owners(store)};
    struct layer_diff_stats stats;
    if (layer_blob_new(store, pool, &zstd, &blob, &sink, err) ||
        layer_diff(data, &options, sink, &stats, err) || sink_finish(sink, err) ||
        layout_adopt_blob(store_oci_fd(store), store_tmp_fd(store), blob.name, &blob.digest, err))
        return -1;
    struct descriptor made = {.media_type = (char *)(uintptr_t)MEDIA_OCI_LAYER_ZSTD,
                              .digest = blob.digest,
                              .size = blob.size};
    descriptor_copy(&made, layer);
    *diff_id = blob.diff_id;
    return 0;
}

/* One that nobody uses now: 1 packed, 0 left out, -1. */
static int pack_one(struct store *store, struct pool *pool, int mounts, const char *name,
                    time_t since, size_t place, struct mount_blobs *out, struct error *err)
{
    struct stat used, st;
    struct descriptor layer;
    struct digest diff_id;
    autostr id = STR_INIT;
    autoclose int folder = openat(mounts, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    autoclose int lock = folder < 0 ? -1 : openat(folder, "lock", O_RDWR | O_CLOEXEC);
    autoclose int data =
        folder < 0 ? -1 : openat(folder, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || data < 0 || fstat(lock, &used) || fstat(data, &st) || used.st_mtime < since ||
        flock(lock, LOCK_EX | LOCK_NB))
        return 0;
    if (io_read_file(folder, "id", ID_CAP, &id, err) ||
        pack_data(store, pool, data, &layer, &diff_id, err))
        return -1;
    MEM_PUSH(out->layers, out->count, out->cap) = layer;
    json_t *record =
        json_pack("{s:s, s:s, s:I, s:i, s:i, s:i}", "name", name, "diffId", diff_id.text, "layer",
                  (json_int_t)place, "mode", (int)(st.st_mode & 07777), "uid", (int)st.st_uid,
                  "gid", (int)st.st_gid);
    json_object_set_new(record, "id", json_from_text(str_text(&id)));
    json_array_append_new(out->records, record);
    return 1;
}

int cache_mounts_pack(struct store *store, struct pool *pool, time_t since, size_t first,
                      struct mount_blobs *out, struct error *err)
{
    struct mount_blobs blobs = {.records = json_array()};
    autostrv names = STRV_INIT;
    autoclose int mounts =
        openat(store_cache_fd(store), "mounts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int copy = mounts < 0 ? -1 : openat(mounts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir)
        take_fd(&copy);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (*e->d_name != '.')
            strv_add(&names, e->d_name);
    strv_sort(&names);
    for (size_t i = 0; i < names.count; i++)
        if (pack_one(store, pool, mounts, names.items[i], since, first + blobs.count, &blobs, err) <
            0) {
            mount_blobs_release(&blobs);
            return error_wrap(err, "cache mount");
        }
    *out = blobs;
    return 0;
}

/* 64 digits, and "-N" for one of several: nothing else becomes a path. */
static bool valid_name(const char *name)
{
    size_t n = strspn(name, "0123456789abcdef");
    return n == 64 && (!name[n] || (name[n] == '-' && name[n + 1] &&
                                    !name[n + 1 + strspn(name + n + 1, "0123456789")]));
}

struct mount_record {
    const char *name, *id, *diff_id;
    int64_t layer, mode, uid, gid;
};

static int parse_record(const json_t *json, const struct manifest *manifest,
                        struct mount_record *out, struct error *err)
{
    static const char where[] = "the cache's mounts";
    struct mount_record r;
    if (json_get_string(json, "name", "", where, &r.name, err) ||
        json_get_string(json, "id", "", where, &r.id, err) ||
        json_get_string(json, "diffId", "", where, &r.diff_id, err) ||
        json_get_int(json, "layer", -1, where, &r.layer, err) ||
        json_get_int(json, "mode", 0755, where, &r.mode, err) ||
        json_get_int(json, "uid", 0, where, &r.uid, err) ||
        json_get_int(json, "gid", 0, where, &r.gid, err))
        return -1;
    if (!valid_name(r.name) || r.layer < 0 || (size_t)r.layer >= manifest->item_count ||
        r.uid < 0 || r.uid > UINT32_MAX || r.gid < 0 || r.gid > UINT32_MAX)
        return error_set(err, ERROR_INPUT, "%s: a record is wrong", where);
    *out = r;
    return 0;
}

/* Into a folder of the store's tmp. */
static int fill(const struct mount_record *r, const struct descriptor *layer,
                struct image_source *source, struct store *store, int folder, struct error *err)
{
    struct digest diff_id;
    autosource *blob = NULL;
    struct layer_apply_options options = {
        .what = "a cache mount", .owners = store_owners(store), .form = store_form(store)};
    if (mkdirat(folder, "data", 0700))
        return error_errno(err, ERROR_HOST, "make a cache mount in the store");
    autoclose int data = openat(folder, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data < 0)
        return error_errno(err, ERROR_HOST, "make a cache mount in the store");
    if (image_source_blob(source, layer, &blob, err) ||
        layer_apply(data, blob, &options, &diff_id, err))
        return -1;
    if (strcmp(diff_id.text, r->diff_id) != 0)
        return error_set(err, ERROR_INTEGRITY, "a cache mount's bytes are not those recorded");
    if (fchown(data, (uid_t)r->uid, (gid_t)r->gid) || fchmod(data, (mode_t)r->mode & 07777))
        return error_errno(err, ERROR_HOST, "make a cache mount in the store");
    return io_write_file(folder, "id", r->id, strlen(r->id), 0644, 0, err);
}

static int restore_one(const struct mount_record *r, const struct descriptor *layer,
                       struct image_source *source, struct store *store, struct error *err)
{
    int tmp = store_tmp_fd(store), cache = store_cache_fd(store);
    autofree char *name = store_tmp_name(store, "mount");
    autofree char *place = mem_printf("mounts/%s", r->name);
    if ((mkdirat(cache, "mounts", 0755) && errno != EEXIST) || mkdirat(tmp, name, 0755))
        return error_errno(err, ERROR_HOST, "make a cache mount in the store");
    autoclose int folder = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = folder < 0 ? error_errno(err, ERROR_HOST, "make a cache mount in the store")
                          : fill(r, layer, source, store, folder, err);
    /* Whoever made one meanwhile keeps his. */
    if (!code && renameat2(tmp, name, cache, place, 1 /* RENAME_NOREPLACE */) && errno != EEXIST)
        code = error_errno(err, ERROR_HOST, "make a cache mount in the store");
    autoerror ignored = ERROR_INIT;
    if (path_remove_tree(tmp, name, &ignored))
        error_ignore(&ignored, "it goes with the store's tmp");
    return code;
}

int cache_mounts_restore(const json_t *config, const struct manifest *manifest,
                         struct image_source *source, struct store *store, struct error *err)
{
    const json_t *records = json_object_get(config, MEMBER);
    size_t i;
    json_t *one;
    if (json_array_size(records) > MOUNTS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d cache mounts", MOUNTS_MAX);
    json_array_foreach (records, i, one) {
        struct mount_record r;
        if (parse_record(one, manifest, &r, err))
            return -1;
        autofree char *place = mem_printf("mounts/%s/data", r.name);
        if (faccessat(store_cache_fd(store), place, F_OK, 0) &&
            restore_one(&r, &manifest->items[r.layer], source, store, err))
            return error_wrap(err, "cache mount %s", r.id);
    }
    return 0;
}
