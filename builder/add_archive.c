#include "add_archive.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024, HEADER = 512, ENTRIES_MAX = 20 * 1000 * 1000, XATTRS_MAX = 256 };

/* One entry; texts and values are owned. */
struct item {
    char *name; /* clean, below the destination; "" is the destination itself */
    char *link; /* a symlink's target */
    char *hard; /* the name of which it is another */
    char *content;
    mode_t mode;
    uint32_t uid, gid;
    struct timespec mtime;
    dev_t rdev;
    int64_t size;
    struct layer_xattr *xattrs;
    size_t xattr_count;
};

struct add_archive {
    struct copy_tree storage;
    char *what;
    struct item *items;
    size_t count, cap;
};

static struct archive *reader_new(bool raw)
{
    struct archive *a = archive_read_new();
    if (!a)
        mem_give_up();
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    if (raw)
        archive_read_support_format_raw(a);
    else
        archive_read_support_format_tar(a);
    archive_read_support_format_empty(a);
    return a;
}

/* A tar header's checksum is the sum of its bytes, with blanks in its own place; old programs added
 * them up as signed (POSIX.1-2001, pax). */
static bool is_header(const unsigned char *block)
{
    char text[9] = "";
    long plain = 0, with_sign = 0;
    memcpy(text, block + 148, 8);
    char *end;
    long wanted = strtol(text, &end, 8);
    if (end == text || !block[0])
        return false;
    for (size_t i = 0; i < HEADER; i++) {
        bool field = i >= 148 && i < 156;
        plain += field ? ' ' : block[i];
        with_sign += field ? ' ' : (signed char)block[i];
    }
    return wanted == plain || wanted == with_sign;
}

bool add_archive_recognise(int fd)
{
    unsigned char block[HEADER];
    struct archive_entry *entry;
    struct archive *a = reader_new(true);
    size_t got = 0;
    if (!archive_read_open_fd(a, fd, BLOCK) &&
        archive_read_next_header(a, &entry) >= ARCHIVE_WARN) {
        la_ssize_t n = 1;
        while (got < HEADER && n > 0) {
            n = archive_read_data(a, block + got, HEADER - got);
            got += n > 0 ? (size_t)n : 0;
        }
    }
    archive_read_free(a);
    return got == HEADER && is_header(block);
}

static void item_release(struct item *item)
{
    for (size_t i = 0; i < item->xattr_count; i++) {
        free((void *)(uintptr_t)item->xattrs[i].name);
        free((void *)(uintptr_t)item->xattrs[i].value);
    }
    free(item->xattrs);
    free(item->name);
    free(item->link);
    free(item->hard);
    free(item->content);
}

void add_archive_free(struct add_archive *archive)
{
    if (!archive)
        return;
    for (size_t i = 0; i < archive->count; i++)
        item_release(&archive->items[i]);
    mem_close_at(&archive->storage.root_fd);
    free(archive->items);
    free(archive->what);
    free(archive);
}

/* The name below the destination, which ".." can't leave. The caller frees it. */
static char *clean_name(const char *name)
{
    autofree char *rooted = mem_printf("/%s", name);
    autofree char *clean = path_clean(rooted);
    return mem_strdup(clean + 1);
}

static int compare_xattrs(const void *a, const void *b)
{
    return strcmp(((const struct layer_xattr *)a)->name, ((const struct layer_xattr *)b)->name);
}

static void take_xattrs(struct archive_entry *from, struct item *item)
{
    size_t count = (size_t)archive_entry_xattr_reset(from);
    if (!count || count > XATTRS_MAX)
        return;
    item->xattrs = mem_zalloc(count, sizeof *item->xattrs);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t size;
        if (archive_entry_xattr_next(from, &name, &value, &size) != ARCHIVE_OK)
            break;
        item->xattrs[item->xattr_count++] =
            (struct layer_xattr){mem_strdup(name), mem_dup(value, size), size};
    }
    qsort(item->xattrs, item->xattr_count, sizeof *item->xattrs, compare_xattrs);
}

/* Times that a file can't have are its epoch's. */
static struct timespec time_of(struct archive_entry *from)
{
    time_t seconds = archive_entry_mtime_is_set(from) ? archive_entry_mtime(from) : 0;
    if (seconds < 0 || seconds > INT64_MAX / 1000000000)
        return (struct timespec){0};
    return (struct timespec){seconds, seconds ? archive_entry_mtime_nsec(from) : 0};
}

static int read_item(struct archive_entry *from, struct item *item, struct error *err)
{
    const char *name = archive_entry_pathname(from);
    const char *hard = archive_entry_hardlink(from), *link = archive_entry_symlink(from);
    int64_t uid = archive_entry_uid(from), gid = archive_entry_gid(from);
    if (!name)
        return error_set(err, ERROR_INPUT, "an entry has no name");
    item->name = clean_name(name);
    item->hard = hard ? clean_name(hard) : NULL;
    /* 2^32 - 1 means "as it is" to chown. */
    if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
        return error_set(err, ERROR_INPUT, "%s: its owner %" PRId64 ":%" PRId64 " can't be", name,
                         uid, gid);
    item->link = hard ? NULL : mem_strdup_null(link);
    item->mode = archive_entry_mode(from);
    item->uid = (uint32_t)uid;
    item->gid = (uint32_t)gid;
    item->mtime = time_of(from);
    item->rdev = archive_entry_rdev(from);
    take_xattrs(from, item);
    return 0;
}

static int broken(const struct archive *a, struct error *err)
{
    const char *text = archive_error_string((struct archive *)(uintptr_t)a);
    return error_set(err, ERROR_INPUT, "it is broken: %s", text ? text : "unknown reason");
}

static int write_at(int fd, const char *bytes, size_t n, off_t at, struct error *err)
{
    while (n) {
        ssize_t written = pwrite(fd, bytes, n, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_errno(err, ERROR_HOST, "keep what is in it");
        bytes += written;
        n -= (size_t)written;
        at += written;
    }
    return 0;
}

/* Bytes go where they belong, so that holes stay holes. */
static int keep_content(struct archive *a, const struct add_archive *archive, struct item *item,
                        size_t index, struct error *err)
{
    item->content = mem_printf("%zu", index);
    autoclose int fd = openat(archive->storage.root_fd, item->content,
                              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "keep what is in it");
    for (;;) {
        const void *bytes;
        size_t n;
        la_int64_t offset;
        int code = archive_read_data_block(a, &bytes, &n, &offset);
        if (code == ARCHIVE_EOF)
            break;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return broken(a, err);
        if (write_at(fd, bytes, n, offset, err))
            return -1;
        if (offset + (int64_t)n > item->size)
            item->size = offset + (int64_t)n;
    }
    return ftruncate(fd, item->size) ? error_errno(err, ERROR_HOST, "keep what is in it") : 0;
}

static int read_entries(struct archive *a, struct add_archive *archive, struct error *err)
{
    struct archive_entry *entry;
    for (;;) {
        int code = archive_read_next_header(a, &entry);
        if (code == ARCHIVE_EOF)
            return 0;
        if ((code != ARCHIVE_OK && code != ARCHIVE_WARN) || archive->count >= ENTRIES_MAX)
            return broken(a, err);
        MEM_PUSH(archive->items, archive->count, archive->cap) = (struct item){.name = NULL};
        struct item *item = &archive->items[archive->count - 1];
        if (read_item(entry, item, err))
            return -1;
        item->size = archive_entry_size(entry);
        if (S_ISREG(item->mode) && !item->hard &&
            keep_content(a, archive, item, archive->count, err))
            return -1;
    }
}

int add_archive_read(int fd, const char *what, int storage_fd, struct add_archive **out,
                     struct error *err)
{
    struct add_archive *archive = mem_zalloc(1, sizeof *archive);
    archive->what = mem_strdup(what);
    archive->storage = (struct copy_tree){.root_fd = storage_fd, .what = archive->what};
    /* In the C locale libarchive leaves names as they are; in others it normalises them. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    struct archive *a = reader_new(false);
    int result =
        archive_read_open_fd(a, fd, BLOCK) ? broken(a, err) : read_entries(a, archive, err);
    archive_read_free(a);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    if (result) {
        add_archive_free(archive);
        return error_wrap(err, "archive %s", what);
    }
    *out = archive;
    return 0;
}

/* An archive on its way into the directory `base`. */
struct unpacking {
    const struct add_archive *archive;
    struct copy_plan *plan;
    const struct copy_owner *owner;
    char *base;
};

/* Where an entry's name leads, without following its last component; parents are made. */
static int find_path(struct unpacking *u, const char *name, bool make, char **out,
                     struct error *err)
{
    static const struct copy_owner root = {.mode = 0755};
    const char *last = path_base(name);
    autofree char *folder = mem_strndup(name, (size_t)(last - name));
    autofree char *parent = NULL;
    if (copy_plan_resolve(u->plan, u->base, folder, &parent, err) ||
        (make && copy_plan_make(u->plan, parent, &root, err)))
        return -1;
    *out = mem_printf("%s%s%s", parent, *parent ? "/" : "", last);
    return 0;
}

static void fill(const struct unpacking *u, const struct item *item, struct copy_node *node)
{
    node->mode = item->mode;
    node->uid = u->owner ? u->owner->uid : item->uid;
    node->gid = u->owner ? u->owner->gid : item->gid;
    node->mtime = item->mtime;
    node->xattrs = item->xattrs;
    node->xattr_count = item->xattr_count;
}

static int unpack_link(struct unpacking *u, const struct item *item, const char *path,
                       struct error *err)
{
    autofree char *target = NULL;
    if (find_path(u, item->hard, false, &target, err))
        return -1;
    return copy_plan_link(u->plan, path, target, err);
}

static int unpack_item(struct unpacking *u, const struct item *item, struct error *err)
{
    autofree char *path = NULL;
    enum copy_kind kind;
    if (!*item->name)
        return 0; /* the destination keeps what it has */
    if (find_path(u, item->name, true, &path, err) ||
        copy_plan_look(u->plan, path, &kind, NULL, err))
        return -1;
    if (item->hard)
        return unpack_link(u, item, path, err);
    bool merge = S_ISDIR(item->mode) && kind == COPY_DIRECTORY;
    struct copy_node *node =
        merge ? copy_plan_directory(u->plan, path, err) : copy_plan_put(u->plan, path, err);
    if (!node)
        return -1;
    fill(u, item, node);
    node->rdev = item->rdev;
    node->link = item->link;
    node->size = item->size;
    if (item->content) {
        node->tree = &u->archive->storage;
        node->source = item->content;
    }
    return 0;
}

/* Directories get their times when all that is in them has been made. */
static int set_times(struct unpacking *u, struct error *err)
{
    for (size_t i = 0; i < u->archive->count; i++) {
        const struct item *item = &u->archive->items[i];
        autofree char *path = NULL;
        enum copy_kind kind;
        if (!S_ISDIR(item->mode) || !*item->name)
            continue;
        if (find_path(u, item->name, false, &path, err) ||
            copy_plan_look(u->plan, path, &kind, NULL, err))
            return -1;
        struct copy_node *node =
            kind == COPY_DIRECTORY ? copy_plan_directory(u->plan, path, err) : NULL;
        if (node)
            node->mtime = item->mtime;
    }
    return 0;
}

static int unpack(struct unpacking *u, const char *destination, struct error *err)
{
    struct copy_owner made = {0755, u->owner ? u->owner->uid : 0, u->owner ? u->owner->gid : 0};
    if (copy_plan_resolve(u->plan, "", destination, &u->base, err) ||
        copy_plan_make(u->plan, u->base, &made, err))
        return -1;
    for (size_t i = 0; i < u->archive->count; i++)
        if (unpack_item(u, &u->archive->items[i], err))
            return error_wrap(err, "archive %s: “%s”", u->archive->what, u->archive->items[i].name);
    return set_times(u, err);
}

int add_archive_apply(const struct add_archive *archive, struct copy_plan *plan,
                      const char *destination, const struct copy_owner *owner, struct error *err)
{
    struct unpacking u = {.archive = archive, .plan = plan, .owner = owner};
    int result = unpack(&u, destination, err);
    free(u.base);
    return result;
}
