/* An image's files taken out of it: --output type=local and type=tar. */
#ifndef BUILDER_EXPORT_ROOT_H
#define BUILDER_EXPORT_ROOT_H

#include <base/digest.h>
#include <base/error.h>
#include <base/pool.h>
#include <rootfs/store.h>

#include <stdbool.h>
#include <stdint.h>

enum export_split {
    EXPORT_SPLIT_AUTO, /* a folder for each platform where there are several */
    EXPORT_SPLIT_YES,
    EXPORT_SPLIT_NO, /* ERROR_USAGE where there are several */
};

struct export_options {
    struct store *store; /* has the image */
    struct pool *pool;
    enum export_split split;
    bool delete_others; /* of a directory: remove what the image doesn't have */
    int64_t clamp;      /* see layer_tar_new; -1: none */
};

/* The files of the image, or of each image of the index, as a tar, with their owners. The folder of
 * a platform is called linux_arm64_v8. fd stays the caller's. */
int export_root_tar(const struct digest *image, const struct export_options *options, int fd,
                    struct error *err);
/* The same into a directory, which is made where it is not there; the files belong to whoever runs
 * this. What the directory has is replaced where the image has it too, and else kept. */
int export_root_directory(const struct digest *image, const struct export_options *options,
                          const char *path, struct error *err);

#endif
