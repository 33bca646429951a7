/* Where registry and rootfs meet: a source gives bytes, a sink takes them, a layer sink takes whole
 * layers. None of them is shared between threads unless its maker says so. */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include "digest.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Embedded as the first member of whatever implements it. */
struct source {
    /* Up to n bytes (at least one unless at the end); 0 at the end, -1 on error. A source that
     * checks a digest or a size returns 0 only after the check passed, and -1 where it did not:
     * bytes handed out before are unverified until then. */
    ssize_t (*read)(struct source *self, void *buffer, size_t n, struct error *err);
    void (*close)(struct source *self); /* frees self */
};

struct sink {
    int (*write)(struct sink *self, const void *bytes, size_t n, struct error *err);
    /* Everything was written: make it final. */
    int (*finish)(struct sink *self, struct error *err);
    void (*close)(struct sink *self); /* frees self; without finish before, nothing remains */
};

ssize_t source_read(struct source *s, void *buffer, size_t n, struct error *err);
/* Read until n bytes or the end; the count, or -1. */
ssize_t source_read_full(struct source *s, void *buffer, size_t n, struct error *err);
void source_close(struct source *s); /* NULL is fine */
int sink_write(struct sink *s, const void *bytes, size_t n, struct error *err);
int sink_finish(struct sink *s, struct error *err);
void sink_close(struct sink *s); /* NULL is fine */
void source_close_at(struct source **s);
void sink_close_at(struct sink **s);
#define autosource __attribute__((cleanup(source_close_at))) struct source
#define autosink __attribute__((cleanup(sink_close_at))) struct sink

/* Copy until the end; *copied (may be NULL) counts the bytes. Does not finish the sink. */
int stream_copy(struct source *from, struct sink *to, int64_t *copied, struct error *err);

/* A file or pipe; closes fd with the source. name is copied, for messages. */
struct source *source_from_fd(int fd, const char *name);
/* Bytes that stay the caller's and must outlive the source. */
struct source *source_from_bytes(const void *bytes, size_t n);
/* Checks that the bytes of inner (which it then owns) have this digest and size (-1: any): more
 * bytes than size fail at once. ERROR_INTEGRITY, with what (copied) in the message. */
struct source *source_verified(struct source *inner, const struct digest *digest, int64_t size,
                               const char *what);
/* Also writes everything read to copy (owned), and finishes it at a clean end. */
struct source *source_tee(struct source *inner, struct sink *copy);
/* Writes to fd, which it closes; finish does nothing more. */
struct sink *sink_to_fd(int fd, const char *name);

/* One layer of an image, as its manifest and config describe it. */
struct layer {
    struct digest digest;   /* of the blob as transferred */
    int64_t size;           /* of the blob, in bytes */
    const char *media_type; /* tells the compression; owned by the manifest */
    struct digest diff_id;  /* of the uncompressed tar */
};

/* Takes layers. Both may be called from several threads at once, for different layers or the same.
 */
struct layer_sink {
    /* True where this layer is already there, so that it need not be fetched. */
    bool (*has)(struct layer_sink *self, const struct layer *layer);
    /* Unpack the layer from its (still compressed) blob and keep it under its diff_id; blob stays
     * the caller's. Nothing is visible until the blob ended cleanly and the diff_id was right. */
    int (*unpack)(struct layer_sink *self, const struct layer *layer, struct source *blob,
                  struct error *err);
};

#endif
