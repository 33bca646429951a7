#include "layer_apply.h"

#include "decompress.h"
#include "layer_ring.h"
#include "layer_writer.h"

#include <base/log.h>
#include <base/mem.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    HEADER_MAX = 4 << 20, /* what one entry may take before its content: names, pax, sparse maps */
    XATTRS_MAX = 1024,
};

/* The emptying side: hash, parse, write. */
struct unpacking {
    struct layer_ring *ring;
    struct layer_writer *writer;
    struct digester *digester;
    struct archive *archive;
    int64_t header; /* bytes taken since the entry before ended */
    struct layer_xattr xattrs[XATTRS_MAX];
    struct error err; /* of the call-back, which libarchive can't pass on */
    int result;
};

static la_ssize_t next_bytes(struct archive *a, void *context, const void **bytes)
{
    struct unpacking *u = context;
    size_t n;
    if (u->header > HEADER_MAX) {
        archive_set_error(a, EINVAL, "an entry's header is larger than %d bytes", HEADER_MAX);
        return ARCHIVE_FATAL;
    }
    *bytes = layer_ring_next(u->ring, &n);
    if (!*bytes) {
        archive_set_error(a, EIO, "the layer ends too early");
        return ARCHIVE_FATAL;
    }
    digester_add(u->digester, *bytes, n);
    u->header += (int64_t)n;
    return (la_ssize_t)n;
}

static int bad_tar(struct unpacking *u, struct error *err)
{
    const char *text = archive_error_string(u->archive);
    return error_set(err, ERROR_INPUT, "its tar is broken: %s", text ? text : "unknown reason");
}

static int read_xattrs(struct unpacking *u, struct archive_entry *from, struct layer_entry *e,
                       struct error *err)
{
    e->xattrs = u->xattrs;
    if ((size_t)archive_entry_xattr_reset(from) > XATTRS_MAX)
        return error_set(err, ERROR_INPUT, "%s: it has more than %d attributes", e->path,
                         XATTRS_MAX);
    for (;;) {
        struct layer_xattr *x = &u->xattrs[e->xattr_count];
        if (archive_entry_xattr_next(from, &x->name, &x->value, &x->size) != ARCHIVE_OK)
            return 0;
        e->xattr_count++;
    }
}

static int read_entry(struct unpacking *u, struct archive_entry *from, struct layer_entry *e,
                      struct error *err)
{
    int64_t uid = archive_entry_uid(from), gid = archive_entry_gid(from);
    const char *link = archive_entry_hardlink(from);
    *e = (struct layer_entry){
        .path = archive_entry_pathname(from),
        .mode = archive_entry_mode(from),
        .uid = (uint32_t)uid,
        .gid = (uint32_t)gid,
        .size = archive_entry_size(from),
        .mtime = {archive_entry_mtime(from), archive_entry_mtime_nsec(from)},
        .rdev = archive_entry_rdev(from),
        .link = link ? link : archive_entry_symlink(from),
        .hard_link = link != NULL,
    };
    if (!e->path)
        return error_set(err, ERROR_INPUT, "an entry has no name");
    /* 2^32 - 1 means "as it is" to chown. */
    if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
        return error_set(err, ERROR_INPUT, "%s: its owner %" PRId64 ":%" PRId64 " can't be",
                         e->path, uid, gid);
    if (!archive_entry_mtime_is_set(from))
        e->mtime = (struct timespec){0};
    return read_xattrs(u, from, e, err);
}

static int write_content(struct unpacking *u, struct error *err)
{
    for (;;) {
        const void *bytes;
        size_t n;
        la_int64_t offset;
        int code = archive_read_data_block(u->archive, &bytes, &n, &offset);
        if (code == ARCHIVE_EOF)
            return 0;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return bad_tar(u, err);
        u->header = 0;
        if (n && layer_writer_content(u->writer, bytes, n, offset, err))
            return -1;
    }
}

static int write_entry(struct unpacking *u, struct archive_entry *from, struct error *err)
{
    struct layer_entry e;
    if (read_entry(u, from, &e, err) || layer_writer_entry(u->writer, &e, err) ||
        write_content(u, err) || layer_writer_end(u->writer, err))
        return -1;
    u->header = 0;
    return 0;
}

static int write_entries(struct unpacking *u, struct error *err)
{
    struct archive_entry *entry;
    for (;;) {
        int code = archive_read_next_header(u->archive, &entry);
        if (code == ARCHIVE_EOF)
            return layer_writer_finish(u->writer, err);
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return bad_tar(u, err);
        /* A warning is what names that are no ASCII give: they are taken as they are. */
        if (write_entry(u, entry, err))
            return -1;
    }
}

/* What follows the archive's end is of no use, but counts for the digest. */
static int hash_rest(struct unpacking *u, struct error *err)
{
    for (;;) {
        size_t n;
        const void *bytes = layer_ring_next(u->ring, &n);
        if (!bytes) {
            return error_set(err, ERROR_INTEGRITY, "the layer ends too early");
        }
        if (!n)
            return 0;
        digester_add(u->digester, bytes, n);
    }
}

static int open_archive(struct unpacking *u, struct error *err)
{
    u->archive = archive_read_new();
    if (!u->archive)
        return error_set(err, ERROR_INTERNAL, "libarchive gives no reader");
    archive_read_support_format_tar(u->archive);
    archive_read_support_format_empty(u->archive);
    return archive_read_open(u->archive, u, NULL, next_bytes, NULL) ? bad_tar(u, err) : 0;
}

static void *unpack(void *context)
{
    struct unpacking *u = context;
    /* In the C locale libarchive leaves names as they are; in others it normalises them. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    /* From here on the umask is this thread's own. */
    if (!unshare(CLONE_FS))
        umask(0);
    else /* some containers' seccomp profiles forbid it */
        layer_writer_mind_umask(u->writer);
    u->result = open_archive(u, &u->err) || write_entries(u, &u->err) || hash_rest(u, &u->err);
    if (u->result)
        layer_ring_stop(u->ring);
    archive_read_free(u->archive);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    return NULL;
}

/* The filling side, on the caller's thread: read and inflate. */
static int feed(struct layer_ring *ring, struct source *tar, struct error *err)
{
    for (;;) {
        unsigned char *buffer = layer_ring_claim(ring);
        if (!buffer)
            return 0; /* the other side says why */
        ssize_t n = source_read_full(tar, buffer, LAYER_RING_BUFFER, err);
        if (n <= 0)
            return (int)n;
        layer_ring_pass(ring, (size_t)n);
    }
}

/* A tar that makes no sense may come of bytes that are not the layer's: then that is the error. */
static int check_rest(struct source *tar, struct error *err)
{
    autofree unsigned char *buffer = mem_alloc(LAYER_RING_BUFFER);
    ssize_t n;
    do
        n = source_read(tar, buffer, LAYER_RING_BUFFER, err);
    while (n > 0);
    return (int)n;
}

static int start(pthread_t *thread, struct unpacking *u, struct error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(thread, NULL, unpack, u);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return errno ? error_errno(err, ERROR_HOST, "start a thread") : 0;
}

static int run(struct unpacking *u, struct source *blob, struct error *err)
{
    autosource *tar = NULL;
    pthread_t thread;
    if (decompress_new(blob, &tar, err) || start(&thread, u, err))
        return -1;
    autoerror read_error = ERROR_INIT;
    int code = feed(u->ring, tar, &read_error);
    layer_ring_end(u->ring, code != 0);
    pthread_join(thread, NULL);
    if (!code && u->result && u->err.kind == ERROR_INPUT)
        code = check_rest(tar, &read_error);
    if (u->result && !code)
        return error_move(err, &u->err);
    return code ? error_move(err, &read_error) : 0;
}

int layer_apply(int dir_fd, struct source *blob, const struct layer_apply_options *options,
                struct digest *diff_id, struct error *err)
{
    autofree struct unpacking *u = mem_zalloc(1, sizeof *u);
    u->ring = layer_ring_new();
    u->digester = digester_new();
    u->writer = layer_writer_new(dir_fd, options);
    int code = run(u, blob, err);
    if (code)
        error_wrap(err, "%s", options->what);
    else
        digester_finish(u->digester, diff_id);
    error_release(&u->err);
    layer_writer_free(u->writer);
    digester_free(u->digester);
    layer_ring_free(u->ring);
    return code;
}
