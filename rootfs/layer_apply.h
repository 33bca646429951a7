/* A layer's tar stream as a directory that can be an overlay's lowerdir. OCI image-spec, layer.md.
 *
 * Two threads: [read, inflate] and [hash, parse, write]. Paths beneath the directory only, by
 * descriptors; whiteouts and opaque directories take the form that is wanted; hard links, xattrs
 * and file capabilities, sparse files, nanosecond times, entries in any order. A layer may not
 * replace the root itself, escape it, or hold more than the caps allow (entries, depth, metadata).
 */
#ifndef ROOTFS_LAYER_APPLY_H
#define ROOTFS_LAYER_APPLY_H

#include "owner.h"
#include "whiteout.h"

#include <base/digest.h>
#include <base/error.h>
#include <base/stream.h>

struct layer_apply_options {
    const char *what;        /* for messages: "layer sha256:…" */
    bool device_nodes;       /* make device nodes (else they are left out, and it is said) */
    struct owners *owners;   /* how owners are kept */
    enum whiteout_form form; /* how to say what is deleted */
};

/* Unpack blob (compressed as it comes; to its end) into the empty directory dir_fd. *diff_id gets
 * the digest of the uncompressed tar; the caller compares and decides whether the directory is to
 * be kept. */
int layer_apply(int dir_fd, struct source *blob, const struct layer_apply_options *options,
                struct digest *diff_id, struct error *err);

#endif
