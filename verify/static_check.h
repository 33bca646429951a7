/* Static checks: what can be said of an image without running anything, and so on any architecture.
 *
 * Each is a function of the image's files, merged from its layers with what is known of their
 * content, and its config. A problem names the file's layer. */
#ifndef VERIFY_STATIC_CHECK_H
#define VERIFY_STATIC_CHECK_H

#include "blame.h"
#include "image_tree.h"
#include "static_rule.h"

#include <base/error.h>
#include <base/json.h>
#include <registry/platform.h>

/* An image that is looked at; everything is borrowed. */
struct static_image {
    const struct image_tree *tree;
    const struct tree_node **nodes; /* image_tree_sorted's */
    const json_t *config;
    const struct platform *platform;
    const struct blame_layers *layers;
    const char *tag;    /* that the reference has; NULL: none */
    bool dev;           /* the variant */
    const char *driver; /* the host's NVIDIA driver, as "550.54.14"; NULL: none */
};

/* Evaluate one check: verdict, detail and blames. */
void static_check(const struct static_image *image, const struct static_rule *rule,
                  struct check_result *out);

#endif
