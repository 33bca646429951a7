#include "owner_table.h"

#include <base/io.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* A record as it is in the file: the machine's own byte order, since a store is a machine's. */
struct entry {
    struct owner_key key;
    struct owner owner;
};

struct owner_table {
    int fd;
    pthread_mutex_t lock;
    struct entry *slots; /* an empty one has inode 0, which no file has */
    size_t room;         /* a power of two, or 0 */
    _Atomic size_t count;
    off_t read; /* so far of the file */
};

enum { ENTRIES_MAX = 16 * 1024 * 1024, CHUNK = 256 };

static size_t hash(const struct owner_key *key)
{
    uint64_t h = key->inode * UINT64_C(0x9e3779b97f4a7c15);
    h ^= ((uint64_t)key->born << 30 ^ key->born_ns) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(h ^ h >> 29);
}

static struct entry *slot_of(const struct owner_table *t, const struct owner_key *key)
{
    size_t at = hash(key) & (t->room - 1);
    while (t->slots[at].key.inode && memcmp(&t->slots[at].key, key, sizeof *key) != 0)
        at = (at + 1) & (t->room - 1);
    return &t->slots[at];
}

static void grow(struct owner_table *t)
{
    struct entry *old = t->slots;
    size_t room = t->room;
    t->room = room ? room * 2 : 64;
    t->slots = mem_zalloc(t->room, sizeof *t->slots);
    for (size_t i = 0; i < room; i++)
        if (old[i].key.inode)
            *slot_of(t, &old[i].key) = old[i];
    free(old);
}

static int put(struct owner_table *t, const struct entry *e)
{
    if (!e->key.inode)
        return 0;
    if ((t->count + 1) * 2 > t->room)
        grow(t);
    struct entry *slot = slot_of(t, &e->key);
    if (!slot->key.inode && t->count >= ENTRIES_MAX) {
        errno = ENOSPC;
        return -1;
    }
    t->count += !slot->key.inode;
    *slot = *e;
    return 0;
}

static int refresh(struct owner_table *t)
{
    struct entry entries[CHUNK];
    for (;;) {
        ssize_t n = pread(t->fd, entries, sizeof entries, t->read);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < (ssize_t)sizeof *entries) /* a piece of one is what a power cut leaves */
            return n < 0 ? -1 : 0;
        size_t whole = (size_t)n / sizeof *entries;
        for (size_t i = 0; i < whole; i++)
            if (put(t, &entries[i]))
                return -1;
        t->read += (off_t)(whole * sizeof *entries);
    }
}

/* Drop a piece of a record at the end, so that what is appended lines up. */
static int mend(int fd)
{
    int code = flock(fd, LOCK_EX);
    off_t size = code ? -1 : lseek(fd, 0, SEEK_END);
    if (size > 0 && size % (off_t)sizeof(struct entry))
        code = ftruncate(fd, size - size % (off_t)sizeof(struct entry));
    flock(fd, LOCK_UN);
    return size < 0 ? -1 : code;
}

int owner_table_open(int dir_fd, const char *name, struct owner_table **out, struct error *err)
{
    struct owner_table *t = mem_zalloc(1, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (t->fd < 0 || mend(t->fd) || refresh(t)) {
        error_errno(err, ERROR_HOST, "read the record of owners (%s)", name);
        owner_table_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

void owner_table_close(struct owner_table *t)
{
    mem_close_at(&t->fd);
    pthread_mutex_destroy(&t->lock);
    free(t->slots);
    free(t);
}

int owner_table_refresh(struct owner_table *t)
{
    pthread_mutex_lock(&t->lock);
    int code = refresh(t);
    pthread_mutex_unlock(&t->lock);
    return code;
}

int owner_table_fd(const struct owner_table *t)
{
    return t->fd;
}

bool owner_table_is_empty(const struct owner_table *t)
{
    return !t->count;
}

int owner_key_of(int fd, struct owner_key *out)
{
    struct statx x;
    if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &x))
        return -1;
    *out = (struct owner_key){.inode = x.stx_ino};
    if (x.stx_mask & STATX_BTIME) {
        out->born = x.stx_btime.tv_sec;
        out->born_ns = x.stx_btime.tv_nsec;
    }
    return 0;
}

int owner_table_find(struct owner_table *t, const struct owner_key *key, struct owner *out)
{
    pthread_mutex_lock(&t->lock);
    const struct entry *slot = t->room ? slot_of(t, key) : NULL;
    int found = slot && slot->key.inode;
    if (found)
        *out = slot->owner;
    pthread_mutex_unlock(&t->lock);
    return found;
}

/* One write of one record to a file opened for appending: others' come before or after it. */
int owner_table_set(struct owner_table *t, const struct owner_key *key, const struct owner *owner)
{
    const struct entry e = {*key, *owner};
    pthread_mutex_lock(&t->lock);
    int code = io_fault() ? -1 : io_write(t->fd, &e, sizeof e);
    if (!code)
        code = put(t, &e);
    pthread_mutex_unlock(&t->lock);
    return code;
}
