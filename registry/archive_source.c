/* OCI archives (a tar of a layout) as source of images, and the opening of both kinds. */
#include "docker_archive.h"
#include "layout_index.h"
#include "tar_file.h"
#include "transport_ops.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

struct oci_archive {
    struct image_source source;
    struct tar_file *tar;
};

static int read_manifest(const struct oci_archive *s, const struct digest *digest, const char *type,
                         struct manifest *out, struct error *err)
{
    autostr bytes = STR_INIT;
    autofree char *name = layout_blob_name(digest);
    autofree char *where = mem_printf("%s: manifest %s", s->source.ref.path, digest->text);
    automanifest m = {0};
    if (tar_file_read(s->tar, name, IMAGE_MANIFEST_CAP, &bytes, err) ||
        manifest_verify(str_text(&bytes), bytes.len, digest, -1, where, err) ||
        manifest_parse(str_text(&bytes), bytes.len, type, where, &m, err))
        return -1;
    m.digest = *digest;
    *out = m;
    m = (struct manifest){0};
    return 0;
}

static int oci_manifest(struct image_source *self, struct manifest *out, struct error *err)
{
    struct oci_archive *s = (struct oci_archive *)self;
    if (digest_is_set(&self->ref.digest))
        return read_manifest(s, &self->ref.digest, NULL, out, err);
    autostr text = STR_INIT;
    autojson *index = NULL;
    struct descriptor d;
    if (tar_file_read(s->tar, "index.json", IMAGE_MANIFEST_CAP, &text, err) ||
        json_parse_received(str_text(&text), text.len, "index.json", &index, err) ||
        layout_index_find(index, self->ref.tag, self->ref.path, &d, err))
        return -1;
    int failed = read_manifest(s, &d.digest, *d.media_type ? d.media_type : NULL, out, err);
    descriptor_release(&d);
    return failed;
}

static int oci_manifest_at(struct image_source *self, const struct descriptor *descriptor,
                           struct manifest *out, struct error *err)
{
    return read_manifest((struct oci_archive *)self, &descriptor->digest, NULL, out, err);
}

static int oci_blob(struct image_source *self, const struct descriptor *descriptor,
                    struct source **out, struct error *err)
{
    struct oci_archive *s = (struct oci_archive *)self;
    autofree char *name = layout_blob_name(&descriptor->digest);
    return tar_file_source(s->tar, name, out, err);
}

static void oci_close(struct image_source *self)
{
    struct oci_archive *s = (struct oci_archive *)self;
    tar_file_close(s->tar);
    image_source_release(self);
    free(s);
}

static const struct image_source_ops oci_ops = {
    .manifest = oci_manifest,
    .manifest_at = oci_manifest_at,
    .blob = oci_blob,
    .close = oci_close,
};

int archive_source_open(const struct reference *ref, const struct transport_options *options,
                        struct image_source **out, struct error *err)
{
    struct tar_file *tar;
    if (tar_file_open(ref->path, &tar, err))
        return -1;
    if (ref->transport == REFERENCE_DOCKER_ARCHIVE)
        return docker_source_new(tar, ref, options, out, err);
    if (tar_file_size(tar, "oci-layout") < 0) {
        tar_file_close(tar);
        error_set(err, ERROR_INPUT, "%s is no OCI archive: it has no oci-layout", ref->path);
        return error_hint(err, "what docker save writes is named as docker-archive:%s", ref->path);
    }
    struct oci_archive *s = mem_zalloc(1, sizeof *s);
    image_source_init(&s->source, &oci_ops, ref, options);
    s->tar = tar;
    *out = &s->source;
    return 0;
}
