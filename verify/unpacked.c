#include "unpacked.h"

#include "directory.h"

#include <base/mem.h>

#include <stdlib.h>
#include <unistd.h>

static int open_directory(struct unpacked *out, const struct reference *ref, struct store *store,
                          const struct platform *platform, struct error *err)
{
    out->layer_fds = mem_alloc(sizeof *out->layer_fds);
    out->layer_fds[0] = -1;
    if (directory_open(ref->path, platform, &out->layer_fds[0], &out->image, err))
        return -1;
    return snapshot_new(store, out->layer_fds, 1, 0, &out->look, err);
}

int unpacked_open(struct unpacked *out, const struct reference *ref, struct store *store,
                  const struct transport_options *transport, const struct platform *platform,
                  struct error *err)
{
    if (ref->transport == REFERENCE_DIRECTORY)
        return open_directory(out, ref, store, platform, err);
    struct pull_options pull = {.transport = transport, .platform = platform, .keep_layout_fd = -1};
    if (image_pull(ref, &pull, store_layer_sink(store), &out->image, err))
        return -1;
    size_t n = out->image.layer_count;
    out->layer_fds = mem_zalloc(n + 1, sizeof *out->layer_fds);
    for (size_t i = 0; i < n; i++)
        out->layer_fds[i] = -1;
    for (size_t i = 0; i < n; i++) {
        out->layer_fds[i] = store_open_layer(store, &out->image.layers[i].diff_id, err);
        if (out->layer_fds[i] < 0)
            return -1;
    }
    return snapshot_new(store, out->layer_fds, n, 0, &out->look, err);
}

void unpacked_release(struct unpacked *u)
{
    snapshot_release(&u->look);
    for (size_t i = 0; u->layer_fds && i < u->image.layer_count; i++)
        if (u->layer_fds[i] >= 0)
            close(u->layer_fds[i]);
    free(u->layer_fds);
    image_release(&u->image);
    *u = UNPACKED_NONE;
}
