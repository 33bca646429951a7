/* A layer's entries, one after the other, as files of a directory: whatever the names say, nothing
 * outside that directory is touched. Runs under a umask of 0 that is its thread's own. */
#ifndef ROOTFS_LAYER_WRITER_H
#define ROOTFS_LAYER_WRITER_H

#include "layer_apply.h"
#include "layer_tar.h"

#include <base/error.h>

struct layer_writer;

/* dir_fd and options stay the caller's. */
struct layer_writer *layer_writer_new(int dir_fd, const struct layer_apply_options *options);
void layer_writer_free(struct layer_writer *writer);
/* The umask could not be made 0: modes are to be set, not only given. */
void layer_writer_mind_umask(struct layer_writer *writer);

/* An entry. For a regular file content may follow, in pieces at rising offsets; entry must then
 * stay until layer_writer_end. ERROR_INPUT where a layer may not hold such an entry, ERROR_HOST
 * where the host can't make it. */
int layer_writer_entry(struct layer_writer *writer, const struct layer_entry *entry,
                       struct error *err);
/* Content of an entry that makes no file is dropped. */
int layer_writer_content(struct layer_writer *writer, const void *bytes, size_t n, int64_t offset,
                         struct error *err);
/* The entry is complete: owner, mode, attributes and times. */
int layer_writer_end(struct layer_writer *writer, struct error *err);
/* All entries are there: times and special bits of directories. */
int layer_writer_finish(struct layer_writer *writer, struct error *err);

#endif
