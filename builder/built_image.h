/* What a build came to, as outputs, registries and reports want it: one manifest, or an index over
 * one for each platform, and their names. */
#ifndef BUILDER_BUILT_IMAGE_H
#define BUILDER_BUILT_IMAGE_H

#include <base/digest.h>
#include <base/str.h>
#include <registry/image.h>

#include <stddef.h>
#include <stdint.h>

struct built_platform {
    struct digest digest, config_digest; /* of its manifest */
    struct platform platform;
    int64_t size;               /* layers and config, compressed */
    size_t layers, base_layers; /* the base's are the lowest */
    struct strv references;     /* full names of this manifest alone, "ghcr.io/o/n:linux-arm64" */
};

/* Owned; release it. */
struct built_image {
    struct digest digest; /* of the index, or of the one manifest */
    char *media_type;
    int64_t descriptor_size; /* of the manifest's or index's bytes */
    struct strv references;  /* full names of it; where there is one platform, all of them */
    struct built_platform *platforms;
    size_t platform_count; /* at least 1 */
};

void built_image_release(struct built_image *image);
void built_image_copy(const struct built_image *from, struct built_image *to);
/* Every name, platforms' first, each once. */
void built_image_names(const struct built_image *image, struct strv *out);

#endif
