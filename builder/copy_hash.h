/* The content digest of what a COPY takes: names, modes, symlink targets and bytes; not times, and
 * owners only where they are kept. */
#ifndef BUILDER_COPY_HASH_H
#define BUILDER_COPY_HASH_H

#include "copy_list.h"
#include "file_hashes.h"

#include <base/digest.h>
#include <base/pool.h>

/* Hash the list. memory (may be NULL) knows the files that haven't changed; the others are read, in
 * parallel on the pool. */
int copy_hash(struct copy_list *list, const struct copy_tree *tree, struct file_hashes *memory,
              struct pool *pool, struct digest *out, struct error *err);

#endif
