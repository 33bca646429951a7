#include "layer_tar.h"

#include "whiteout.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

enum {
    BLOCK = 512,
    BUFFER = 512 * 1024,
    PAX_MAX = 1 << 20, /* what readers accept */
    OCTAL_7 = 07777777,
};
#define OCTAL_11 INT64_C(077777777777)

/* POSIX.1-2001, ustar interchange format: two strings, numbers in octal with an end mark. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
    char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

struct layer_tar {
    struct sink *to;
    int64_t clamp;
    bool limited;
    int64_t left;    /* content still to come */
    unsigned pad;    /* zeros after it */
    struct str pax;  /* records of the entry in hand */
    struct str path; /* its path as it is written */
    size_t filled;
    unsigned char buffer[BUFFER];
};

struct layer_tar *layer_tar_new(struct sink *to, int64_t clamp)
{
    struct layer_tar *t = mem_alloc(sizeof *t);
    memset(t, 0, offsetof(struct layer_tar, buffer));
    t->to = to;
    t->clamp = clamp;
    return t;
}

void layer_tar_free(struct layer_tar *t)
{
    if (!t)
        return;
    str_release(&t->pax);
    str_release(&t->path);
    free(t);
}

void layer_tar_limit(struct layer_tar *t)
{
    t->limited = true;
}

static int flush(struct layer_tar *t, struct error *err)
{
    size_t n = t->filled;
    t->filled = 0;
    return n ? sink_write(t->to, t->buffer, n, err) : 0;
}

static int put(struct layer_tar *t, const void *bytes, size_t n, struct error *err)
{
    if (n > BUFFER - t->filled && flush(t, err))
        return -1;
    if (n >= BUFFER)
        return sink_write(t->to, bytes, n, err);
    memcpy(t->buffer + t->filled, bytes, n);
    t->filled += n;
    return 0;
}

static int put_zeros(struct layer_tar *t, size_t n, struct error *err)
{
    static const char zeros[2 * BLOCK];
    return put(t, zeros, n, err);
}

static unsigned padding(uint64_t n)
{
    return (unsigned)(-n % BLOCK);
}

static void octal(char *field, size_t size, uint64_t value)
{
    field[--size] = '\0';
    while (size--) {
        field[size] = (char)('0' + (value & 7));
        value >>= 3;
    }
}

/* "LENGTH KEY=VALUE\n", where the length counts itself (POSIX.1-2001, pax extended header). */
static void add_record(struct str *pax, const char *key, const void *value, size_t size)
{
    size_t rest = strlen(key) + size + 3, length = rest;
    for (size_t was = 0; was != length;) {
        char digits[24];
        was = length;
        length = rest + (size_t)snprintf(digits, sizeof digits, "%zu", was);
    }
    str_addf(pax, "%zu %s=", length, key);
    str_add_bytes(pax, value, size);
    str_add_char(pax, '\n');
}

static void add_text(struct str *pax, const char *key, const char *value)
{
    add_record(pax, key, value, strlen(value));
}

static void add_number(struct str *pax, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    add_text(pax, key, text);
}

/* Decimal seconds; tv_nsec counts upwards before 1970 as well. */
static void add_time(struct str *pax, struct timespec t)
{
    char text[48];
    bool before = t.tv_sec < 0 && t.tv_nsec;
    int64_t seconds = before ? -(int64_t)(t.tv_sec + 1) : (int64_t)t.tv_sec;
    long nanoseconds = before ? 1000000000 - t.tv_nsec : t.tv_nsec;
    int n =
        snprintf(text, sizeof text, "%s%" PRId64 ".%09ld", before ? "-" : "", seconds, nanoseconds);
    while (text[n - 1] == '0')
        text[--n] = '\0';
    if (text[n - 1] == '.')
        text[--n] = '\0';
    add_text(pax, "mtime", text);
}

/* Where to cut a path so that both parts fit; 0: nowhere. */
static size_t cut(const char *path, size_t n)
{
    const struct header *h = NULL;
    if (n > sizeof h->prefix + 1 + sizeof h->name)
        return 0;
    size_t at = n - 1 < sizeof h->prefix ? n - 2 : sizeof h->prefix;
    for (; at && at + 1 + sizeof h->name >= n; at--)
        if (path[at] == '/')
            return at;
    return 0;
}

static void put_path(struct header *h, struct str *pax, const char *path, size_t n)
{
    size_t at = n > sizeof h->name ? cut(path, n) : 0;
    if (n <= sizeof h->name) {
        memcpy(h->name, path, n);
    } else if (at) {
        memcpy(h->prefix, path, at);
        memcpy(h->name, path + at + 1, n - at - 1);
    } else {
        add_record(pax, "path", path, n);
        memcpy(h->name, path, sizeof h->name);
    }
}

static void put_link(struct header *h, struct str *pax, const char *link)
{
    size_t n = strlen(link);
    if (n > sizeof h->link)
        add_text(pax, "linkpath", link);
    memcpy(h->link, link, n < sizeof h->link ? n : sizeof h->link);
}

static void put_number(char *field, size_t size, struct str *pax, const char *key, int64_t value,
                       int64_t most)
{
    bool fits = value >= 0 && value <= most;
    octal(field, size, fits ? (uint64_t)value : 0);
    if (!fits)
        add_number(pax, key, value);
}

static char type_of(const struct layer_entry *e)
{
    if (e->hard_link)
        return '1';
    switch (e->mode & S_IFMT) {
    case S_IFREG:
        return '0';
    case S_IFLNK:
        return '2';
    case S_IFCHR:
        return '3';
    case S_IFBLK:
        return '4';
    case S_IFDIR:
        return '5';
    case S_IFIFO:
        return '6';
    default:
        return 0;
    }
}

static void put_sum(struct header *h)
{
    unsigned sum = 0;
    memcpy(h->magic, "ustar", 6);
    memcpy(h->version, "00", 2);
    memset(h->sum, ' ', sizeof h->sum);
    for (size_t i = 0; i < sizeof *h; i++)
        sum += ((const unsigned char *)h)[i];
    octal(h->sum, 7, sum);
}

static int add_xattrs(struct layer_tar *t, const struct layer_entry *e, struct error *err)
{
    struct str *pax = &t->pax;
    for (size_t i = 0; i < e->xattr_count; i++) {
        const struct layer_xattr *x = &e->xattrs[i];
        if (t->limited && strcmp(x->name, "security.capability") != 0)
            continue;
        if (strchr(x->name, '='))
            return error_set(err, ERROR_INPUT, "%s: a tar can't hold an attribute of the name '%s'",
                             e->path, x->name);
        autofree char *key = mem_printf("SCHILY.xattr.%s", x->name);
        add_record(pax, key, x->value, x->size);
    }
    if (pax->len > PAX_MAX)
        return error_set(err, ERROR_INPUT, "%s: its attributes take more than a layer may hold",
                         e->path);
    return 0;
}

static int put_pax(struct layer_tar *t, struct error *err)
{
    struct header h = {.type = 'x'};
    autofree char *dir = path_dir(str_text(&t->path));
    autofree char *name = mem_printf("%s/PaxHeaders/%s", dir, path_base(str_text(&t->path)));
    size_t n = strlen(name);
    memcpy(h.name, name, n < sizeof h.name ? n : sizeof h.name);
    octal(h.mode, sizeof h.mode, 0644);
    octal(h.uid, sizeof h.uid, 0);
    octal(h.gid, sizeof h.gid, 0);
    octal(h.size, sizeof h.size, t->pax.len);
    octal(h.mtime, sizeof h.mtime, 0);
    put_sum(&h);
    return put(t, &h, sizeof h, err) || put(t, t->pax.data, t->pax.len, err) ||
                   put_zeros(t, padding(t->pax.len), err)
               ? -1
               : 0;
}

static struct timespec time_of(const struct layer_tar *t, const struct layer_entry *e)
{
    if (t->clamp >= 0 && e->mtime.tv_sec >= t->clamp)
        return (struct timespec){t->clamp, 0};
    return (struct timespec){e->mtime.tv_sec, t->limited ? 0 : e->mtime.tv_nsec};
}

static void put_path_of(struct layer_tar *t, struct header *h, const struct layer_entry *e)
{
    str_clear(&t->path);
    str_add(&t->path, *e->path ? e->path : ".");
    if (S_ISDIR(e->mode) && !e->hard_link)
        str_add_char(&t->path, '/');
    put_path(h, &t->pax, t->path.data, t->path.len);
}

int layer_tar_entry(struct layer_tar *t, const struct layer_entry *e, struct error *err)
{
    struct header h = {.type = type_of(e)};
    if (t->left)
        return error_set(err, ERROR_INTERNAL, "%s: the content before it is %" PRId64 " short",
                         e->path, t->left);
    if (!h.type)
        return error_set(err, ERROR_INPUT, "%s: a tar can't hold a file of this type", e->path);
    struct timespec time = time_of(t, e);
    int64_t size = h.type == '0' ? e->size : 0;
    str_clear(&t->pax);
    put_path_of(t, &h, e);
    if (e->link)
        put_link(&h, &t->pax, e->link);
    octal(h.mode, sizeof h.mode, e->mode & 07777);
    put_number(h.uid, sizeof h.uid, &t->pax, "uid", e->uid, OCTAL_7);
    put_number(h.gid, sizeof h.gid, &t->pax, "gid", e->gid, OCTAL_7);
    put_number(h.size, sizeof h.size, &t->pax, "size", size, OCTAL_11);
    bool whole = !time.tv_nsec && time.tv_sec >= 0 && time.tv_sec <= OCTAL_11;
    octal(h.mtime, sizeof h.mtime, time.tv_sec >= 0 ? (uint64_t)time.tv_sec & OCTAL_11 : 0);
    if (!whole)
        add_time(&t->pax, time);
    bool device = h.type == '3' || h.type == '4';
    octal(h.major, sizeof h.major, device ? major(e->rdev) : 0);
    octal(h.minor, sizeof h.minor, device ? minor(e->rdev) : 0);
    if (add_xattrs(t, e, err) || (t->pax.len && put_pax(t, err)))
        return -1;
    put_sum(&h);
    t->left = size;
    t->pad = padding((uint64_t)size);
    return put(t, &h, sizeof h, err);
}

static int content_done(struct layer_tar *t, struct error *err)
{
    return t->left ? 0 : put_zeros(t, t->pad, err);
}

int layer_tar_content(struct layer_tar *t, const void *bytes, size_t n, struct error *err)
{
    if ((uint64_t)n > (uint64_t)t->left)
        return error_set(err, ERROR_INTERNAL, "%s: more content than was announced",
                         str_text(&t->path));
    if (!n)
        return 0;
    t->left -= (int64_t)n;
    return put(t, bytes, n, err) || content_done(t, err) ? -1 : 0;
}

int layer_tar_content_fd(struct layer_tar *t, int fd, struct error *err)
{
    if (!t->left)
        return 0;
    while (t->left) {
        if (t->filled == BUFFER && flush(t, err))
            return -1;
        size_t room = BUFFER - t->filled;
        size_t n = (uint64_t)t->left < room ? (size_t)t->left : room;
        ssize_t got = io_read(fd, t->buffer + t->filled, n);
        if (got < 0)
            return error_errno(err, ERROR_INPUT, "read %s", str_text(&t->path));
        if ((size_t)got < n)
            return error_set(err, ERROR_INPUT, "%s became shorter while it was read",
                             str_text(&t->path));
        t->filled += n;
        t->left -= got;
    }
    return content_done(t, err);
}

static int put_mark(struct layer_tar *t, const char *path, struct error *err)
{
    const struct layer_entry e = {.path = path, .mode = S_IFREG};
    return layer_tar_entry(t, &e, err);
}

int layer_tar_whiteout(struct layer_tar *t, const char *path, struct error *err)
{
    const char *name = path_base(path);
    autofree char *mark = mem_printf("%.*s" WHITEOUT_PREFIX "%s", (int)(name - path), path, name);
    return put_mark(t, mark, err);
}

int layer_tar_opaque(struct layer_tar *t, const char *directory, struct error *err)
{
    autofree char *mark = mem_printf("%s%s" WHITEOUT_OPAQUE, directory, *directory ? "/" : "");
    return put_mark(t, mark, err);
}

int layer_tar_finish(struct layer_tar *t, struct error *err)
{
    if (t->left)
        return error_set(err, ERROR_INTERNAL, "%s: the content is %" PRId64 " short",
                         str_text(&t->path), t->left);
    return put_zeros(t, sizeof(char[2 * BLOCK]), err) || flush(t, err) ? -1 : 0;
}
