/* ADD of an archive: tar, plain or compressed with gzip, bzip2, xz or zstd, is recognised by its
 * first bytes and unpacked, as BuildKit does it. Everything else is a file as any other. */
#ifndef BUILDER_ADD_ARCHIVE_H
#define BUILDER_ADD_ARCHIVE_H

#include "copy_plan.h"

#include <base/error.h>

#include <stdbool.h>
#include <stdint.h>

struct add_archive;

/* Does the file (read from its current offset) begin as an archive? */
bool add_archive_recognise(int fd);
/* Read it to its end: the entries are kept, contents go to files in storage_fd, which *out (or
 * the failure) closes. what is for messages. ERROR_INPUT: it is broken. Names that lead outside
 * stay inside. */
int add_archive_read(int fd, const char *what, int storage_fd, struct add_archive **out,
                     struct error *err);
void add_archive_free(struct add_archive *archive); /* NULL is fine */
/* Unpack it into the directory of that absolute path, which is made where absent. owner: who gets
 * all of it (--chown), or NULL for the archive's own. The archive outlives the plan. */
int add_archive_apply(const struct add_archive *archive, struct copy_plan *plan,
                      const char *destination, const struct copy_owner *owner, struct error *err);

#endif
