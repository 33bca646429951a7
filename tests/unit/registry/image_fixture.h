/* Small real images in layouts, and a layer sink that remembers what it took. */
#ifndef IMAGE_FIXTURE_H
#define IMAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "layout.h"
#include "pull.h"
#include "push.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* Fails the test with the error's own words. */
#define assert_done(call, err)                                                                     \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s: %s", #call, (err)->message);                                             \
    } while (0)

#define assert_error(call, err, kind_, words)                                                      \
    do {                                                                                           \
        assert_int_equal((call), -1);                                                              \
        if ((err)->kind != (kind_) || !strstr((err)->message, (words)))                            \
            fail_msg("%s: kind %d, %s", #call, (err)->kind, (err)->message);                       \
        error_release(err);                                                                        \
    } while (0)

struct fixture {
    char dir[64];
};

UNUSED static int fixture_setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    strcpy(f->dir, "/tmp/registry-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    *state = f;
    return 0;
}

UNUSED static int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    int failed = path_remove_tree(AT_FDCWD, f->dir, NULL);
    free(f);
    return failed;
}

UNUSED static char *fixture_path(const struct fixture *f, const char *name)
{
    return mem_printf("%s/%s", f->dir, name);
}

UNUSED static struct reference fixture_ref(const struct fixture *f, const char *transport,
                                           const char *name)
{
    autoerror err = ERROR_INIT;
    struct reference ref;
    autofree char *text = mem_printf("%s:%s/%s", transport, f->dir, name);
    assert_done(reference_parse(text, false, &ref, &err), &err);
    return ref;
}

UNUSED static size_t count_entries(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

UNUSED static size_t count_descriptors(void)
{
    return count_entries("/proc/self/fd");
}

/* A tar with one file; size of content: its text repeated. */
UNUSED static void make_layer(const char *text, size_t times, bool gzip, struct str *blob,
                              struct digest *diff_id)
{
    autostr content = STR_INIT;
    for (size_t i = 0; i < times; i++)
        str_add(&content, text);
    for (int pass = 0; pass < 2; pass++) {
        size_t room = content.len + 65536, used = 0;
        autofree char *bytes = mem_alloc(room);
        struct archive *a = archive_write_new();
        archive_write_set_format_ustar(a);
        if (pass && gzip)
            archive_write_add_filter_gzip(a);
        assert_int_equal(archive_write_open_memory(a, bytes, room, &used), ARCHIVE_OK);
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, "file");
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t)content.len);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        assert_int_equal(archive_write_data(a, content.data, content.len), content.len);
        archive_entry_free(e);
        archive_write_close(a);
        archive_write_free(a);
        if (!pass)
            digest_bytes(bytes, used, diff_id);
        else
            str_add_bytes(blob, bytes, used);
    }
}

/* An image of n layers in an open layout; *out is its manifest, not yet listed. */
UNUSED static void make_image(int layout, const char *arch, size_t n, bool gzip,
                              struct manifest *out)
{
    autoerror err = ERROR_INIT;
    struct descriptor layers[16] = {0};
    autostr ids = STR_INIT;
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++) {
        autostr blob = STR_INIT;
        struct digest diff_id;
        autofree char *text = mem_printf("%s layer %zu\n", arch, i);
        make_layer(text, 5000 * (i + 1), gzip, &blob, &diff_id);
        layers[i].media_type = mem_strdup(gzip ? MEDIA_OCI_LAYER_GZIP : MEDIA_OCI_LAYER);
        layers[i].size = (int64_t)blob.len;
        assert_done(layout_put_bytes(layout, blob.data, blob.len, &layers[i].digest, &err), &err);
        str_addf(&ids, "%s\"%s\"", i ? "," : "", diff_id.text);
    }
    autofree char *config = mem_printf("{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{},"
                                       "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s]}}",
                                       arch, str_text(&ids));
    struct descriptor c = {.media_type = mem_strdup(MEDIA_OCI_CONFIG),
                           .size = (int64_t)strlen(config)};
    assert_done(layout_put_bytes(layout, config, strlen(config), &c.digest, &err), &err);
    manifest_make(&c, layers, n, NULL, false, out);
    assert_done(layout_put_bytes(layout, out->bytes, out->size, NULL, &err), &err);
    descriptor_release(&c);
    for (size_t i = 0; i < n; i++)
        descriptor_release(&layers[i]);
}

UNUSED static int open_layout(const struct fixture *f, const char *name)
{
    autoerror err = ERROR_INIT;
    autofree char *path = fixture_path(f, name);
    assert_true(!mkdir(path, 0755) || access(path, F_OK) == 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_done(layout_init(fd, &err), &err);
    return fd;
}

/* A layout "name" that lists one image of n layers as "v1"; its digest. */
UNUSED static struct digest make_layout(const struct fixture *f, const char *name, size_t n,
                                        bool gzip)
{
    autoerror err = ERROR_INIT;
    automanifest m = {0};
    autoclose int fd = open_layout(f, name);
    make_image(fd, "amd64", n, gzip, &m);
    assert_done(layout_put_manifest(fd, &m, "v1", NULL, &err), &err);
    return m.digest;
}

/* The same with an index of amd64 (n layers), arm64 and an attestation. */
UNUSED static struct digest make_index_layout(const struct fixture *f, const char *name, size_t n)
{
    autoerror err = ERROR_INIT;
    autoclose int fd = open_layout(f, name);
    static const char *const archs[] = {"amd64", "arm64", "unknown"};
    struct descriptor items[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        automanifest m = {0};
        make_image(fd, archs[i], i ? 1 : n, true, &m);
        items[i] = (struct descriptor){.media_type = mem_strdup(m.media_type),
                                       .digest = m.digest,
                                       .size = (int64_t)m.size,
                                       .has_platform = true};
        platform_from(i == 2 ? "unknown" : "linux", archs[i], NULL, &items[i].platform);
    }
    automanifest index = {0};
    index_make(items, 3, NULL, false, &index);
    assert_done(layout_put_manifest(fd, &index, "v1", NULL, &err), &err);
    for (size_t i = 0; i < 3; i++)
        descriptor_release(&items[i]);
    return index.digest;
}

/* Replace a blob's bytes by others of the same size. */
UNUSED static void spoil_blob(int layout, const struct digest *digest)
{
    autofree char *path = mem_printf("blobs/sha256/%s", digest_hex(digest));
    autoclose int fd = openat(layout, path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat st;
    fstat(fd, &st);
    assert_int_equal(pwrite(fd, "spoiled", 7, st.st_size / 2), 7);
}

struct memory_sink {
    struct layer_sink sink;
    pthread_mutex_t lock;
    struct digest taken[32];
    size_t count;
    bool has_all;
    const char *refuse; /* hex of a diff_id that fails */
    bool verify;        /* the blob's digest, as unpacking would notice damage */
};

UNUSED static bool memory_has(struct layer_sink *self, const struct layer *layer)
{
    struct memory_sink *s = (struct memory_sink *)self;
    (void)layer;
    return s->has_all;
}

UNUSED static int memory_unpack(struct layer_sink *self, const struct layer *layer,
                                struct source *blob, struct error *err)
{
    struct memory_sink *s = (struct memory_sink *)self;
    char chunk[4096];
    ssize_t got;
    struct digest found;
    autodigester struct digester *h = digester_new();
    while ((got = source_read(blob, chunk, sizeof chunk, err)) > 0) {
        digester_add(h, chunk, (size_t)got);
        if (s->refuse && strstr(layer->diff_id.text, s->refuse))
            return error_set(err, ERROR_HOST, "no room");
    }
    if (got < 0)
        return -1;
    digester_finish(h, &found);
    if (s->verify && !digest_equal(&found, &layer->digest))
        return error_set(err, ERROR_INTEGRITY, "diff_id");
    pthread_mutex_lock(&s->lock);
    s->taken[s->count++] = layer->diff_id;
    pthread_mutex_unlock(&s->lock);
    return 0;
}

UNUSED static void memory_init(struct memory_sink *s)
{
    *s = (struct memory_sink){.sink = {memory_has, memory_unpack},
                              .lock = PTHREAD_MUTEX_INITIALIZER};
}

/* Copy between references given as transport and name. */
UNUSED static int copy(const struct reference *from, const struct reference *to,
                       const struct strv *tags, bool all, struct push_result *result,
                       struct error *err)
{
    struct image_source *source;
    struct push_options options = {.platform = NULL};
    if (image_source_open(from, NULL, &source, err))
        return -1;
    int failed = image_copy(source, to, tags, all, &options, result, err);
    image_source_close(source);
    return failed;
}

UNUSED static bool program_exists(const char *name)
{
    autofree char *path = mem_printf("/usr/bin/%s", name);
    return access(path, X_OK) == 0;
}

/* Run a program; its output (both) goes to the log on failure. */
UNUSED static int run_program(const char *const *argv)
{
    pid_t pid;
    int status;
    extern char **environ;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, (char **)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
