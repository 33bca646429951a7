/* OCI layout directories as source and target of images. */
#include "layout.h"
#include "pending_tags.h"
#include "transport_ops.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct layout_source {
    struct image_source source;
    int dir_fd;
};

static int read_manifest(int dir_fd, const struct digest *digest, int64_t size, const char *type,
                         struct manifest *out, struct error *err)
{
    autosource *blob = NULL;
    if (size > IMAGE_MANIFEST_CAP)
        return error_set(err, ERROR_INPUT, "manifest %s is larger than the %d bytes allowed",
                         digest->text, IMAGE_MANIFEST_CAP);
    if (layout_open_blob(dir_fd, digest, &blob, err))
        return -1;
    autostr bytes = STR_INIT;
    char chunk[16384];
    ssize_t got;
    while ((got = source_read(blob, chunk, sizeof chunk, err)) > 0) {
        str_add_bytes(&bytes, chunk, (size_t)got);
        if (bytes.len > IMAGE_MANIFEST_CAP)
            return error_set(err, ERROR_INPUT, "manifest %s is larger than the %d bytes allowed",
                             digest->text, IMAGE_MANIFEST_CAP);
    }
    autofree char *where = mem_printf("manifest %s", digest->text);
    automanifest m = {0};
    if (got < 0 || manifest_verify(str_text(&bytes), bytes.len, digest, size, where, err) ||
        manifest_parse(str_text(&bytes), bytes.len, type, where, &m, err))
        return -1;
    m.digest = *digest;
    *out = m;
    m = (struct manifest){0};
    return 0;
}

static int source_manifest(struct image_source *self, struct manifest *out, struct error *err)
{
    struct layout_source *s = (struct layout_source *)self;
    const struct digest *digest = &self->ref.digest;
    /* By digest it need not be listed. */
    if (digest_is_set(digest))
        return read_manifest(s->dir_fd, digest, -1, NULL, out, err)
                   ? error_wrap(err, "%s", self->ref.path)
                   : 0;
    struct descriptor d;
    if (layout_find(s->dir_fd, self->ref.tag, &d, err))
        return error_wrap(err, "%s", self->ref.path);
    int failed =
        read_manifest(s->dir_fd, &d.digest, d.size, *d.media_type ? d.media_type : NULL, out, err);
    descriptor_release(&d);
    return failed ? error_wrap(err, "%s", self->ref.path) : 0;
}

static int source_manifest_at(struct image_source *self, const struct descriptor *descriptor,
                              struct manifest *out, struct error *err)
{
    struct layout_source *s = (struct layout_source *)self;
    return read_manifest(s->dir_fd, &descriptor->digest, descriptor->size, NULL, out, err)
               ? error_wrap(err, "%s", self->ref.path)
               : 0;
}

static int source_blob(struct image_source *self, const struct descriptor *descriptor,
                       struct source **out, struct error *err)
{
    struct layout_source *s = (struct layout_source *)self;
    return layout_open_blob(s->dir_fd, &descriptor->digest, out, err)
               ? error_wrap(err, "%s", self->ref.path)
               : 0;
}

static void source_close_layout(struct image_source *self)
{
    struct layout_source *s = (struct layout_source *)self;
    close(s->dir_fd);
    image_source_release(self);
    free(s);
}

static const struct image_source_ops source_ops = {
    .manifest = source_manifest,
    .manifest_at = source_manifest_at,
    .blob = source_blob,
    .close = source_close_layout,
};

static struct image_source *source_new(const struct reference *ref,
                                       const struct transport_options *options, int dir_fd)
{
    struct layout_source *s = mem_zalloc(1, sizeof *s);
    image_source_init(&s->source, &source_ops, ref, options);
    s->dir_fd = dir_fd;
    return &s->source;
}

int layout_source_open(const struct reference *ref, const struct transport_options *options,
                       struct image_source **out, struct error *err)
{
    autoclose int fd = open(ref->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno == ENOENT ? ERROR_MISSING : ERROR_INPUT, "open %s",
                           ref->path);
    if (faccessat(fd, "oci-layout", F_OK, 0))
        return error_set(err, ERROR_INPUT, "%s is no OCI image layout: it has no oci-layout file",
                         ref->path);
    *out = source_new(ref, options, take_fd(&fd));
    return 0;
}

int image_load(int dir_fd, const char *name, const struct platform *wanted, struct image *out,
               struct error *err)
{
    struct reference ref = {
        .transport = REFERENCE_OCI_LAYOUT,
        .path = (char *)"the store's layout",
        .tag = (char *)name,
    };
    if (name && (str_starts(name, "sha256:") || str_starts(name, "sha512:"))) {
        if (digest_parse(name, &ref.digest, err))
            return -1;
        ref.tag = NULL;
    }
    int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "open the store's layout");
    struct image_source *source = source_new(&ref, NULL, fd);
    int failed = image_source_image(source, wanted, !wanted, out, err);
    image_source_close(source);
    return failed;
}

/* A target that was not there is made beside its place and renamed at the end, so that a failed
 * copy leaves nothing; in one that was, index.json changes last. */
struct layout_target {
    struct image_target target;
    int dir_fd;
    char *beside; /* NULL: the layout was there */
    struct pending_tags pending;
};

static int target_has_blob(struct image_target *self, const struct descriptor *descriptor,
                           struct error *err)
{
    (void)err;
    struct layout_target *t = (struct layout_target *)self;
    return layout_has_blob(t->dir_fd, &descriptor->digest, descriptor->size);
}

static int target_put_blob(struct image_target *self, const struct descriptor *descriptor,
                           int (*open_blob)(void *context, struct source **out, struct error *err),
                           void *context, struct error *err)
{
    struct layout_target *t = (struct layout_target *)self;
    autosource *blob = NULL;
    autosink *sink = NULL;
    return open_blob(context, &blob, err) ||
                   layout_new_blob(t->dir_fd, &descriptor->digest, &sink, err) ||
                   stream_copy(blob, sink, NULL, err) || sink_finish(sink, err)
               ? -1
               : 0;
}

static int target_put_manifest(struct image_target *self, const struct manifest *manifest,
                               const char *tag, struct error *err)
{
    struct layout_target *t = (struct layout_target *)self;
    if (layout_put_blob(t->dir_fd, &manifest->digest, manifest->bytes, manifest->size, err))
        return -1;
    pending_tags_add(&t->pending, manifest, tag);
    return 0;
}

static int list_manifest(void *context, const struct pending_tag *entry, struct error *err)
{
    struct layout_target *t = context;
    return layout_put_manifest(t->dir_fd, &entry->manifest, entry->tag, NULL, err);
}

static int target_finish(struct image_target *self, struct error *err)
{
    struct layout_target *t = (struct layout_target *)self;
    if (pending_tags_each(&t->pending, list_manifest, t, err))
        return error_wrap(err, "%s", self->ref.path);
    if (!t->beside)
        return 0;
    if (io_rename(AT_FDCWD, t->beside, AT_FDCWD, self->ref.path))
        return error_errno(err, ERROR_HOST, "make %s", self->ref.path);
    free(take(&t->beside));
    return 0;
}

static void remove_beside(const char *beside)
{
    autoerror err = ERROR_INIT;
    if (beside && path_remove_tree(AT_FDCWD, beside, &err))
        error_ignore(&err, "the copy has failed already, and that is what is told");
}

static void target_close(struct image_target *self)
{
    struct layout_target *t = (struct layout_target *)self;
    close(t->dir_fd);
    remove_beside(t->beside);
    free(t->beside);
    pending_tags_release(&t->pending);
    image_target_release(self);
    free(t);
}

static const struct image_target_ops target_ops = {
    .has_blob = target_has_blob,
    .put_blob = target_put_blob,
    .put_manifest = target_put_manifest,
    .finish = target_finish,
    .close = target_close,
};

/* "a/b/" -> "a/b.new-…": a trailing slash must not put it inside. */
static int make_beside(const char *path, char **beside, struct error *err)
{
    autofree char *clean = path_clean(path);
    autofree char *parent = path_dir(clean);
    char unique[17];
    io_random_name(unique);
    autofree char *name = mem_printf("%s.new-%s", clean, unique);
    if (path_make_dirs(parent, err))
        return -1;
    if (mkdir(name, 0755))
        return error_errno(err, ERROR_HOST, "make directory %s", name);
    *beside = take(&name);
    return 0;
}

int layout_target_open(const struct reference *ref, const struct transport_options *options,
                       struct image_target **out, struct error *err)
{
    autofree char *beside = NULL;
    autoclose int fd = open(ref->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        if (make_beside(ref->path, &beside, err))
            return -1;
        fd = open(beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0 || layout_init(fd, err)) {
        int failed = fd < 0 ? error_errno(err, ERROR_HOST, "open %s", ref->path)
                            : error_wrap(err, "%s", ref->path);
        remove_beside(beside);
        return failed;
    }
    struct layout_target *t = mem_zalloc(1, sizeof *t);
    image_target_init(&t->target, &target_ops, ref, options);
    t->dir_fd = take_fd(&fd);
    t->beside = take(&beside);
    *out = &t->target;
    return 0;
}
