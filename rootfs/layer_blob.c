#include "layer_blob.h"

#include <base/io.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The end of the pipeline: the blob's file, hashed on the way. */
struct blob_file {
    struct sink sink;
    int fd;
    struct digester *digester;
    int64_t size;
};

/* The beginning: the tar, hashed on the way into the compressor. */
struct layer_blob {
    struct sink sink;
    struct store *store;
    struct layer_blob_result *result;
    char *name;
    bool finished;
    struct digester *digester;
    int64_t size;
    struct sink *compressor;
    struct blob_file file;
};

static int file_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct blob_file *f = (struct blob_file *)self;
    digester_add(f->digester, bytes, n);
    f->size += (int64_t)n;
    if (!io_write(f->fd, bytes, n))
        return 0;
    int code = errno;
    error_errno(err, ERROR_HOST, "write a layer's blob");
    if (code == ENOSPC || code == EDQUOT)
        error_hint(err, "Free some space; \"imgbuild prune\" drops what no image needs.");
    return -1;
}

static int blob_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct layer_blob *b = (struct layer_blob *)self;
    digester_add(b->digester, bytes, n);
    b->size += (int64_t)n;
    return sink_write(b->compressor, bytes, n, err);
}

static int blob_finish(struct sink *self, struct error *err)
{
    struct layer_blob *b = (struct layer_blob *)self;
    if (sink_finish(b->compressor, err))
        return -1;
    struct layer_blob_result *r = b->result;
    digester_finish(b->digester, &r->diff_id);
    digester_finish(b->file.digester, &r->digest);
    r->size = b->file.size;
    r->tar_size = b->size;
    memcpy(r->name, b->name, strlen(b->name) + 1);
    b->finished = true;
    return 0;
}

static void blob_close(struct sink *self)
{
    struct layer_blob *b = (struct layer_blob *)self;
    sink_close(b->compressor);
    mem_close_at(&b->file.fd);
    if (!b->finished)
        unlinkat(store_tmp_fd(b->store), b->name, 0);
    digester_free(b->digester);
    digester_free(b->file.digester);
    free(b->name);
    free(b);
}

int layer_blob_new(struct store *store, struct pool *pool, const struct compression *compression,
                   struct layer_blob_result *result, struct sink **out, struct error *err)
{
    struct layer_blob *b = mem_zalloc(1, sizeof *b);
    b->sink = (struct sink){blob_write, blob_finish, blob_close};
    b->file.sink = (struct sink){.write = file_write};
    b->store = store;
    b->result = result;
    b->name = store_tmp_name(store, "blob");
    b->digester = digester_new();
    b->file.digester = digester_new();
    b->file.fd = io_fault() ? -1
                            : openat(store_tmp_fd(store), b->name,
                                     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int code = b->file.fd < 0 ? error_errno(err, ERROR_HOST, "make a file in the store") : 0;
    if (!code)
        code = compress_new(&b->file.sink, compression, pool, &b->compressor, err);
    if (code)
        blob_close(&b->sink);
    else
        *out = &b->sink;
    return code;
}
