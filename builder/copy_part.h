/* One source of a COPY or ADD: files of the context or a stage, a heredoc, a download, a git
 * repository. Looked at for the cache key, and carried out on a plan where the key isn't known. */
#ifndef BUILDER_COPY_PART_H
#define BUILDER_COPY_PART_H

#include "build_session.h"
#include "copy_apply.h"
#include "copy_plan.h"

/* What all sources of one instruction share. Borrowed. */
struct copy_shared {
    struct step *step;
    struct copy_tree tree;            /* of --from, or the context; opened before copy_part_apply */
    struct file_hashes *memory;       /* of a context's files; or NULL */
    bool from_stage;                  /* its files are known by the stage's key, and listed late */
    const struct ignore *exclude;     /* --exclude, or NULL */
    const struct copy_target *target; /* contents_only aside */
    bool parents;
    bool unpack_files, unpack_downloads; /* archives */
    bool keep_git_dir, keep_git_dir_given;
    const char *checksum; /* --checksum, or NULL */
};

struct copy_part;

/* Source number `index` of the instruction: its kind, and what the key needs of it; URLs are
 * fetched now, repositories asked for their commit. *out: the caller frees. ERROR_INPUT and others,
 * with the source's place. */
int copy_part_look(const struct copy_shared *shared, size_t index, struct copy_part **out,
                   struct error *err);
/* Does it come after all that are of the other sort? (Heredocs are copied last.) */
bool copy_part_is_document(const struct copy_part *part);
void copy_part_key(const struct copy_part *part, struct cache_key *key);
/* Do it. The part outlives the plan. */
int copy_part_apply(struct copy_part *part, struct copy_plan *plan, struct error *err);
void copy_part_free(struct copy_part *part); /* NULL is fine */

#endif
