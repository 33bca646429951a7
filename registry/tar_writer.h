/* A tar file that several threads fill at once: each member's place is given when its size is
 * known, then its bytes are written there. Private.
 *
 * POSIX ustar with sizes from 8 GiB on in base 256, as GNU and libarchive have them. Owner 0:0,
 * mode 0644, time 0: the same members in the same order give the same bytes. */
#ifndef REGISTRY_TAR_WRITER_H
#define REGISTRY_TAR_WRITER_H

#include <base/error.h>
#include <base/stream.h>

#include <stddef.h>
#include <stdint.h>

struct tar_writer;

/* Writes beside path; nothing is there until tar_writer_finish. */
int tar_writer_new(const char *path, struct tar_writer **out, struct error *err);
/* Add a member of this size (name shorter than 100 bytes); *offset is where its bytes go. Any
 * thread. */
int tar_writer_place(struct tar_writer *w, const char *name, int64_t size, int64_t *offset,
                     struct error *err);
/* Fill a place with all that source gives, which must be exactly size bytes. Any thread. */
int tar_writer_fill(struct tar_writer *w, int64_t offset, int64_t size, struct source *source,
                    struct error *err);
/* A member with these bytes. */
int tar_writer_put(struct tar_writer *w, const char *name, const void *bytes, size_t n,
                   struct error *err);
/* End the archive and rename it to its path. */
int tar_writer_finish(struct tar_writer *w, struct error *err);
/* Without finish before, nothing remains. */
void tar_writer_close(struct tar_writer *w);

#endif
