/* Where images are: one interface over registries, OCI layouts, OCI archives and docker archives.
 *
 * `image_source` reads, `image_target` writes; both are opened from a reference. A source may be
 * used from several threads at once; a target's blobs too. */
#ifndef REGISTRY_TRANSPORT_H
#define REGISTRY_TRANSPORT_H

#include "image.h"
#include "rate_budgets.h"
#include "reference.h"

#include <base/error.h>
#include <base/progress.h>
#include <base/stream.h>

#include <stdbool.h>

/* What talking to registries needs; owned by the caller, outlives what is opened with it.
 * Zero-initialised it means: credentials from the usual files and variables, system CAs.
 *
 * What registries.conf says of mirrors, locations, blocked and insecure registries and aliases, and
 * the certificates of certs.d, hold in any case. */
struct transport_options {
    const char *const *insecure_hosts; /* NULL-terminated: may speak plain HTTP or unverified TLS */
    const char *tls_ca;                /* a further CA bundle file, or NULL */
    const char *user, *password;       /* beat every file; or NULL */
    unsigned jobs;                     /* blobs in flight at once; 0: 4 */
    struct progress *progress;         /* or NULL */
    const _Atomic bool *cancel;        /* true: give up soon, with ERROR_INTERRUPTED; or NULL */
    struct rate_budgets *budgets;      /* shared by all that is opened; NULL: each has its own */
};

struct image_source;
struct image_target;

/* ERROR_MISSING where a file is not there; a registry is first spoken to when asked for something.
 */
int image_source_open(const struct reference *ref, const struct transport_options *options,
                      struct image_source **out, struct error *err);
void image_source_close(struct image_source *source);
/* The manifest or index that the reference names. Its digest was checked where the reference has
 * one. */
int image_source_manifest(struct image_source *source, struct manifest *out, struct error *err);
/* That manifest's digest alone, as cheaply as can be (a HEAD). */
int image_source_digest(struct image_source *source, struct digest *out, struct error *err);
/* A manifest named by an index's descriptor. */
int image_source_manifest_at(struct image_source *source, const struct descriptor *descriptor,
                             struct manifest *out, struct error *err);
/* The image for this platform: manifest (through an index where there is one) and config. wanted
 * NULL: the host's platform. A single manifest for another platform is ERROR_INPUT unless
 * any_platform. */
int image_source_image(struct image_source *source, const struct platform *wanted,
                       bool any_platform, struct image *out, struct error *err);
/* The same from what image_source_manifest gave (which stays the caller's). */
int image_source_image_from(struct image_source *source, const struct manifest *root,
                            const struct platform *wanted, bool any_platform, struct image *out,
                            struct error *err);
/* A blob's bytes, verified: see source_verified. */
int image_source_blob(struct image_source *source, const struct descriptor *descriptor,
                      struct source **out, struct error *err);

int image_target_open(const struct reference *ref, const struct transport_options *options,
                      struct image_target **out, struct error *err);
void image_target_close(struct image_target *target);
/* 1 where the target has the blob, 0 where not, -1 on error. */
int image_target_has_blob(struct image_target *target, const struct descriptor *descriptor,
                          struct error *err);
/* Try to have the registry mount the blob from another repository of its own: 1 done, 0 not
 * possible. */
int image_target_mount_blob(struct image_target *target, const struct descriptor *descriptor,
                            const struct reference *from, struct error *err);
/* Store a blob. open_blob gives a fresh source for every try; context is handed to it. */
int image_target_put_blob(struct image_target *target, const struct descriptor *descriptor,
                          int (*open_blob)(void *context, struct source **out, struct error *err),
                          void *context, struct error *err);
/* Store a manifest or index under its digest, and under tag where that is not NULL. */
int image_target_put_manifest(struct image_target *target, const struct manifest *manifest,
                              const char *tag, struct error *err);
/* Everything was stored: write what an archive or layout needs at its end. Nothing is visible
 * before. */
int image_target_finish(struct image_target *target, struct error *err);

#endif
