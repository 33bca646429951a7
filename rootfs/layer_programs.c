#include "layer_programs.h"

#include "decompress.h"

#include <base/mem.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>

enum { CHUNK = 128 * 1024 };

struct reading {
    struct source *plain;
    struct archive *archive;
    struct error *err;
    char chunk[CHUNK];
};

static la_ssize_t next_bytes(struct archive *archive, void *context, const void **bytes)
{
    struct reading *r = context;
    ssize_t n = source_read(r->plain, r->chunk, sizeof r->chunk, r->err);
    if (n < 0)
        archive_set_error(archive, EIO, "reading failed");
    *bytes = r->chunk;
    return n;
}

/* What a source reported is truer than what libarchive makes of it. */
static int broken(struct reading *r)
{
    if (r->err->kind != ERROR_NONE)
        return -1;
    const char *text = archive_error_string(r->archive);
    return error_set(r->err, ERROR_INPUT, "its tar is broken: %s", text ? text : "unknown reason");
}

/* The architecture of the file whose header was just read; NULL: it is no program. */
static const struct arch *arch_here(struct reading *r)
{
    unsigned char header[ARCH_HEADER];
    return archive_read_data(r->archive, header, sizeof header) == (la_ssize_t)sizeof header
               ? arch_of_program(header, sizeof header)
               : NULL;
}

static int read_entries(struct reading *r, layer_program_seen seen, void *context, bool *enough)
{
    struct archive_entry *entry;
    for (;;) {
        int code = archive_read_next_header(r->archive, &entry);
        if (code == ARCHIVE_EOF)
            return 0;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return broken(r);
        const char *path = archive_entry_pathname(entry);
        if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_size(entry) < ARCH_HEADER)
            continue;
        const struct arch *arch = arch_here(r);
        if (arch && !seen(context, path ? path : "?", arch)) {
            *enough = true;
            return 0;
        }
    }
}

static int read_archive(struct reading *r, layer_program_seen seen, void *context, bool *enough)
{
    r->archive = archive_read_new();
    if (!r->archive)
        return error_set(r->err, ERROR_INTERNAL, "libarchive gives no reader");
    archive_read_support_format_tar(r->archive);
    archive_read_support_format_empty(r->archive);
    int code = archive_read_open(r->archive, r, NULL, next_bytes, NULL)
                   ? broken(r)
                   : read_entries(r, seen, context, enough);
    archive_read_free(r->archive);
    return code;
}

int layer_programs(struct source *blob, layer_program_seen seen, void *context, bool *enough,
                   struct error *err)
{
    autosource *plain = NULL;
    autoerror problem = ERROR_INIT;
    if (decompress_new(blob, &plain, err))
        return -1;
    autofree struct reading *r = mem_alloc(sizeof *r);
    r->plain = plain;
    r->err = &problem;
    /* In the C locale libarchive leaves names as they are. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = c ? uselocale(c) : (locale_t)0;
    *enough = false;
    int code = read_archive(r, seen, context, enough);
    if (c) {
        uselocale(before);
        freelocale(c);
    }
    return code ? error_move(err, &problem) : 0;
}
