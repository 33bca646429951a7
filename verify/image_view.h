/* An image's files as static checks see them: its layers scanned side by side, and merged. */
#ifndef VERIFY_IMAGE_VIEW_H
#define VERIFY_IMAGE_VIEW_H

#include "image_tree.h"
#include "inventory.h"

#include <base/pool.h>
#include <base/progress.h>
#include <registry/transport.h>

struct image_view {
    struct image_tree *tree;
    const struct tree_node **nodes; /* image_tree_sorted's */
};

/* Of unpacked layers (directories, lowest first). */
int image_view_unpacked(const int *layer_fds, size_t n, const struct inventory_form *form,
                        struct pool *pool, struct image_view *out, struct error *err);
/* Of the layers' tar streams, of which nothing is unpacked or kept. */
int image_view_streamed(struct image_source *source, const struct image *image, struct pool *pool,
                        struct progress *progress, struct image_view *out, struct error *err);
/* Read files' contents into their facts, as far as they are not there: `wanted` (count of them) are
 * nodes of the view. A layer's stream is read again only where one of them is from it. */
int image_view_contents(const struct image_view *view, struct image_source *source,
                        const struct image *image, const struct tree_node *const *wanted,
                        size_t count, struct error *err);
void image_view_release(struct image_view *view);

#endif
