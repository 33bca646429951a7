/* An unpacked layer laid over a directory: what an overlay would show, as files. */
#ifndef ROOTFS_VIEW_MERGE_H
#define ROOTFS_VIEW_MERGE_H

#include "owner.h"

#include <base/error.h>

/* The layer is in the PLAIN form; its files are copied. ERROR_HOST. */
int view_merge(int layer_fd, int view_fd, struct owners *owners, struct error *err);

#endif
