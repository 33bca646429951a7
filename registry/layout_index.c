#include "layout_index.h"

#include "layout.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

char *layout_blob_name(const struct digest *digest)
{
    const char *hex = digest_hex(digest);
    return mem_printf("blobs/%.*s/%s", (int)(hex - digest->text - 1), digest->text, hex);
}

static const char *annotation(const json_t *entry, const char *key)
{
    return json_string_value(json_object_get(json_object_get(entry, "annotations"), key));
}

static const char *entry_name(const json_t *entry)
{
    return annotation(entry, ANNOTATION_REF_NAME);
}

static bool entry_is(const json_t *entry, const char *name)
{
    const char *full = annotation(entry, ANNOTATION_CONTAINERD_NAME);
    const char *digest = json_string_value(json_object_get(entry, "digest"));
    const char *own = entry_name(entry);
    return (own && str_eq(own, name)) || (full && str_eq(full, name)) ||
           (digest && str_eq(digest, name));
}

/* Names alone, where there are any: what has none can't be meant. */
static int say_names(const json_t *manifests, struct error *err)
{
    enum { NAMES_SHOWN = 20 };
    autostr names = STR_INIT;
    autostr digests = STR_INIT;
    for (size_t i = 0, shown = 0; i < json_array_size(manifests) && shown < NAMES_SHOWN; i++) {
        const json_t *entry = json_array_get(manifests, i);
        const char *name = entry_name(entry);
        const char *digest = json_string_value(json_object_get(entry, "digest"));
        struct str *list = name ? &names : &digests;
        shown += name != NULL;
        if (name || i < NAMES_SHOWN)
            str_addf(list, "%s%.160s", list->len ? ", " : "", name ? name : digest ? digest : "?");
    }
    const struct str *known = names.len ? &names : &digests;
    return error_hint(err, "it has: %s", known->len ? str_text(known) : "no image at all");
}

/* True where all entries name the same thing, as an image with several tags does. */
static bool all_same(const json_t *manifests)
{
    const json_t *first = json_object_get(json_array_get(manifests, 0), "digest");
    for (size_t i = 1; i < json_array_size(manifests); i++)
        if (!json_equal(json_object_get(json_array_get(manifests, i), "digest"), first))
            return false;
    return json_array_size(manifests) > 0;
}

int layout_index_find(const json_t *index, const char *name, const char *where,
                      struct descriptor *out, struct error *err)
{
    json_t *manifests;
    if (!json_is_object(index))
        return error_set(err, ERROR_INPUT, "%s: index.json is not an object", where);
    if (json_get_array(index, "manifests", where, &manifests, err))
        return -1;
    bool any = !name || !*name;
    size_t n = json_array_size(manifests);
    if (any && all_same(manifests))
        return descriptor_parse(json_array_get(manifests, 0), where, out, err);
    for (size_t i = 0; !any && i < n; i++)
        if (entry_is(json_array_get(manifests, i), name))
            return descriptor_parse(json_array_get(manifests, i), where, out, err);
    if (any && n)
        error_set(err, ERROR_MISSING, "%s has %zu images: say which", where, n);
    else if (any)
        error_set(err, ERROR_MISSING, "%s has no image", where);
    else
        error_set(err, ERROR_MISSING, "%s has no image named “%s”", where, name);
    return say_names(manifests, err);
}

json_t *layout_index_new(void)
{
    json_t *index = json_object();
    json_object_set_new(index, "schemaVersion", json_integer(2));
    json_object_set_new(index, "mediaType", json_string(MEDIA_OCI_INDEX));
    json_object_set_new(index, "manifests", json_array());
    return index;
}

void layout_index_put(json_t *index, const struct descriptor *entry)
{
    json_t *manifests = json_object_get(index, "manifests");
    if (!json_is_array(manifests)) {
        manifests = json_array();
        json_object_set_new(index, "manifests", manifests);
    }
    autojson *json = descriptor_json(entry);
    const char *name = entry_name(json);
    for (size_t i = json_array_size(manifests); i > 0; i--) {
        const json_t *old = json_array_get(manifests, i - 1);
        const char *old_name = entry_name(old);
        bool same = json_equal(json_object_get(old, "digest"), json_object_get(json, "digest"));
        if (name ? str_eq(old_name, name) : same && !old_name)
            json_array_remove(manifests, i - 1);
    }
    json_array_append(manifests, json);
}

size_t layout_index_remove(json_t *index, const char *name)
{
    size_t removed = 0;
    json_t *manifests = json_object_get(index, "manifests");
    for (size_t i = json_array_size(manifests); i > 0; i--)
        if (entry_is(json_array_get(manifests, i - 1), name))
            removed += !json_array_remove(manifests, i - 1);
    return removed;
}

void layout_index_entry(const struct manifest *manifest, const char *name,
                        const struct platform *platform, const struct digest *chosen_from,
                        struct descriptor *out)
{
    struct descriptor d = {
        .media_type = mem_strdup(manifest->media_type),
        .digest = manifest->digest,
        .size = (int64_t)manifest->size,
        .has_platform = platform,
        .annotations = json_object(),
    };
    if (platform)
        d.platform = *platform;
    if (name)
        json_object_set_new(d.annotations, ANNOTATION_REF_NAME, json_string(name));
    if (chosen_from)
        json_object_set_new(d.annotations, ANNOTATION_CHOSEN_FROM, json_string(chosen_from->text));
    *out = d;
}

/* The layout's own oci-layout is the lock file: it is never replaced. */
static int lock(int dir_fd, struct error *err)
{
    int fd = openat(dir_fd, "oci-layout", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_errno(err, errno == ENOENT ? ERROR_MISSING : ERROR_INPUT,
                           "open the layout's oci-layout");
    while (flock(fd, LOCK_EX)) {
        if (errno == EINTR)
            continue;
        error_errno(err, ERROR_HOST, "lock the layout");
        mem_close_at(&fd);
        return -1;
    }
    return fd;
}

static int read_index(int dir_fd, json_t **out, struct error *err)
{
    autojson *index = NULL;
    autostr text = STR_INIT;
    if (io_read_file(dir_fd, "index.json", IMAGE_MANIFEST_CAP, &text, err) ||
        json_parse_received(str_text(&text), text.len, "index.json", &index, err))
        return -1;
    if (!json_is_object(index))
        return error_set(err, ERROR_INPUT, "index.json is not an object");
    *out = take(&index);
    return 0;
}

static int write_index(int dir_fd, const json_t *index, struct error *err)
{
    autofree char *text = json_text(index);
    return io_write_file(dir_fd, "index.json", text, strlen(text), 0644, 0, err);
}

int layout_put_chosen(int dir_fd, const struct manifest *manifest, const char *name,
                      const struct platform *platform, const struct digest *chosen_from,
                      struct error *err)
{
    if (layout_put_blob(dir_fd, &manifest->digest, manifest->bytes, manifest->size, err))
        return -1;
    autoclose int locked = lock(dir_fd, err);
    autojson *index = NULL;
    if (locked < 0 || read_index(dir_fd, &index, err))
        return -1;
    struct descriptor entry;
    layout_index_entry(manifest, name, platform, chosen_from, &entry);
    layout_index_put(index, &entry);
    descriptor_release(&entry);
    return write_index(dir_fd, index, err);
}

int layout_put_manifest(int dir_fd, const struct manifest *manifest, const char *name,
                        const struct platform *platform, struct error *err)
{
    return layout_put_chosen(dir_fd, manifest, name, platform, NULL, err);
}

int layout_find(int dir_fd, const char *name, struct descriptor *out, struct error *err)
{
    autojson *index = NULL;
    return read_index(dir_fd, &index, err) ? -1
                                           : layout_index_find(index, name, "the layout", out, err);
}

int layout_names(int dir_fd, struct strv *out, struct error *err)
{
    autojson *index = NULL;
    json_t *manifests, *entry;
    size_t i;
    if (read_index(dir_fd, &index, err) ||
        json_get_array(index, "manifests", "the layout", &manifests, err))
        return -1;
    json_array_foreach (manifests, i, entry) {
        const char *name = entry_name(entry);
        if (name && !strv_contains(out, name))
            strv_add(out, name);
    }
    return 0;
}

int layout_remove(int dir_fd, const char *name, struct error *err)
{
    autoclose int locked = lock(dir_fd, err);
    autojson *index = NULL;
    if (locked < 0 || read_index(dir_fd, &index, err))
        return -1;
    if (!layout_index_remove(index, name))
        return 0;
    return write_index(dir_fd, index, err) ? -1 : 1;
}

int layout_remove_unnamed(int dir_fd, struct error *err)
{
    autoclose int locked = lock(dir_fd, err);
    autojson *index = NULL;
    if (locked < 0 || read_index(dir_fd, &index, err))
        return -1;
    json_t *manifests = json_object_get(index, "manifests");
    for (size_t i = json_array_size(manifests); i > 0; i--)
        if (!entry_name(json_array_get(manifests, i - 1)))
            json_array_remove(manifests, i - 1);
    return write_index(dir_fd, index, err);
}
