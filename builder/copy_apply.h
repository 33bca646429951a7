/* Carrying out a COPY on a plan, as BuildKit's copier does it on a file system, one matched source
 * after the other. */
#ifndef BUILDER_COPY_APPLY_H
#define BUILDER_COPY_APPLY_H

#include "copy_list.h"
#include "copy_mode.h"
#include "copy_plan.h"

#include <base/error.h>

#include <stdbool.h>
#include <stdint.h>

struct copy_target {
    const char *destination; /* absolute; a trailing slash (or "/.") means a directory */
    uint32_t uid, gid;       /* of everything copied, and of directories that had to be made */
    bool has_owner;          /* --chown was given */
    bool keep_owner; /* what is copied keeps its own: an image's files without --chown. What had to
                        be made is then root's */
    const struct copy_mode *mode; /* --chmod, or NULL */
    /* A source that is a directory gives its content alone (a build context's or a stage's). Else
     * also what it is itself, where the destination isn't there: a repository's, a download's. */
    bool contents_only;
};

/* Copy what is listed. list and tree outlive the plan. ERROR_INPUT: a directory over a file, or the
 * reverse. */
int copy_apply(struct copy_plan *plan, const struct copy_list *list, const struct copy_tree *tree,
               const struct copy_target *target, struct error *err);
/* The same for one of the list's matches. */
int copy_apply_match(struct copy_plan *plan, const struct copy_list *list, size_t match,
                     const struct copy_tree *tree, const struct copy_target *target,
                     struct error *err);

/* The directory of an absolute path, as WORKDIR makes it. */
int copy_apply_directory(struct copy_plan *plan, const char *path, uint32_t uid, uint32_t gid,
                         struct error *err);

#endif
