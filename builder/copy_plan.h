/* The layer that a COPY, ADD or WORKDIR makes, before it is written: a root's paths as they will
 * be, over the image so far. Steps of a copy look, make and put here as they would in a file
 * system, so what one of them makes the next one finds; nothing is read but the image's
 * directories. */
#ifndef BUILDER_COPY_PLAN_H
#define BUILDER_COPY_PLAN_H

#include "copy_list.h"

#include <base/error.h>
#include <rootfs/layer_tar.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* A file of the layer; hard links share one. Texts are borrowed and outlive the plan. */
struct copy_node {
    mode_t mode; /* type and permissions */
    uint32_t uid, gid;
    struct timespec mtime;
    dev_t rdev;
    const char *link;                 /* a symlink's target */
    const struct copy_tree *tree;     /* what content and attributes come from; NULL: none */
    const char *source;               /* the path there */
    int64_t size;                     /* that is expected of a regular file */
    const struct layer_xattr *xattrs; /* beside the tree's; sorted */
    size_t xattr_count;
    bool in_image;       /* a directory that is there already: its content is merged */
    const char *written; /* where in the layer its content stands; set while writing */
};

/* Paths are without leading slash, clean, "" for the root, and already resolved. */
struct copy_plan;

/* image: what is there so far (copied; its root_fd, -1 for an empty root, is the caller's). now: of
 * what the build itself makes. */
struct copy_plan *copy_plan_new(const struct copy_tree *image, struct timespec now);
void copy_plan_free(struct copy_plan *plan); /* NULL is fine */

enum copy_kind { COPY_ABSENT, COPY_FILE, COPY_DIRECTORY, COPY_SYMLINK };
/* What is at this path. *link (may be NULL): a symlink's target, which the caller frees. */
int copy_plan_look(struct copy_plan *plan, const char *path, enum copy_kind *kind, char **link,
                   struct error *err);
/* Where a path leads that symlinks are followed in, dangling ones too; ".." and absolute ones stay
 * within base. *out: the caller frees. ERROR_INPUT: a file in the middle, or a loop. */
int copy_plan_resolve(struct copy_plan *plan, const char *base, const char *path, char **out,
                      struct error *err);
/* Make a directory and its missing parents, each with these. ERROR_INPUT where something else is in
 * the way. */
struct copy_owner {
    mode_t mode;
    uint32_t uid, gid;
};
int copy_plan_make(struct copy_plan *plan, const char *path, const struct copy_owner *owner,
                   struct error *err);
/* The directory at path, there already or made, to be changed; owned by the plan and good until the
 * next call. NULL with *err. */
struct copy_node *copy_plan_directory(struct copy_plan *plan, const char *path, struct error *err);
/* A new file, or directory, at path, whose parent is there; what was there goes. */
struct copy_node *copy_plan_put(struct copy_plan *plan, const char *path, struct error *err);
/* A further name of the file at `target`. ERROR_INPUT where that isn't one. */
int copy_plan_link(struct copy_plan *plan, const char *path, const char *target, struct error *err);

/* Write all of it, sorted. Does not finish the tar. */
int copy_plan_write(struct copy_plan *plan, struct layer_tar *tar, struct error *err);

#endif
