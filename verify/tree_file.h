/* Checks of files, evaluated on an image's view instead of an unpacked root. */
#ifndef VERIFY_TREE_FILE_H
#define VERIFY_TREE_FILE_H

#include "image_view.h"
#include "rules.h"

#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

/* The nodes that a rule is about: an array that the caller frees, of *count. */
const struct tree_node **tree_file_nodes(const struct image_view *view,
                                         const struct file_rule *rule, size_t *count);
/* As file_rule_holds. Contents that are asked for must be in the nodes' facts. *node gets the one
 * that is wrong, where there is one. */
bool tree_file_holds(const struct image_view *view, const struct file_rule *rule,
                     struct str *detail, const struct tree_node **node);

#endif
