#include "tar_file.h"

#include <base/interrupt.h>
#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MEMBERS_CAP = 100000,
    NAME_CAP = 512,
    LINKS_CAP = 4,
    BLOCK = 64 * 1024,
    RATIO_CAP = 200,
};
static const int64_t inflated_floor = INT64_C(64) * 1024 * 1024;

struct member {
    char *name;
    char *link; /* the name of another member, where this is a link */
    int64_t offset, size;
};

struct tar_file {
    int fd;
    char *path; /* for messages */
    struct member *members;
    size_t count, cap;
};

enum tar_compression tar_compression_of(const unsigned char *bytes, size_t n)
{
    static const struct {
        const char *magic;
        size_t n;
        enum tar_compression is;
    } known[] = {
        {"\x1f\x8b", 2, TAR_GZIP},
        {"\x28\xb5\x2f\xfd", 4, TAR_ZSTD},
        {"\xfd"
         "7zXZ",
         5, TAR_OTHER},
        {"BZh", 3, TAR_OTHER},
        {"\x04\x22\x4d\x18", 4, TAR_OTHER},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (n >= known[i].n && !memcmp(bytes, known[i].magic, known[i].n))
            return known[i].is;
    return TAR_PLAIN;
}

static int archive_failed(struct archive *a, const char *path, struct error *err)
{
    const char *text = archive_error_string(a);
    return error_set(err, ERROR_INPUT, "%s: %s", path, text ? text : "not a tar archive");
}

static int open_temporary(struct error *err)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/var/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        autofree char *name = mem_printf("%s/imgbuild-XXXXXX", dir);
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            unlink(name);
    }
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "make a temporary file in %s", dir);
    return fd;
}

static int copy_inflated(struct archive *a, int to, int64_t limit, const char *path,
                         struct error *err)
{
    autofree char *chunk = mem_alloc(BLOCK);
    int64_t total = 0;
    la_ssize_t got;
    while ((got = archive_read_data(a, chunk, BLOCK)) > 0) {
        total += got;
        if (total > limit)
            return error_set(err, ERROR_INPUT, "%s inflates to more than %" PRId64 " bytes", path,
                             limit);
        if (interrupt_check(err))
            return -1;
        if (io_write(to, chunk, (size_t)got))
            return error_errno(err, ERROR_HOST, "inflate %s", path);
    }
    return got < 0 ? archive_failed(a, path, err) : 0;
}

/* Replace the compressed file by an inflated one. */
static int inflate(struct tar_file *tar, int64_t size, struct error *err)
{
    autoclose int to = open_temporary(err);
    if (to < 0)
        return -1;
    struct archive *a = archive_read_new();
    archive_read_support_filter_all(a);
    archive_read_support_format_raw(a);
    struct archive_entry *entry;
    int failed = 0;
    if (archive_read_open_fd(a, tar->fd, BLOCK) || archive_read_next_header(a, &entry))
        failed = archive_failed(a, tar->path, err);
    int64_t limit = size < INT64_MAX / RATIO_CAP ? size * RATIO_CAP : INT64_MAX;
    if (!failed)
        failed =
            copy_inflated(a, to, limit < inflated_floor ? inflated_floor : limit, tar->path, err);
    archive_read_free(a);
    if (failed)
        return -1;
    close(tar->fd);
    tar->fd = take_fd(&to);
    return lseek(tar->fd, 0, SEEK_SET) ? error_errno(err, ERROR_HOST, "read %s", tar->path) : 0;
}

/* "./a/b" and "a/b" are the same member. */
static const char *plain_name(const char *name)
{
    while (str_starts(name, "./"))
        name += 2;
    return name;
}

/* The name of the member that a link means. */
static char *link_name(const char *name, struct archive_entry *entry)
{
    const char *hard = archive_entry_hardlink(entry);
    if (hard)
        return mem_strndup(plain_name(hard), NAME_CAP);
    const char *symbolic = archive_entry_symlink(entry);
    if (!symbolic || strlen(symbolic) > NAME_CAP)
        return NULL;
    autofree char *dir = path_dir(name);
    autofree char *joined = path_join(dir, symbolic);
    return path_clean(joined);
}

static int add_member(struct tar_file *tar, struct archive *a, struct archive_entry *entry,
                      int64_t file_size, struct error *err)
{
    const char *name = archive_entry_pathname(entry);
    if (!name || strlen(name) > NAME_CAP)
        return 0; /* none of those we look for */
    bool is_link = archive_entry_hardlink(entry) || archive_entry_filetype(entry) == AE_IFLNK;
    if (!is_link && archive_entry_filetype(entry) != AE_IFREG)
        return 0;
    if (tar->count >= MEMBERS_CAP)
        return error_set(err, ERROR_INPUT, "%s has more than %d members", tar->path, MEMBERS_CAP);
    struct member m = {.size = archive_entry_size(entry), .offset = archive_filter_bytes(a, 0)};
    name = plain_name(name);
    if (is_link) {
        m.link = link_name(name, entry);
        if (!m.link)
            return 0;
    } else if (archive_entry_sparse_reset(entry) > 0) {
        return error_set(err, ERROR_INPUT, "%s: the member %s is sparse", tar->path, name);
    } else if (m.size < 0 || m.offset < 0 || m.offset > file_size ||
               m.size > file_size - m.offset) {
        return error_set(err, ERROR_INPUT, "%s is cut short, in %s", tar->path, name);
    }
    m.name = mem_strdup(name);
    MEM_PUSH(tar->members, tar->count, tar->cap) = m;
    return 0;
}

static int list_members(struct tar_file *tar, struct error *err)
{
    struct stat st;
    if (fstat(tar->fd, &st))
        return error_errno(err, ERROR_INPUT, "read %s", tar->path);
    struct archive *a = archive_read_new();
    archive_read_support_format_tar(a);
    struct archive_entry *entry;
    int failed = 0;
    int got = archive_read_open_fd(a, tar->fd, BLOCK);
    while (!failed && got >= ARCHIVE_WARN &&
           (got = archive_read_next_header(a, &entry)) >= ARCHIVE_WARN && got != ARCHIVE_EOF)
        failed = add_member(tar, a, entry, st.st_size, err);
    if (!failed && got != ARCHIVE_EOF)
        failed = archive_failed(a, tar->path, err);
    archive_read_free(a);
    return failed;
}

static int fill(struct tar_file *tar, struct error *err)
{
    struct stat st;
    unsigned char magic[8];
    if (fstat(tar->fd, &st))
        return error_errno(err, ERROR_INPUT, "open %s", tar->path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_INPUT, "%s is not a regular file", tar->path);
    ssize_t n = pread(tar->fd, magic, sizeof magic, 0);
    if (n < 0)
        return error_errno(err, ERROR_INPUT, "read %s", tar->path);
    if (tar_compression_of(magic, (size_t)n) != TAR_PLAIN && inflate(tar, st.st_size, err))
        return -1;
    return list_members(tar, err);
}

int tar_file_open(const char *path, struct tar_file **out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_errno(err, errno == ENOENT ? ERROR_MISSING : ERROR_INPUT, "open %s", path);
    struct tar_file *tar = mem_zalloc(1, sizeof *tar);
    tar->fd = fd;
    tar->path = mem_strdup(path);
    if (fill(tar, err)) {
        tar_file_close(tar);
        return -1;
    }
    *out = tar;
    return 0;
}

void tar_file_close(struct tar_file *tar)
{
    if (!tar)
        return;
    for (size_t i = 0; i < tar->count; i++) {
        free(tar->members[i].name);
        free(tar->members[i].link);
    }
    free(tar->members);
    free(tar->path);
    close(tar->fd);
    free(tar);
}

/* The last of a name counts, as it would when unpacking. */
static const struct member *find(const struct tar_file *tar, const char *name)
{
    name = plain_name(name);
    for (int links = 0; name && links <= LINKS_CAP; links++) {
        const struct member *m = NULL;
        for (size_t i = tar->count; i > 0 && !m; i--)
            if (!strcmp(tar->members[i - 1].name, name))
                m = &tar->members[i - 1];
        if (!m || !m->link)
            return m;
        name = m->link;
    }
    return NULL;
}

int64_t tar_file_size(const struct tar_file *tar, const char *name)
{
    const struct member *m = find(tar, name);
    return m ? m->size : -1;
}

struct range_source {
    struct source source;
    const struct tar_file *tar;
    int64_t offset, left;
};

static ssize_t range_read(struct source *self, void *buffer, size_t n, struct error *err)
{
    struct range_source *s = (struct range_source *)self;
    if ((uint64_t)s->left < n)
        n = (size_t)s->left;
    ssize_t got;
    do
        got = n && io_fault() ? -1 : pread(s->tar->fd, buffer, n, s->offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_errno(err, ERROR_INPUT, "read %s", s->tar->path);
    if (!got && n)
        return error_set(err, ERROR_INPUT, "%s became shorter while it was read", s->tar->path);
    s->offset += got;
    s->left -= got;
    return got;
}

static void range_close(struct source *self)
{
    free(self);
}

int tar_file_source(const struct tar_file *tar, const char *name, struct source **out,
                    struct error *err)
{
    const struct member *m = find(tar, name);
    if (!m)
        return error_set(err, ERROR_MISSING, "%s has no %.200s", tar->path, name);
    struct range_source *s = mem_zalloc(1, sizeof *s);
    *s = (struct range_source){{range_read, range_close}, tar, m->offset, m->size};
    *out = &s->source;
    return 0;
}

int tar_file_read(const struct tar_file *tar, const char *name, size_t cap, struct str *out,
                  struct error *err)
{
    autosource *source = NULL;
    if (tar_file_source(tar, name, &source, err))
        return -1;
    int64_t size = tar_file_size(tar, name);
    if ((uint64_t)size > cap)
        return error_set(err, ERROR_INPUT, "%s: %.200s is larger than the %zu bytes allowed",
                         tar->path, name, cap);
    autofree char *bytes = mem_alloc((size_t)size + 1);
    ssize_t got = source_read_full(source, bytes, (size_t)size, err);
    if (got < 0)
        return -1;
    str_clear(out);
    str_add_bytes(out, bytes, (size_t)got);
    return 0;
}
