/* What the tests of layers share: a folder of their own with a store, tars made in memory, and
 * trees written down as text so that two can be compared. */
#ifndef TESTS_LAYER_FIXTURE_H
#define TESTS_LAYER_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <rootfs/layer_apply.h>
#include <rootfs/layer_diff.h>
#include <rootfs/layer_tar.h>
#include <rootfs/store.h>

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct fixture {
    char path[64];
    int dir;
    struct store *store;
    struct error err;
};

static inline int fixture_setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    log_set_level(LOG_QUIET);
    strcpy(f->path, "/tmp/layer_test.XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autofree char *root = mem_printf("%s/store", f->path);
    if (store_open(root, NULL, &f->store, &f->err))
        fail_msg("%s", f->err.message);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    close(f->dir);
    assert_int_equal(path_remove_tree(AT_FDCWD, f->path, NULL), 0);
    error_release(&f->err);
    free(f);
    return 0;
}

static inline void must(struct fixture *f, int code)
{
    if (code)
        fail_msg("%s", f->err.message);
}

/* Failed as said, with these words in the message; the error is then forgotten. */
static inline void assert_fails(struct fixture *f, int code, enum error_kind kind,
                                const char *words)
{
    assert_int_equal(code, -1);
    if (f->err.kind != kind || !strstr(f->err.message, words))
        fail_msg("kind %d, not %d with '%s': %s", f->err.kind, kind, words, f->err.message);
    error_release(&f->err);
}

static inline int make_dir(struct fixture *f, const char *name)
{
    assert_int_equal(mkdirat(f->dir, name, 0755), 0);
    int fd = openat(f->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static inline void write_text(int dir_fd, const char *path, const char *text)
{
    autoclose int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(io_write(fd, text, strlen(text)), 0);
}

/* A sink into a string. */
struct memory {
    struct sink sink;
    struct str bytes;
};

static inline int memory_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    (void)err;
    str_add_bytes(&((struct memory *)self)->bytes, bytes, n);
    return 0;
}

static inline int memory_finish(struct sink *self, struct error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static inline void memory_close(struct sink *self)
{
    str_release(&((struct memory *)self)->bytes);
}

#define MEMORY ((struct memory){.sink = {memory_write, memory_finish, memory_close}})
static inline void memory_release(struct memory *m)
{
    str_release(&m->bytes);
}
#define automemory __attribute__((cleanup(memory_release))) struct memory

static inline int apply(struct fixture *f, int dir_fd, const struct str *tar,
                        struct digest *diff_id)
{
    struct layer_apply_options options = {.what = "the layer", .device_nodes = true};
    autosource *from = source_from_bytes(str_text(tar), tar->len);
    struct digest ignored;
    return layer_apply(dir_fd, from, &options, diff_id ? diff_id : &ignored, &f->err);
}

static inline void diff(struct fixture *f, int dir_fd, struct memory *to)
{
    struct layer_diff_options options = {.clamp = -1};
    struct layer_diff_stats stats;
    must(f, layer_diff(dir_fd, &options, &to->sink, &stats, &f->err));
}

/* A tar in the making: entries without ceremony. */
struct tar {
    struct fixture *f;
    struct memory memory;
    struct layer_tar *tar;
};

static inline void tar_begin(struct tar *t, struct fixture *f)
{
    *t = (struct tar){.f = f, .memory = MEMORY};
    t->tar = layer_tar_new(&t->memory.sink, -1);
}

static inline void tar_put(struct tar *t, const struct layer_entry *e, const char *content)
{
    struct layer_entry whole = *e;
    if (content)
        whole.size = (int64_t)strlen(content);
    must(t->f, layer_tar_entry(t->tar, &whole, &t->f->err));
    if (content)
        must(t->f, layer_tar_content(t->tar, content, strlen(content), &t->f->err));
}

static inline void tar_file(struct tar *t, const char *path, const char *content)
{
    tar_put(t, &(struct layer_entry){.path = path, .mode = S_IFREG | 0644}, content);
}

static inline void tar_dir(struct tar *t, const char *path, mode_t mode)
{
    tar_put(t, &(struct layer_entry){.path = path, .mode = S_IFDIR | mode, .mtime = {1000, 0}},
            NULL);
}

static inline void tar_symlink(struct tar *t, const char *path, const char *target)
{
    tar_put(t, &(struct layer_entry){.path = path, .mode = S_IFLNK | 0777, .link = target}, NULL);
}

static inline void tar_link(struct tar *t, const char *path, const char *target)
{
    tar_put(t,
            &(struct layer_entry){
                .path = path, .mode = S_IFREG | 0644, .link = target, .hard_link = true},
            NULL);
}

static inline struct str *tar_end(struct tar *t)
{
    must(t->f, layer_tar_finish(t->tar, &t->f->err));
    layer_tar_free(t->tar);
    return &t->memory.bytes;
}

/* A tree as text: a line for each file with all that a layer keeps. */
static inline void write_xattrs(struct str *out, int dir_fd, const char *name)
{
    autofree char *path = mem_printf("/proc/self/fd/%d/%s", dir_fd, name);
    char names[4096], value[4096];
    ssize_t n = llistxattr(path, names, sizeof names);
    autostrv sorted = STRV_INIT;
    for (const char *at = names; n > 0 && at < names + n; at += strlen(at) + 1)
        if (!str_starts(at, "trusted.overlay.") && !str_eq(at, "security.selinux"))
            strv_add(&sorted, at);
    strv_sort(&sorted);
    for (size_t i = 0; i < sorted.count; i++) {
        ssize_t size = lgetxattr(path, sorted.items[i], value, sizeof value);
        str_addf(out, " %s=", sorted.items[i]);
        for (ssize_t k = 0; k < size; k++)
            str_addf(out, "%02x", (unsigned char)value[k]);
    }
}

static inline void write_content(struct str *out, int dir_fd, const char *name,
                                 const struct stat *st)
{
    if (S_ISLNK(st->st_mode)) {
        autofree char *target = path_read_link(dir_fd, name);
        str_addf(out, " -> %s", target);
    } else if (S_ISREG(st->st_mode)) {
        autoclose int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        static char block[65536];
        struct digester *d = digester_new();
        struct digest digest;
        for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;)
            digester_add(d, block, (size_t)n);
        digester_finish(d, &digest);
        digester_free(d);
        str_addf(out, " %" PRId64 " %.16s", (int64_t)st->st_size, digest_hex(&digest));
    } else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        str_addf(out, " %u:%u", major(st->st_rdev), minor(st->st_rdev));
    }
}

static inline void write_tree(struct str *out, int dir_fd, const char *prefix)
{
    autostrv names = STRV_INIT;
    autoclosedir DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            strv_add(&names, e->d_name);
    strv_sort(&names);
    for (size_t i = 0; i < names.count; i++) {
        struct stat st;
        const char *name = names.items[i];
        assert_int_equal(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        if (S_ISCHR(st.st_mode) && !st.st_rdev) { /* a whiteout has no looks */
            str_addf(out, "%s%s whiteout\n", prefix, name);
            continue;
        }
        str_addf(out, "%s%s %o %u:%u", prefix, name, st.st_mode, st.st_uid, st.st_gid);
        str_addf(out, " %" PRId64 ".%09ld", (int64_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
        if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
            str_addf(out, " links %u", (unsigned)st.st_nlink);
        write_content(out, dir_fd, name, &st);
        write_xattrs(out, dir_fd, name);
        str_add_char(out, '\n');
        if (!S_ISDIR(st.st_mode))
            continue;
        autofree char *inner = mem_printf("%s%s/", prefix, name);
        autoclose int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        write_tree(out, fd, inner);
    }
}

static inline char *tree(int dir_fd)
{
    struct str out = STR_INIT;
    write_tree(&out, dir_fd, "");
    return str_take(&out);
}

/* Shows the first line that differs. */
static inline void assert_trees_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    if (*a == *b)
        return;
    const char *start = a;
    (void)start;
    fail_msg("trees differ from here:\n%.300s\n--- and ---\n%.300s", a, b);
}

static inline bool exists(int dir_fd, const char *path)
{
    struct stat st;
    return !fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW);
}

static inline struct stat look(int dir_fd, const char *path)
{
    struct stat st;
    if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW))
        fail_msg("%s is not there", path);
    return st;
}

static inline char *content(int dir_fd, const char *path)
{
    autostr s = STR_INIT;
    autoerror err = ERROR_INIT;
    if (io_read_file(dir_fd, path, 1 << 20, &s, &err))
        fail_msg("%s", err.message);
    return str_take(&s);
}

/* Run a program to its end; its exit code. */
static inline int run_program(const char *const *argv)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#endif
