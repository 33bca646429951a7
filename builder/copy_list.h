/* What a COPY takes: its sources found in a tree (the build context, a stage, an image), walked in
 * order, with .dockerignore and --exclude applied. Nothing is read but directories and symlinks. */
#ifndef BUILDER_COPY_LIST_H
#define BUILDER_COPY_LIST_H

#include "ignore.h"

#include <base/error.h>
#include <base/str.h>
#include <rootfs/owner.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Where files are taken from. Borrowed. */
struct copy_tree {
    int root_fd;                 /* everything is resolved beneath it */
    const struct ignore *ignore; /* .dockerignore, or NULL */
    bool keep_xattrs;            /* an image's: file capabilities and the like are kept */
    struct owners *owners;       /* how an image's owners are kept; NULL: by the kernel */
    const char *what;            /* for messages: "the build context" */
};

struct copy_file {
    char *path; /* in the tree, no leading slash; "" is the root */
    /* Below the destination: "" for a directory source itself, a file's own name. The end of path.
     */
    const char *name;
    bool single; /* a source that is no directory: the destination may be its new name */
    bool parent; /* a directory that was not asked for itself, but holds what was */
    struct stat st;
    char *link;             /* a symlink's target */
    size_t same_as;         /* index of the first item with this inode (a hard link), or SIZE_MAX */
    unsigned char hash[32]; /* of a regular file's content; see copy_hash */
};

/* What one source, or one name that its pattern matched, means. */
struct copy_match {
    size_t first, count; /* its items */
    bool directory;
    char *path; /* in the tree, without leading slash */
    char *name; /* its own, before symlinks were followed */
};

struct copy_list {
    struct copy_file *items; /* each match's in order: parents first, names bytewise */
    size_t count, cap;
    struct copy_match *matches;
    size_t match_count, match_cap;
};

/* Which of a directory source's content is taken, by paths below it; either may be NULL. */
struct copy_filter {
    const struct ignore *include; /* --parents */
    const struct ignore *exclude; /* --exclude */
};

/* Add what one source pattern (Go's path.Match; symlinks of the source itself are followed within
 * the tree) means. A pattern that matches nothing adds nothing. ERROR_INPUT: a path that isn't
 * there, or a malformed pattern. */
int copy_list_add(struct copy_list *list, const struct copy_tree *tree, const char *pattern,
                  const struct copy_filter *filter, struct error *err);
/* The same of COPY --parents: a source's part behind "/./" (or all of it) with its directories. */
int copy_list_add_parents(struct copy_list *list, const struct copy_tree *tree, const char *pattern,
                          const struct ignore *exclude, struct error *err);
void copy_list_release(struct copy_list *list);
#define autocopylist __attribute__((cleanup(copy_list_release))) struct copy_list

#endif
