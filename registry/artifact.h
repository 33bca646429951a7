/* Artifacts: files attached to an image in a registry, found again from the image (OCI image-spec
 * 1.1, manifest.md, "subject"; distribution-spec 1.1, "Referrers"). Registries without the
 * referrers API, as GHCR, keep the list under the fallback tag "sha256-HEX". */
#ifndef REGISTRY_ARTIFACT_H
#define REGISTRY_ARTIFACT_H

#include "transport.h"

#include <base/str.h>

/* The checks of an image, as imgverify reads them: one file, YAML. */
#define ARTIFACT_CHECKS "application/vnd.imgbuild.checks.v1"
#define ARTIFACT_CHECKS_FILE "application/vnd.imgbuild.checks.v1+yaml"

struct artifact_file {
    const char *name;       /* its org.opencontainers.image.title */
    const char *media_type; /* NULL: application/octet-stream */
    const void *bytes;
    size_t size;
};

/* Attach n files (at least one) as one artifact of this type to the image, or index, that subject
 * names in a registry. Where an artifact of the same type has the same files already, nothing is
 * sent. digest (may be NULL) gets the artifact's. ERROR_USAGE where subject names no registry,
 * ERROR_MISSING where there is no such image; else as a push. */
int artifact_attach(const struct reference *subject, const char *type,
                    const struct artifact_file *files, size_t n,
                    const struct transport_options *options, struct digest *digest,
                    struct error *err);

struct artifact {
    struct descriptor manifest;
    char *type;
};

struct artifacts {
    struct artifact *items;
    size_t count, cap;
};

/* What is attached to the image that subject names: of this type, or (NULL) of all. None is no
 * error, nor is an image of a file. */
int artifact_list(const struct reference *subject, const char *type,
                  const struct transport_options *options, struct artifacts *out,
                  struct error *err);
void artifacts_release(struct artifacts *list);
#define autoartifacts __attribute__((cleanup(artifacts_release))) struct artifacts

/* The first file of the newest artifact of this type (by org.opencontainers.image.created, else the
 * last of the list), of at most cap bytes: 1 with its verified bytes in *out, 0 there is none.
 * ERROR_INPUT where it is larger. */
int artifact_find(const struct reference *subject, const char *type, size_t cap,
                  const struct transport_options *options, struct str *out, struct error *err);

#endif
