#include "tar_writer.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512, CHUNK = 256 * 1024, NAME_MAX_BYTES = 100 };

struct tar_writer {
    int fd;
    char *path, *beside; /* beside NULL: nothing to remove */
    pthread_mutex_t lock;
    int64_t end;
};

/* POSIX 1003.1, pax, "ustar Interchange Format". */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

static void set_size(char field[12], int64_t size)
{
    if (size < INT64_C(1) << 33) {
        snprintf(field, 12, "%011" PRIo64, (uint64_t)size);
        return;
    }
    memset(field, 0, 12);
    field[0] = (char)0x80;
    for (int i = 11; i > 3; i--, size >>= 8)
        field[i] = (char)(size & 0xff);
}

static void make_header(struct header *h, const char *name, int64_t size)
{
    memset(h, 0, sizeof *h);
    memcpy(h->name, name, strnlen(name, sizeof h->name));
    memcpy(h->mode, "0000644", 8);
    memcpy(h->uid, "0000000", 8);
    memcpy(h->gid, "0000000", 8);
    set_size(h->size, size);
    memcpy(h->mtime, "00000000000", 12);
    memset(h->checksum, ' ', sizeof h->checksum);
    h->type = '0';
    memcpy(h->magic, "ustar", 6);
    memcpy(h->version, "00", 2);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof *h; i++)
        sum += ((unsigned char *)h)[i];
    snprintf(h->checksum, sizeof h->checksum, "%06o", sum);
}

static int write_at(struct tar_writer *w, const void *bytes, size_t n, int64_t offset,
                    struct error *err)
{
    while (n) {
        ssize_t put = io_fault() ? -1 : pwrite(w->fd, bytes, n, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return error_errno(err, ERROR_HOST, "write %s", w->path);
        bytes = (const char *)bytes + put;
        n -= (size_t)put;
        offset += put;
    }
    return 0;
}

int tar_writer_new(const char *path, struct tar_writer **out, struct error *err)
{
    struct stat st;
    if (!stat(path, &st) && !S_ISREG(st.st_mode))
        return error_set(err, ERROR_HOST, "write %s: something else than a file is there", path);
    char unique[17];
    io_random_name(unique);
    autofree char *beside = mem_printf("%s.new-%s", path, unique);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "write %s", path);
    struct tar_writer *w = mem_zalloc(1, sizeof *w);
    w->fd = fd;
    w->path = mem_strdup(path);
    w->beside = take(&beside);
    pthread_mutex_init(&w->lock, NULL);
    *out = w;
    return 0;
}

int tar_writer_place(struct tar_writer *w, const char *name, int64_t size, int64_t *offset,
                     struct error *err)
{
    struct header header;
    if (size < 0 || size > INT64_MAX / 4 || strlen(name) >= NAME_MAX_BYTES)
        return error_set(err, ERROR_INPUT, "write %s: %.200s does not fit a tar header", w->path,
                         name);
    make_header(&header, name, size);
    pthread_mutex_lock(&w->lock);
    int64_t at = w->end;
    w->end += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    pthread_mutex_unlock(&w->lock);
    *offset = at + BLOCK;
    return write_at(w, &header, sizeof header, at, err);
}

int tar_writer_fill(struct tar_writer *w, int64_t offset, int64_t size, struct source *source,
                    struct error *err)
{
    autofree char *chunk = mem_alloc(CHUNK);
    int64_t done = 0;
    ssize_t got;
    while ((got = source_read(source, chunk, CHUNK, err)) > 0) {
        if (got > size - done) /* would run into the next member */
            return error_set(err, ERROR_INTEGRITY, "more bytes than the %" PRId64 " announced",
                             size);
        if (write_at(w, chunk, (size_t)got, offset + done, err))
            return -1;
        done += got;
    }
    if (got < 0)
        return -1;
    if (done != size)
        return error_set(err, ERROR_INTEGRITY, "%" PRId64 " bytes, not the %" PRId64 " announced",
                         done, size);
    return 0;
}

int tar_writer_put(struct tar_writer *w, const char *name, const void *bytes, size_t n,
                   struct error *err)
{
    int64_t offset;
    return tar_writer_place(w, name, (int64_t)n, &offset, err) || write_at(w, bytes, n, offset, err)
               ? -1
               : 0;
}

int tar_writer_finish(struct tar_writer *w, struct error *err)
{
    /* Two empty blocks end an archive; the file's size makes them, and the padding, zeros. */
    if (io_fault() || ftruncate(w->fd, w->end + 2 * BLOCK) ||
        io_rename(AT_FDCWD, w->beside, AT_FDCWD, w->path))
        return error_errno(err, ERROR_HOST, "write %s", w->path);
    free(take(&w->beside));
    return 0;
}

void tar_writer_close(struct tar_writer *w)
{
    if (!w)
        return;
    close(w->fd);
    if (w->beside)
        unlink(w->beside);
    free(w->beside);
    free(w->path);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
