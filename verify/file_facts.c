#include "file_facts.h"

#include "secrets.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <fnmatch.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_CAP = 16 * 1024 * 1024,     /* bytes of a file that is kept as text */
    HEAD_SIZE = 16 * 1024,           /* bytes that tell what a file is */
    ELF_KEPT_CAP = 24 * 1024 * 1024, /* bytes from an ELF file's start that are kept */
    SCRIPT_CAP = 1024,
    DYNAMIC_CAP = 64 * 1024,
};

struct facts_collector {
    const char *path;
    int64_t size;
    unsigned wish;
    const struct elf_bytes *random;
    EVP_MD_CTX *hash;
    struct str kept; /* from the start */
    uint64_t passed; /* bytes seen */
    bool is_elf, wants_content;
    /* the dynamic section, where it lies behind what is kept */
    uint64_t dynamic_offset, dynamic_size;
    struct str dynamic;
};

void file_facts_free(struct file_facts *facts)
{
    if (!facts)
        return;
    free(facts->text);
    free(facts->script);
    elf_facts_free(facts->elf);
    free(facts);
}

/* ---- what is wanted ---- */

static bool is_python_metadata(const char *path)
{
    static const char *const names[] = {"METADATA",        "RECORD",    "entry_points.txt",
                                        "direct_url.json", "INSTALLER", "WHEEL"};
    const char *folder = strstr(path, ".dist-info/");
    for (size_t i = 0; folder && i < COUNT_OF(names); i++)
        if (!strcmp(folder + strlen(".dist-info/"), names[i]))
            return true;
    return false;
}

static bool is_text(const char *path)
{
    static const char *const globs[] = {
        "/etc/passwd",           "/etc/group",
        "/etc/ld.so.conf",       "/etc/ld.so.conf.d/*",
        "/etc/os-release",       "/usr/lib/os-release",
        "*/pyvenv.cfg",          "*-packages/*.pth",
        "/var/lib/dpkg/status",  "/var/lib/dpkg/status.d/*",
        "/lib/apk/db/installed", "/usr/lib/apk/db/installed",
    };
    for (size_t i = 0; i < COUNT_OF(globs); i++)
        if (!fnmatch(globs[i], path, 0))
            return true;
    return is_python_metadata(path);
}

/* What a RECORD may list: the packages' folders, and the scripts beside them. */
static bool is_recorded(const char *path)
{
    return strstr(path, "-packages/") || strstr(path, "/bin/");
}

unsigned facts_wanted(const char *path, int64_t size)
{
    if (size <= 0)
        return 0;
    unsigned wish = FACTS_HEAD;
    if (size <= TEXT_CAP && is_text(path))
        wish |= FACTS_TEXT;
    if (is_recorded(path))
        wish |= FACTS_DIGEST;
    return wish;
}

/* ---- gathering ---- */

struct facts_collector *facts_begin(const char *path, int64_t size, const struct elf_bytes *random)
{
    struct facts_collector *c = mem_zalloc(1, sizeof *c);
    c->path = path;
    c->size = size;
    c->random = random;
    c->wish = facts_wanted(path, size);
    if (!(c->wish & FACTS_DIGEST))
        return c;
    c->hash = EVP_MD_CTX_new();
    if (!c->hash || !EVP_DigestInit_ex(c->hash, EVP_sha256(), NULL))
        mem_give_up();
    return c;
}

struct facts_collector *facts_begin_text(const char *path, int64_t size)
{
    struct facts_collector *c = mem_zalloc(1, sizeof *c);
    c->path = path;
    c->size = size;
    c->wish = size <= TEXT_CAP ? FACTS_TEXT : 0;
    return c;
}

/* Once the first bytes are there: what else is to be kept. */
static void decide(struct facts_collector *c)
{
    const char *p = str_text(&c->kept);
    c->is_elf = c->kept.len > 4 && !memcmp(p, "\177ELF", 4);
    bool binary = c->kept.len && memchr(p, '\0', c->kept.len) != NULL;
    c->wants_content = (c->wish & FACTS_TEXT) || (c->is_elf && !c->random) ||
                       (!c->is_elf && !binary && c->size <= SECRETS_FILE_MAX);
    if (c->is_elf && !c->random)
        elf_dynamic_range(p, c->kept.len, &c->dynamic_offset, &c->dynamic_size);
}

/* The part of these bytes that the dynamic section is. */
static void keep_dynamic(struct facts_collector *c, const char *bytes, size_t n)
{
    uint64_t from = c->dynamic_offset + c->dynamic.len, to = c->dynamic_offset + c->dynamic_size;
    if (c->dynamic_size > DYNAMIC_CAP || from < c->passed || from >= c->passed + n || from >= to)
        return;
    size_t skip = (size_t)(from - c->passed), left = n - skip;
    str_add_bytes(&c->dynamic, bytes + skip, left < to - from ? left : (size_t)(to - from));
}

static void keep(struct facts_collector *c, const char *bytes, size_t n)
{
    size_t cap = c->is_elf ? ELF_KEPT_CAP : TEXT_CAP;
    size_t room = c->kept.len < cap ? cap - c->kept.len : 0;
    /* what was passed over once leaves a hole that nothing may follow */
    if (c->wants_content && c->kept.len == c->passed)
        str_add_bytes(&c->kept, bytes, n < room ? n : room);
    if (c->is_elf && c->dynamic_size)
        keep_dynamic(c, bytes, n);
}

bool facts_add(struct facts_collector *c, const void *bytes, size_t n)
{
    const char *p = bytes;
    if (c->hash && !EVP_DigestUpdate(c->hash, bytes, n))
        mem_give_up();
    if (c->passed < HEAD_SIZE) {
        size_t part = HEAD_SIZE - (size_t)c->passed < n ? HEAD_SIZE - (size_t)c->passed : n;
        str_add_bytes(&c->kept, p, part);
        c->passed += part;
        p += part;
        n -= part;
        if (c->passed == HEAD_SIZE || c->passed == (uint64_t)c->size)
            decide(c);
    }
    if (n)
        keep(c, p, n);
    c->passed += n;
    return c->hash || c->wants_content || c->passed < HEAD_SIZE ||
           (c->dynamic_size && c->dynamic.len < c->dynamic_size);
}

/* ---- at the end ---- */

/* An ELF file of which the start and the dynamic section were kept. */
static bool read_kept(void *context, uint64_t offset, void *buffer, size_t n)
{
    const struct facts_collector *c = context;
    if (offset <= c->kept.len && n <= c->kept.len - offset) {
        memcpy(buffer, c->kept.data + offset, n);
        return true;
    }
    uint64_t at = offset - c->dynamic_offset;
    if (offset < c->dynamic_offset || at > c->dynamic.len || n > c->dynamic.len - at)
        return false;
    memcpy(buffer, c->dynamic.data + at, n);
    return true;
}

static void take_script(const struct facts_collector *c, struct file_facts *out)
{
    if (c->kept.len < 3 || memcmp(c->kept.data, "#!", 2) != 0)
        return;
    size_t n = c->kept.len < SCRIPT_CAP ? c->kept.len : SCRIPT_CAP;
    out->script = mem_strndup(c->kept.data, n);
}

static bool is_empty(const struct file_facts *f)
{
    return !f->text && !f->script && !f->secret && !f->has_digest && !f->elf;
}

struct file_facts *facts_end(struct facts_collector *c)
{
    struct file_facts out = {0};
    bool whole = c->kept.len == (uint64_t)c->size;
    if (c->passed < HEAD_SIZE && c->passed != (uint64_t)c->size)
        decide(c);
    if (c->hash && c->passed == (uint64_t)c->size)
        out.has_digest = EVP_DigestFinal_ex(c->hash, out.digest, NULL);
    struct elf_bytes kept = {read_kept, c};
    if (c->is_elf)
        out.elf = elf_read(c->random ? c->random : &kept);
    else if (whole && c->size <= SECRETS_FILE_MAX)
        out.secret = secrets_find(c->path, str_text(&c->kept), c->kept.len);
    take_script(c, &out);
    if ((c->wish & FACTS_TEXT) && whole) {
        out.text_size = c->kept.len;
        out.text = str_take(&c->kept);
    }
    EVP_MD_CTX_free(c->hash);
    str_release(&c->kept);
    str_release(&c->dynamic);
    free(c);
    return is_empty(&out) ? NULL : mem_dup(&out, sizeof out);
}
