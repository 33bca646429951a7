/* prune: free what no image and no recent cache record needs. */
#include "cache_mount.h"
#include "cmd_common.h"
#include "command.h"

#include <base/io.h>
#include <base/json.h>
#include <base/log.h>
#include <base/mem.h>
#include <registry/layout.h>
#include <registry/pull.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct prune_values {
    struct common_values common;
    bool all;
    long long days;
};
#define AT(member) offsetof(struct prune_values, member)

/* Hexadecimal digits of what stays. */
struct keep {
    struct strv layers, blobs;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has(struct strv *v, const char *hex)
{
    return v->count && bsearch(&hex, v->items, v->count, sizeof *v->items, compare);
}

static bool keep_layer(void *context, const char *hex)
{
    return has(&((struct keep *)context)->layers, hex);
}

static bool keep_blob(void *context, const char *hex)
{
    return has(&((struct keep *)context)->blobs, hex);
}

static void keep_image(struct keep *keep, const struct image *image)
{
    strv_add(&keep->blobs, digest_hex(&image->manifest.digest));
    strv_add(&keep->blobs, digest_hex(&image->manifest.config.digest));
    for (size_t i = 0; i < image->layer_count; i++) {
        strv_add(&keep->blobs, digest_hex(&image->layers[i].digest));
        strv_add(&keep->layers, digest_hex(&image->layers[i].diff_id));
    }
}

/* The image of a digest, or each that the index of it names. */
static int keep_named(struct keep *keep, struct store *store, const char *digest, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_OCI_LAYOUT,
                         .path = mem_printf("%s/oci", store_path(store))};
    struct image_source *source;
    automanifest root = {.bytes = NULL};
    if (digest_parse(digest, &ref.digest, err) || image_source_open(&ref, NULL, &source, err))
        return -1;
    int code = image_source_manifest(source, &root, err);
    for (size_t i = 0; !code && i < (root.is_index ? root.item_count : 1); i++) {
        automanifest child = {.bytes = NULL};
        autoimage image = {.config = NULL};
        if (root.is_index)
            code = image_source_manifest_at(source, &root.items[i], &child, err);
        if (!code)
            code = image_source_image_from(source, root.is_index ? &child : &root, NULL, true,
                                           &image, err);
        if (!code)
            keep_image(keep, &image);
    }
    image_source_close(source);
    if (!code && root.is_index)
        strv_add(&keep->blobs, digest_hex(&root.digest));
    return code;
}

/* An image of which something is gone serves nobody. */
static int forget_lost(struct store *store, const char *digest, const struct error *why,
                       struct error *err)
{
    log_warning("an image of the store is forgotten: %s", why->message);
    return layout_remove(store_oci_fd(store), digest, err) < 0 ? -1 : 0;
}

/* --all forgets the images too; otherwise each one that the layout's index names stays. */
static int keep_images(struct keep *keep, struct store *store, bool all, struct error *err)
{
    autojson *index = NULL;
    json_t *manifests = NULL;
    if (json_read_file(store_oci_fd(store), "index.json", IMAGE_MANIFEST_CAP, &index, err) ||
        json_get_array(index, "manifests", "the store's index", &manifests, err))
        return -1;
    size_t i;
    json_t *item;
    json_array_foreach (manifests, i, item) {
        const char *digest = json_string_value(json_object_get(item, "digest"));
        if (!digest)
            continue;
        if (all) {
            if (layout_remove(store_oci_fd(store), digest, err) < 0)
                return -1;
            continue;
        }
        autoerror lost = ERROR_INIT;
        if (!keep_named(keep, store, digest, &lost))
            continue;
        if (lost.kind != ERROR_MISSING)
            return error_move(err, &lost);
        else if (forget_lost(store, digest, &lost, err))
            return -1;
    }
    return 0;
}

static void keep_record(struct keep *keep, const json_t *record)
{
    struct digest digest;
    autoerror ignored = ERROR_INIT;
    const char *diff_id = json_string_value(json_object_get(record, "diffId"));
    if (diff_id && !digest_parse(diff_id, &digest, &ignored))
        strv_add(&keep->layers, digest_hex(&digest));
    const char *name;
    json_t *blob;
    json_object_foreach (json_object_get(record, "blobs"), name, blob) {
        const char *text = json_string_value(json_object_get(blob, "digest"));
        if (text && !digest_parse(text, &digest, &ignored))
            strv_add(&keep->blobs, digest_hex(&digest));
    }
}

/* Cache records younger than the limit keep what they name; older ones go. */
static int keep_records(struct keep *keep, struct store *store, time_t oldest, struct error *err)
{
    autoclose int fd = openat(store_cache_fd(store), "steps", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : error_errno(err, ERROR_HOST, "open the store's cache");
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    autoclosedir DIR *dir = fdopendir(copy);
    if (!dir)
        return error_errno(err, ERROR_HOST, "read the store's cache");
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        autojson *record = NULL;
        autoerror ignored = ERROR_INIT;
        if (e->d_name[0] == '.' || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        if (st.st_mtime < oldest || json_read_file(fd, e->d_name, 65536, &record, &ignored))
            unlinkat(fd, e->d_name, 0);
        else
            keep_record(keep, record);
    }
    return 0;
}

static int prune(struct store *store, const struct prune_values *values, struct error *err)
{
    struct keep keep = {.layers = STRV_INIT};
    struct store_usage before, after;
    char a[16], b[16], c[16];
    int64_t freed = 0;
    time_t oldest = values->all ? time(NULL) + 1 : time(NULL) - (time_t)values->days * 86400;
    int code = store_claim(store, err);
    if (!code)
        code = store_usage(store, &before, err);
    if (!code)
        code = layout_remove_unnamed(store_oci_fd(store), err);
    if (!code)
        code = keep_images(&keep, store, values->all, err);
    if (!code)
        code = keep_records(&keep, store, oldest, err);
    if (!code)
        code = cache_mounts_prune(store_cache_fd(store), oldest, NULL, err);
    strv_sort(&keep.layers);
    strv_sort(&keep.blobs);
    if (!code)
        code = store_prune(store, keep_layer, keep_blob, &keep, &freed, err);
    if (!code)
        code = store_usage(store, &after, err);
    if (!code)
        printf("freed %s: %s before, %s now, in %s\n", progress_size(a, freed),
               progress_size(b, before.layer_bytes + before.blob_bytes + before.cache_bytes),
               progress_size(c, after.layer_bytes + after.blob_bytes + after.cache_bytes),
               store_path(store));
    strv_release(&keep.layers);
    strv_release(&keep.blobs);
    return code;
}

static int run(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct prune_values values = {.days = 30};
    struct common common = {.store = NULL};
    autostrv operands = STRV_INIT;
    int code = cli_parse(self, argc, argv, &values, &operands, err);
    if (!code)
        code = common_init(&common, &values.common, err);
    if (!code)
        code = common_open_store(&common, &values.common, err);
    if (!code)
        code = prune(common.store, &values, err);
    common_release(&common);
    cli_release(self, &values);
    return code;
}

static const struct cli_option options[] = {
    {"all", 'a', CLI_SWITCH, AT(all), NULL, NULL,
     "Remove everything: images, cache and cache mounts too"},
    {"keep-days", 0, CLI_NUMBER, AT(days), "DAYS", NULL,
     "Keep cached steps and cache mounts used within this time (default: 30)"},
    ISOLATION_OPTION,
    COMMON_OPTIONS};

const struct cli_command command_prune = {
    .program = "imgbuild",
    .name = "prune",
    .operands = "",
    .summary = "Free the space that no image and no recent step needs",
    .description = "Removes the layers and blobs of the store that no named image and no recent "
                   "cached step needs, and shows the space used before and after.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run};
