/* A compressed stream as its plain bytes, whatever it is compressed with (gzip, bzip2, xz, lzma,
 * zstd, lz4, compress): what libarchive reads. */
#ifndef BUILDER_ARCHIVE_STREAM_H
#define BUILDER_ARCHIVE_STREAM_H

#include <base/error.h>
#include <base/stream.h>

#include <stdbool.h>
#include <stddef.h>

/* Do these first bytes (512, or as many as there are) look like a tar, or like something
 * compressed? */
bool archive_stream_recognise(const void *head, size_t n);
/* The plain bytes of inner (which it owns then); what is compressed no way comes as it is.
 * ERROR_INPUT where the stream is broken. */
int archive_stream_new(struct source *inner, struct source **out, struct error *err);

#endif
