/* Layer blame: which layer wrote (or deleted) a file, and which instruction made that layer.
 *
 * The history of a config (OCI image-spec, config.md, "history") has an entry for each instruction;
 * those that are not marked empty_layer are the layers, in order. Builders word them differently:
 * BuildKit "RUN /bin/sh -c make # buildkit", Docker's old builder and buildah "/bin/sh -c make" and
 * "/bin/sh -c #(nop) COPY …", ours the instruction as the Dockerfile has it. */
#ifndef VERIFY_BLAME_H
#define VERIFY_BLAME_H

#include "result.h"

#include <base/json.h>
#include <base/stream.h>

enum { BLAMES_MAX = 10 /* of one verdict */ };

/* The layers of an image as blame names them. */
struct blame_layers {
    struct blame_layer {
        struct digest digest;
        char *created_by; /* "" where the history does not say */
    } * items;            /* lowest first */
    size_t count;
};

/* config: an image's. layers: as many as count. A history that has another number of layers than
 * the image says nothing. */
void blame_layers_init(struct blame_layers *out, const json_t *config, const struct layer *layers,
                       size_t count);
void blame_layers_release(struct blame_layers *layers);

/* The instruction as a Dockerfile would have it, from what any builder left in created_by. The
 * caller frees it. */
char *blame_instruction(const char *created_by) __attribute__((returns_nonnull));

/* Add the layer of this index (0: the lowest) to a verdict, unless there are BLAMES_MAX, or that
 * path is there already. */
void blame_add(struct check_result *r, const struct blame_layers *layers, size_t index,
               const char *path, bool deleted);
/* Find the layer of a path among unpacked layers (directories, lowest first) and add it: the
 * topmost that has it or deletes it. path is resolved in root_fd, the merged view; nothing is added
 * where no layer has it. */
void blame_find(struct check_result *r, const struct blame_layers *layers, int root_fd,
                const int *layer_fds, const char *path);

#endif
