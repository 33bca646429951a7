/* layer_scan_directory: an unpacked layer, or a root that is a directory. */
#include "layer_scan.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <rootfs/whiteout.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 512, READ_SIZE = 256 * 1024 };

struct walk {
    const struct inventory_form *form;
    struct scan_list *out;
    unsigned char *buffer;
};

static bool read_file_at(void *context, uint64_t offset, void *buffer, size_t n)
{
    const int *fd = context;
    return pread(*fd, buffer, n, (off_t)offset) == (ssize_t)n;
}

/* A file that can't be read has no facts: another check will tell. */
static struct file_facts *read_facts(struct walk *w, int dir_fd, const char *name,
                                     const struct scan_entry *e)
{
    autoclose int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    struct elf_bytes random = {read_file_at, &fd};
    struct facts_collector *c = facts_begin(e->path, e->size, &random);
    for (;;) {
        ssize_t n = io_read(fd, w->buffer, READ_SIZE);
        if (n <= 0 || !facts_add(c, w->buffer, (size_t)n))
            break;
    }
    return facts_end(c);
}

static void add_node(struct walk *w, int dir_fd, const char *name, const char *path,
                     const struct stat *st)
{
    struct scan_entry e = {
        .path = mem_strdup(path),
        .kind = SCAN_ENTRY,
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .size = S_ISREG(st->st_mode) ? st->st_size : 0,
    };
    if (S_ISLNK(st->st_mode))
        e.link = path_read_link(dir_fd, name);
    if (S_ISREG(st->st_mode) && facts_wanted(path, e.size))
        e.facts = read_facts(w, dir_fd, name, &e);
    MEM_PUSH(w->out->items, w->out->count, w->out->cap) = e;
}

/* A file that says what of the lower layers is deleted; true where it was one. */
static bool add_whiteout(struct walk *w, int dir_fd, const char *name, const char *path)
{
    bool plain = w->form->whiteouts == WHITEOUT_PLAIN;
    const char *deleted = name;
    if (plain ? whiteout_parse(name, &deleted) != WHITEOUT_PATH
              : !whiteout_at(w->form->whiteouts, dir_fd, name))
        return plain && whiteout_parse(name, &deleted) != WHITEOUT_NOT;
    autofree char *folder = path_dir(path);
    MEM_PUSH(w->out->items, w->out->count, w->out->cap) = (struct scan_entry){
        .path = mem_printf("%s/%s", str_eq(folder, "/") ? "" : folder, deleted),
        .kind = SCAN_WHITEOUT,
    };
    return true;
}

static void add_opaque(struct walk *w, const char *path)
{
    MEM_PUSH(w->out->items, w->out->count, w->out->cap) =
        (struct scan_entry){.path = mem_strdup(path), .kind = SCAN_OPAQUE};
}

static int walk_directory(struct walk *w, int fd, const char *path, size_t depth,
                          struct error *err);

static int walk_name(struct walk *w, int dir_fd, const char *name, const char *path, size_t depth,
                     struct error *err)
{
    struct stat st;
    if (owners_stat(w->form->owners, dir_fd, name, &st))
        return error_errno(err, ERROR_HOST, "look at %s", path);
    if (w->out->count >= SCAN_ENTRIES_MAX || depth > DEPTH_MAX)
        return error_set(err, ERROR_INPUT, "%s: there are too many files", path);
    if (add_whiteout(w, dir_fd, name, path))
        return 0;
    add_node(w, dir_fd, name, path, &st);
    if (!S_ISDIR(st.st_mode))
        return 0;
    autoclose int fd =
        openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == EACCES)
        return 0; /* its names are unknown, and so are they to the image's user */
    return fd < 0 ? error_errno(err, ERROR_HOST, "open %s", path)
                  : walk_directory(w, fd, path, depth + 1, err);
}

static int walk_directory(struct walk *w, int fd, const char *path, size_t depth, struct error *err)
{
    autostrv names = STRV_INIT;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    autoclosedir DIR *dir = own < 0 ? NULL : fdopendir(own);
    if (!dir) {
        error_errno(err, ERROR_HOST, "read %s", path);
        mem_close_at(&own);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            strv_add(&names, entry->d_name);
    strv_sort(&names);
    if (whiteout_is_opaque(w->form->whiteouts, fd))
        add_opaque(w, path);
    for (size_t i = 0; i < names.count; i++) {
        autofree char *below =
            mem_printf("%s/%s", strcmp(path, "/") != 0 ? path : "", names.items[i]);
        if (walk_name(w, fd, names.items[i], below, depth, err))
            return -1;
    }
    return 0;
}

int layer_scan_directory(int dir_fd, const struct inventory_form *form, struct scan_list *out,
                         struct error *err)
{
    autofree unsigned char *buffer = mem_alloc(READ_SIZE);
    struct walk w = {.form = form, .out = out, .buffer = buffer};
    return walk_directory(&w, dir_fd, "/", 0, err);
}
