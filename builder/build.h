/* From a Dockerfile and a context to an image in the store: walks the stages that the target needs,
 * asks the cache, runs what isn't there, and commits config and manifest. */
#ifndef BUILDER_BUILD_H
#define BUILDER_BUILD_H

#include "build_layer.h"
#include "cache_entries.h"
#include "cache_import.h"
#include "dockerfile.h"
#include "named_contexts.h"

#include <base/error.h>
#include <base/progress.h>
#include <base/str.h>
#include <registry/image.h>
#include <registry/transport.h>
#include <rootfs/emulation.h>
#include <rootfs/sandbox.h>
#include <rootfs/store.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secrets;
struct ssh_sources;

/* Everything is borrowed for the call. */
struct build_options {
    const struct dockerfile *dockerfile;
    const char *dockerfile_path;           /* for DOCKERFILE.dockerignore; NULL: none */
    const char *context;                   /* directory; NULL: an empty one */
    bool context_fetched;                  /* it came from elsewhere: see context.h */
    const struct strv *build_args;         /* "K=V" */
    const struct named_contexts *contexts; /* of --build-context; or NULL */
    const struct strv *labels;             /* "K=V", over the Dockerfile's */
    const struct strv *annotations;        /* see annotations.h */
    const char *target;                    /* NULL: the last stage */
    struct platform platform;
    const char *label; /* for progress, where several are built: "linux/arm64"; NULL: none */
    struct compression compression;
    bool no_cache, pull;
    bool debug_shell; /* a shell where a RUN failed; standard input and error are a terminal */
    const struct strv *no_cache_filter;  /* names of stages whose steps run anew; or NULL */
    const struct cache_imports *imports; /* caches to ask beside our own; or NULL */
    bool gather_cache, gather_all;       /* fill the result's cache: of the image, of all stages */
    bool inline_cache;                   /* put the image's part of it into its config */
    int64_t source_date_epoch;           /* -1: none */
    enum sandbox_network network;
    const struct strv *add_hosts;
    const struct secrets *secrets;           /* --secret, or NULL */
    const struct ssh_sources *ssh;           /* --ssh, or NULL */
    bool allow_insecure, allow_host_network; /* --allow */
    int64_t shm_size;
    struct limiter *limiter; /* NULL: no limits */
    struct limits limits;
    const struct sandbox_rlimit *rlimits;
    size_t rlimit_count;
    int ca_bundle_fd;      /* -1: none */
    const char *ca_bundle; /* where ADD's downloads find it; NULL: the system's */
    int cancel_fd;         /* see sandbox.h */
    struct emulators *emulators;
    struct store *store;
    struct pool *pool;
    struct progress *progress;
    const struct transport_options *transport;
};

/* What was built; released with image_release and free. */
struct build_result {
    struct image image;         /* its blobs, config and manifest are in the store's layout */
    char *base_reference;       /* FROM's image of the target, or NULL */
    size_t base_layers;         /* of the image's layers, that image's own */
    struct cache_entries cache; /* of all steps */
    size_t steps, cached;       /* that could have been, and were, answered from the cache */
};

/* ERROR_INPUT with the Dockerfile's place; ERROR_STEP where a step fails. Whatever came: layers
 * that were finished are kept for the next build, and nothing else remains. */
int build_image(const struct build_options *options, struct build_result *out, struct error *err);
void build_result_release(struct build_result *result);

#endif
