#include "emulation.h"

#include "arch.h"
#include "binfmt.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/str.h>

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char OTHER_FOLDERS[] = "/usr/local/bin:/usr/bin:/usr/libexec/qemu-binfmt";

/* ---- the program ---- */

/* A program that names no interpreter of its own (PT_INTERP): it needs nothing of its root. */
static bool is_static(int fd)
{
    Elf64_Ehdr head;
    if (pread(fd, &head, sizeof head, 0) != sizeof head ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64)
        return false;
    for (unsigned i = 0; i < head.e_phnum; i++) {
        Elf64_Phdr part;
        if (pread(fd, &part, sizeof part, (off_t)(head.e_phoff + i * sizeof part)) != sizeof part ||
            part.p_type == PT_INTERP)
            return false;
    }
    return true;
}

static char *look_in(const char *folder, const char *qemu)
{
    static const char *const endings[] = {"-static", ""};
    for (size_t i = 0; *folder == '/' && i < COUNT_OF(endings); i++) {
        autofree char *path = mem_printf("%s/qemu-%s%s", folder, qemu, endings[i]);
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && !access(path, X_OK) && is_static(fd))
            return take(&path);
    }
    return NULL;
}

char *emulation_program(const char *arch)
{
    const struct arch *known = arch_find(arch);
    const char *path = getenv("PATH");
    autostrv folders = STRV_INIT;
    strv_split(&folders, path ? path : "", ':');
    strv_split(&folders, OTHER_FOLDERS, ':');
    char *found = NULL;
    for (size_t i = 0; known && !found && i < folders.count; i++)
        found = look_in(folders.items[i], known->qemu);
    return found;
}

/* ---- set-up ---- */

/* One architecture, found or not. */
struct entry {
    const struct arch *arch;
    struct binfmt binfmt;
    struct emulation emulation;
};

struct emulators {
    pthread_mutex_t lock;
    struct entry **entries; /* their addresses are handed out */
    size_t count, cap;
};

struct emulators *emulators_new(void)
{
    struct emulators *e = mem_zalloc(1, sizeof *e);
    pthread_mutex_init(&e->lock, NULL);
    return e;
}

static void entry_free(struct entry *entry)
{
    binfmt_release(&entry->binfmt);
    free(entry->emulation.qemu);
    free(entry->emulation.why_shared);
    free(entry);
}

void emulators_free(struct emulators *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->count; i++)
        entry_free(e->entries[i]);
    free(e->entries);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static int refuse(const struct arch *arch, const char *qemu, struct error *private,
                  struct error *err)
{
    if (!qemu) {
        error_set(err, ERROR_HOST,
                  "this host can't run programs for %s: it has no qemu-%s-static, and none is "
                  "registered",
                  arch->name, arch->qemu);
        return error_hint(err, "apt-get install qemu-user-static");
    }
    error_move(err, private);
    error_wrap(err, "run programs for %s with %s", arch->name, qemu);
    if (err && err->hint) {
        autofree char *cause = take(&err->hint);
        return error_hint(err,
                          "%s; otherwise register qemu on the host, once and as root: "
                          "apt-get install qemu-user-static binfmt-support",
                          cause);
    }
    return error_hint(err, "register qemu on the host, once and as root: apt-get install "
                           "qemu-user-static binfmt-support");
}

static int set_up(struct entry *entry, struct error *err)
{
    struct emulation *e = &entry->emulation;
    autoerror private = ERROR_INIT;
    e->qemu = emulation_program(entry->arch->name);
    if (e->qemu && !binfmt_private(entry->arch, e->qemu, &entry->binfmt, &private)) {
        e->userns_fd = entry->binfmt.userns_fd;
        return 0;
    }
    char *of_host = binfmt_of_host(entry->arch);
    if (!of_host)
        return refuse(entry->arch, e->qemu, &private, err);
    e->why_shared = mem_strdup(e->qemu ? private.message : "no qemu-user-static is installed");
    free(e->qemu);
    e->qemu = of_host;
    return 0;
}

static int find(struct emulators *e, const struct arch *arch, const struct emulation **out,
                struct error *err)
{
    for (size_t i = 0; i < e->count; i++) {
        if (e->entries[i]->arch != arch)
            continue;
        *out = &e->entries[i]->emulation;
        return 0;
    }
    struct entry *entry = mem_zalloc(1, sizeof *entry);
    entry->arch = arch;
    entry->binfmt = BINFMT_NONE;
    entry->emulation.userns_fd = -1;
    if (set_up(entry, err)) {
        entry_free(entry);
        return -1;
    }
    MEM_PUSH(e->entries, e->count, e->cap) = entry;
    *out = &entry->emulation;
    return 0;
}

int emulators_find(struct emulators *e, const char *arch, const struct emulation **out,
                   struct error *err)
{
    const struct arch *known = arch_find(arch);
    if (!known)
        return error_set(err, ERROR_HOST, "no way is known to run programs for %s here", arch);
    pthread_mutex_lock(&e->lock);
    int code = find(e, known, out, err);
    pthread_mutex_unlock(&e->lock);
    return code;
}
