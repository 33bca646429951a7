/* A tar file as a list of named ranges of bytes, so that its members are read in place and in any
 * order, by several threads, without unpacking. Private.
 *
 * No name in the archive ever meets the file system: names are compared with names, links within
 * the archive are followed by text alone. A compressed archive is first inflated into a file
 * without a name. Caps: 100,000 members, 1 MiB of metadata a member (libarchive's own), inflation
 * to 200 times the size. */
#ifndef REGISTRY_TAR_FILE_H
#define REGISTRY_TAR_FILE_H

#include <base/error.h>
#include <base/str.h>
#include <base/stream.h>

#include <stdbool.h>
#include <stdint.h>

struct tar_file;

/* ERROR_MISSING, ERROR_INPUT. */
int tar_file_open(const char *path, struct tar_file **out, struct error *err);
void tar_file_close(struct tar_file *tar);
/* The size of a regular member (through links), or -1 where there is none of that name. */
int64_t tar_file_size(const struct tar_file *tar, const char *name);
/* Its bytes; the source must be closed before the file. ERROR_MISSING. */
int tar_file_source(const struct tar_file *tar, const char *name, struct source **out,
                    struct error *err);
/* A small member whole; larger than cap is ERROR_INPUT. */
int tar_file_read(const struct tar_file *tar, const char *name, size_t cap, struct str *out,
                  struct error *err);

enum tar_compression { TAR_PLAIN, TAR_GZIP, TAR_ZSTD, TAR_OTHER };
/* What a blob's first bytes say it is. */
enum tar_compression tar_compression_of(const unsigned char *bytes, size_t n);

#endif
