/* Manifests, indexes and configs as data. OCI image-spec 1.1 (manifest.md, image-index.md,
 * config.md, descriptor.md) and Docker's schema 2; both are read, OCI is written unless asked.
 *
 * Everything is capped (4 MiB for a manifest or a config) and checked: digests well-formed, sizes
 * not negative, mediaType equal to the Content-Type, no `manifests` beside `layers`
 * (CVE-2021-41190), as many diff_ids as layers. */
#ifndef REGISTRY_IMAGE_H
#define REGISTRY_IMAGE_H

#include "platform.h"

#include <base/digest.h>
#include <base/error.h>
#include <base/json.h>
#include <base/stream.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_INDEX "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar.gzip"

enum { IMAGE_MANIFEST_CAP = 4 * 1024 * 1024, IMAGE_CONFIG_CAP = 4 * 1024 * 1024 };

struct descriptor {
    char *media_type;
    struct digest digest;
    int64_t size;
    bool has_platform;
    struct platform platform;
    json_t *annotations; /* or NULL */
};

/* A manifest or an index, as fetched: the bytes are what its digest is of. */
struct manifest {
    char *media_type;
    struct digest digest;
    char *bytes;
    size_t size;
    bool is_index;
    struct descriptor config; /* of a manifest */
    struct descriptor *items; /* a manifest's layers, lowest first; an index's manifests */
    size_t item_count;
    json_t *annotations; /* or NULL */
};

/* One platform's image, whole but for its layers' bytes. */
struct image {
    struct manifest manifest;
    json_t *config; /* the parsed image config */
    char *config_bytes;
    size_t config_size;
    struct platform platform;
    struct layer *layers; /* lowest first; media_type points into the manifest */
    size_t layer_count;
};

/* Parse bytes (copied). media_type: the Content-Type or descriptor's type, or NULL to trust the
 * body's. where is for messages. ERROR_INPUT. */
int manifest_parse(const void *bytes, size_t size, const char *media_type, const char *where,
                   struct manifest *out, struct error *err);
void manifest_copy(const struct manifest *from, struct manifest *to);
void manifest_release(struct manifest *m);
#define automanifest __attribute__((cleanup(manifest_release))) struct manifest
/* Check bytes, before anything is made of them, against the digest (of either algorithm) and size
 * (-1: any) that were asked for. ERROR_INTEGRITY. */
int manifest_verify(const void *bytes, size_t n, const struct digest *digest, int64_t size,
                    const char *where, struct error *err);
/* The same for a manifest that is parsed; m->digest then is that digest. */
int manifest_check(struct manifest *m, const struct digest *digest, int64_t size, const char *where,
                   struct error *err);
/* The manifest of an index that is for this platform: exact first, then one that runs there;
 * attestations ("unknown/unknown") never. ERROR_MISSING lists what there is. Owned by the index. */
int manifest_select(const struct manifest *index, const struct platform *wanted, const char *where,
                    const struct descriptor **out, struct error *err);

/* Join manifest (moved in) and config bytes (copied). ERROR_INPUT. */
int image_assemble(struct manifest *manifest, const void *config, size_t config_size,
                   const char *where, struct image *out, struct error *err);
void image_release(struct image *image);
#define autoimage __attribute__((cleanup(image_release))) struct image

/* Make the bytes of a manifest, an index; members in the order of the specification, so that the
 * same input gives the same bytes. annotations may be NULL. */
void manifest_make(const struct descriptor *config, const struct descriptor *layers, size_t n,
                   json_t *annotations, bool docker_types, struct manifest *out);
void index_make(const struct descriptor *manifests, size_t n, json_t *annotations,
                bool docker_types, struct manifest *out);

/* A descriptor as it stands in a manifest or in a layout's index.json. ERROR_INPUT. */
int descriptor_parse(const json_t *json, const char *where, struct descriptor *out,
                     struct error *err);
json_t *descriptor_json(const struct descriptor *d); /* a new reference */
void descriptor_copy(const struct descriptor *from, struct descriptor *to);
void descriptor_release(struct descriptor *d);

#endif
