#include "layer_scan.h"

#include <base/mem.h>
#include <base/path.h>
#include <rootfs/decompress.h>
#include <rootfs/whiteout.h>

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { READ_SIZE = 256 * 1024 };

/* A tar stream being read. */
struct scan {
    struct source *tar;
    struct error *err; /* of the source */
    bool source_failed;
    unsigned char *buffer;
    struct archive *archive;
    const struct strv *texts; /* paths of files to keep; NULL: facts of all */
    struct scan_list *out;
};

void scan_list_release(struct scan_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].link);
        file_facts_free(list->items[i].facts);
    }
    free(list->items);
    *list = (struct scan_list){0};
}

static la_ssize_t next_bytes(struct archive *archive, void *context, const void **bytes)
{
    struct scan *s = context;
    (void)archive;
    ssize_t n = source_read(s->tar, s->buffer, READ_SIZE, s->err);
    s->source_failed |= n < 0;
    *bytes = s->buffer;
    return n;
}

static int bad_tar(struct scan *s)
{
    if (s->source_failed)
        return -1;
    const char *text = archive_error_string(s->archive);
    return error_set(s->err, ERROR_INPUT, "its tar is broken: %s", text ? text : "unknown reason");
}

/* "/a/b" of "./a//b/"; NULL where it leads out of the layer. */
static char *absolute(const char *name)
{
    autofree char *joined = mem_printf("/%s", name);
    for (const char *p = joined; (p = strstr(p, "/..")); p++)
        if (!p[3] || p[3] == '/')
            return NULL;
    return path_clean(joined);
}

/* The entry as a whiteout, where its name says that it is one. False where it is to be left out. */
static bool apply_whiteout(struct scan_entry *e)
{
    const char *deleted;
    autofree char *folder = path_dir(e->path);
    switch (whiteout_parse(path_base(e->path), &deleted)) {
    case WHITEOUT_NOT:
        return true;
    case WHITEOUT_PATH:
        e->kind = SCAN_WHITEOUT;
        char *path = mem_printf("%s/%s", str_eq(folder, "/") ? "" : folder, deleted);
        free(e->path);
        e->path = path;
        return true;
    case WHITEOUT_DIRECTORY:
        e->kind = SCAN_OPAQUE;
        free(e->path);
        e->path = take(&folder);
        return true;
    case WHITEOUT_IGNORED:
    case WHITEOUT_BAD:
    default:
        return false;
    }
}

static int read_facts(struct scan *s, struct scan_entry *e)
{
    struct facts_collector *c =
        s->texts ? facts_begin_text(e->path, e->size) : facts_begin(e->path, e->size, NULL);
    int64_t at = 0;
    static const char zeroes[4096];
    for (;;) {
        const void *bytes;
        size_t n;
        la_int64_t offset;
        int code = archive_read_data_block(s->archive, &bytes, &n, &offset);
        if (code == ARCHIVE_EOF)
            break;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) {
            file_facts_free(facts_end(c));
            return bad_tar(s);
        }
        bool more = true;
        for (; more && at < offset; at += (int64_t)sizeof zeroes) /* a hole */
            more = facts_add(c, zeroes,
                             offset - at < (int64_t)sizeof zeroes ? (size_t)(offset - at)
                                                                  : sizeof zeroes);
        at = offset + (int64_t)n;
        if (!more || (n && !facts_add(c, bytes, n)))
            break; /* libarchive passes over the rest */
    }
    e->facts = facts_end(c);
    return 0;
}

static bool is_wanted(const struct scan *s, const struct scan_entry *e)
{
    return s->texts ? strv_contains(s->texts, e->path) : facts_wanted(e->path, e->size) != 0;
}

static int add_entry(struct scan *s, struct archive_entry *from)
{
    const char *name = archive_entry_pathname(from), *hard = archive_entry_hardlink(from);
    const char *link = hard ? hard : archive_entry_symlink(from);
    char *path = name ? absolute(name) : NULL;
    if (!path)
        return error_set(s->err, ERROR_INPUT, "%s: an entry leads out of the layer",
                         name ? name : "");
    struct scan_entry e = {
        .path = path,
        .mode = archive_entry_mode(from),
        .uid = (uint32_t)archive_entry_uid(from),
        .gid = (uint32_t)archive_entry_gid(from),
        .size = archive_entry_size(from),
        .link = hard ? absolute(hard) : mem_strdup_null(link),
        .hard = hard != NULL,
    };
    bool kept = apply_whiteout(&e) && s->out->count < SCAN_ENTRIES_MAX;
    int failed = 0;
    if (kept && e.kind == SCAN_ENTRY && !hard && S_ISREG(e.mode) && is_wanted(s, &e))
        failed = read_facts(s, &e);
    if (kept && !failed) {
        MEM_PUSH(s->out->items, s->out->count, s->out->cap) = e;
        return 0;
    }
    free(e.path);
    free(e.link);
    return failed;
}

static int read_archive(struct scan *s)
{
    struct archive_entry *entry;
    archive_read_support_format_tar(s->archive);
    archive_read_support_format_empty(s->archive);
    if (archive_read_open(s->archive, s, NULL, next_bytes, NULL))
        return bad_tar(s);
    for (;;) {
        int code = archive_read_next_header(s->archive, &entry);
        if (code == ARCHIVE_EOF)
            break;
        if ((code != ARCHIVE_OK && code != ARCHIVE_WARN) || add_entry(s, entry))
            return code != ARCHIVE_OK && code != ARCHIVE_WARN ? bad_tar(s) : -1;
    }
    for (ssize_t n = 1; n;) /* what follows counts for the digest */
        if ((n = source_read(s->tar, s->buffer, READ_SIZE, s->err)) < 0)
            return -1;
    return 0;
}

int layer_scan_tar(struct source *blob, const char *what, const struct strv *texts,
                   struct scan_list *out, struct error *err)
{
    autosource *tar = NULL;
    autofree unsigned char *buffer = mem_alloc(READ_SIZE);
    if (decompress_new(blob, &tar, err))
        return error_wrap(err, "%s", what);
    struct scan s = {.tar = tar, .err = err, .buffer = buffer, .texts = texts, .out = out};
    s.archive = archive_read_new();
    if (!s.archive)
        mem_give_up();
    /* In the C locale libarchive leaves names as they are; in others it normalises them. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    int failed = read_archive(&s);
    archive_read_free(s.archive);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    return failed ? error_wrap(err, "%s", what) : 0;
}
