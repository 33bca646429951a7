#include "file_hashes.h"

#include <base/digest.h>
#include <base/io.h>
#include <base/mem.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* On disk: MAGIC, then records sorted by device and inode, in this machine's byte order: the file
 * never leaves it. */
static const char MAGIC[8] = "IBFH\1\0\0";
enum { FILE_CAP = 256 * 1024 * 1024 };
/* Younger than this, a file may be written again within the same tick of the file system's clock.
 */
enum { RACY_NANOSECONDS = 100 * 1000 * 1000 };

struct record {
    uint64_t device, inode, size;
    int64_t mtime, ctime; /* nanoseconds */
    unsigned char hash[FILE_HASH_SIZE];
};

struct file_hashes {
    char *name;
    struct record *old;
    size_t old_count;
    bool *used;
    struct record *fresh;
    size_t fresh_count, fresh_cap;
    struct str bytes;
    pthread_mutex_t lock; /* stages that run side by side copy from the same tree */
};

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct record key_of(const struct stat *st)
{
    return (struct record){.device = st->st_dev,
                           .inode = st->st_ino,
                           .size = (uint64_t)st->st_size,
                           .mtime = nanoseconds(st->st_mtim),
                           .ctime = nanoseconds(st->st_ctim)};
}

static int compare(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->inode != y->inode)
        return x->inode < y->inode ? -1 : 1;
    return 0;
}

struct file_hashes *file_hashes_load(int cache_fd, const char *tree)
{
    struct file_hashes *h = mem_zalloc(1, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    struct digest id;
    digest_bytes(tree, strlen(tree), &id);
    h->name = mem_printf("files-%.32s", digest_hex(&id));
    autoerror err = ERROR_INIT;
    if (io_read_file(cache_fd, h->name, FILE_CAP, &h->bytes, &err)) {
        error_ignore(&err, "file hashes are only a memory");
        return h;
    }
    size_t body = h->bytes.len - sizeof MAGIC;
    if (h->bytes.len < sizeof MAGIC || memcmp(h->bytes.data, MAGIC, sizeof MAGIC) != 0 ||
        body % sizeof(struct record))
        return h;
    h->old_count = body / sizeof(struct record);
    h->old = mem_dup(h->bytes.data + sizeof MAGIC, body);
    h->used = mem_zalloc(h->old_count, sizeof *h->used);
    str_release(&h->bytes);
    return h;
}

int file_hashes_get(struct file_hashes *h, const struct stat *st,
                    unsigned char hash[FILE_HASH_SIZE])
{
    struct record key = key_of(st);
    const struct record *found =
        h->old_count ? bsearch(&key, h->old, h->old_count, sizeof key, compare) : NULL;
    if (!found || found->size != key.size || found->mtime != key.mtime || found->ctime != key.ctime)
        return 0;
    pthread_mutex_lock(&h->lock);
    h->used[found - h->old] = true;
    pthread_mutex_unlock(&h->lock);
    memcpy(hash, found->hash, FILE_HASH_SIZE);
    return 1;
}

void file_hashes_put(struct file_hashes *h, const struct stat *st,
                     const unsigned char hash[FILE_HASH_SIZE])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct record key = key_of(st);
    if (nanoseconds(now) - key.ctime < RACY_NANOSECONDS)
        return;
    memcpy(key.hash, hash, FILE_HASH_SIZE);
    pthread_mutex_lock(&h->lock);
    MEM_PUSH(h->fresh, h->fresh_count, h->fresh_cap) = key;
    pthread_mutex_unlock(&h->lock);
}

int file_hashes_save(struct file_hashes *h, int cache_fd, struct error *err)
{
    if (!h->fresh_count)
        return 0;
    for (size_t i = 0; i < h->old_count; i++)
        if (h->used[i])
            MEM_PUSH(h->fresh, h->fresh_count, h->fresh_cap) = h->old[i];
    qsort(h->fresh, h->fresh_count, sizeof *h->fresh, compare);
    autostr out = STR_INIT;
    str_add_bytes(&out, MAGIC, sizeof MAGIC);
    for (size_t i = 0; i < h->fresh_count; i++)
        if (!i || compare(&h->fresh[i - 1], &h->fresh[i]) != 0)
            str_add_bytes(&out, &h->fresh[i], sizeof h->fresh[i]);
    return io_write_file(cache_fd, h->name, out.data, out.len, 0600, 0, err);
}

void file_hashes_free(struct file_hashes *h)
{
    if (!h)
        return;
    pthread_mutex_destroy(&h->lock);
    free(h->name);
    free(h->old);
    free(h->used);
    free(h->fresh);
    str_release(&h->bytes);
    free(h);
}
