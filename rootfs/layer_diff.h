/* An overlay's upper directory as a layer's tar stream: a sorted walk; whiteouts and
 * opaque directories become .wh. entries; hard links, xattrs, file
 * capabilities and nanosecond times are kept; sockets are left out. OCI image-spec, layer.md. */
#ifndef ROOTFS_LAYER_DIFF_H
#define ROOTFS_LAYER_DIFF_H

#include "owner.h"
#include "whiteout.h"

#include <base/error.h>
#include <base/stream.h>

#include <stdbool.h>
#include <stdint.h>

struct layer_diff_options {
    const char *const
        *skip;     /* NULL-terminated paths without leading slash that are not the step's doing */
    int64_t clamp; /* see layer_tar_new; -1: none */
    bool limited;  /* see layer_tar_limit */
    struct owners *owners;   /* how owners are kept */
    enum whiteout_form form; /* of the directory */
    /* For a root that is taken out of its image: a directory that everything comes below (it gets
     * an entry too), or NULL; and whether everything is to be 0:0. */
    const char *prefix;
    bool no_owners;
};

struct layer_diff_stats {
    uint64_t entries;
    uint64_t bytes;    /* of file content */
    uint64_t left_out; /* sockets */
};

/* True where the upper directory holds nothing but what is skipped: then the step made no layer. */
int layer_diff_empty(int upper_fd, const struct layer_diff_options *options, bool *empty,
                     struct error *err);
int layer_diff(int upper_fd, const struct layer_diff_options *options, struct sink *to,
               struct layer_diff_stats *stats, struct error *err);
/* The same entries into a tar that the caller has begun and ends: clamp is that tar's own. */
struct layer_tar;
int layer_diff_into(int upper_fd, const struct layer_diff_options *options, struct layer_tar *tar,
                    struct layer_diff_stats *stats, struct error *err);

#endif
