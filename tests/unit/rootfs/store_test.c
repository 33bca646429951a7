/* The store: layers appear whole or not at all, the dead leave nothing, several processes share it.
 */
#include "layer_fixture.h"

#include <rootfs/layer_blob.h>

#include <base/pool.h>

#include <sys/file.h>

static struct store *open_again(struct fixture *f)
{
    struct store *s = NULL;
    autofree char *root = mem_printf("%s/store", f->path);
    must(f, store_open(root, NULL, &s, &f->err));
    return s;
}

static struct digest digest_of(const char *text)
{
    struct digest d;
    digest_bytes(text, strlen(text), &d);
    return d;
}

static void add_layer(struct fixture *f, struct store *s, const char *text)
{
    struct digest d = digest_of(text);
    autofree char *name = store_tmp_name(s, "test");
    assert_int_equal(mkdirat(store_tmp_fd(s), name, 0755), 0);
    autoclose int fd = openat(store_tmp_fd(s), name, O_RDONLY | O_DIRECTORY);
    write_text(fd, "file", text);
    must(f, store_adopt_layer(s, name, &d, &f->err));
}

static size_t count(struct fixture *f, const char *path)
{
    autofree char *whole = mem_printf("store/%s", path);
    autoclosedir DIR *dir = fdopendir(openat(f->dir, whole, O_RDONLY | O_DIRECTORY));
    size_t n = 0;
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    return n;
}

static void a_layer_is_there_once_adopted(void **state)
{
    struct fixture *f = *state;
    struct digest d = digest_of("one"), absent = digest_of("absent");
    assert_false(store_has_layer(f->store, &d));
    assert_fails(f, store_open_layer(f->store, &d, &f->err), ERROR_MISSING, d.text);
    add_layer(f, f->store, "one");
    assert_true(store_has_layer(f->store, &d));
    assert_false(store_has_layer(f->store, &absent));
    assert_false(store_has_layer(f->store, &DIGEST_NONE));
    autoclose int fd = store_open_layer(f->store, &d, &f->err);
    autofree char *text = content(fd, "file");
    assert_string_equal(text, "one");
    struct store *other = open_again(f);
    assert_true(store_has_layer(other, &d));
    store_close(other);
}

static void the_second_of_two_makers_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct digest d = digest_of("twin");
    struct store *other = open_again(f);
    assert_int_equal(mkdirat(store_tmp_fd(other), "mine", 0755), 0);
    autoclose int mine = openat(store_tmp_fd(other), "mine", O_RDONLY | O_DIRECTORY);
    write_text(mine, "file", "twin");
    add_layer(f, f->store, "twin");
    must(f, store_adopt_layer(other, "mine", &d, &f->err));
    autofree char *text = content(mine, "file"); /* the descriptor is still good */
    assert_string_equal(text, "twin");
    assert_int_equal(count(f, "layers"), 1);
    store_close(other);
    assert_int_equal(count(f, "tmp"), 1);
}

static void the_dead_are_swept_and_the_living_left(void **state)
{
    struct fixture *f = *state;
    pid_t pid = fork();
    if (!pid) {
        struct store *s = open_again(f);
        write_text(store_tmp_fd(s), "unfinished", "x");
        _exit(0); /* as if killed: nothing is closed in order */
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(count(f, "tmp"), 2);
    struct store *s = open_again(f);
    assert_int_equal(count(f, "tmp"), 2); /* ours and this one */
    assert_int_equal(faccessat(store_tmp_fd(f->store), "lock", F_OK, 0), 0);
    store_close(s);
    assert_int_equal(count(f, "tmp"), 1);
}

static void another_boot_s_unsynced_layers_go(void **state)
{
    struct fixture *f = *state;
    struct digest synced = digest_of("synced"), lost = digest_of("lost");
    add_layer(f, f->store, "synced");
    must(f, store_sync(f->store, &f->err));
    add_layer(f, f->store, "lost");
    store_close(open_again(f)); /* the same boot: all stays */
    assert_true(store_has_layer(f->store, &lost));
    write_text(f->dir, "store/boot", "00000000-0000-0000-0000-000000000000\n");
    store_close(open_again(f));
    assert_true(store_has_layer(f->store, &synced));
    assert_false(store_has_layer(f->store, &lost));
    /* And from now on this boot is the known one. */
    add_layer(f, f->store, "lost");
    store_close(open_again(f));
    assert_true(store_has_layer(f->store, &lost));
}

static bool keep_nothing(void *context, const char *hex)
{
    return context && str_eq(context, hex);
}

static void prune_frees_what_nobody_keeps(void **state)
{
    struct fixture *f = *state;
    add_layer(f, f->store, "kept");
    add_layer(f, f->store, "dropped");
    must(f, store_sync(f->store, &f->err));
    assert_int_equal(mkdirat(store_oci_fd(f->store), "blobs", 0755), 0);
    assert_int_equal(mkdirat(store_oci_fd(f->store), "blobs/sha256", 0755), 0);
    write_text(store_oci_fd(f->store), "blobs/sha256/abc", "blob");
    struct store_usage before, after;
    must(f, store_usage(f->store, &before, &f->err));
    assert_int_equal(before.layers, 2);
    assert_int_equal(before.blobs, 1);
    assert_true(before.layer_bytes > 0 && before.blob_bytes > 0);
    struct digest kept = digest_of("kept"), dropped = digest_of("dropped");
    int64_t freed = 0;
    must(f, store_prune(f->store, keep_nothing, keep_nothing, (void *)digest_hex(&kept), &freed,
                        &f->err));
    must(f, store_usage(f->store, &after, &f->err));
    assert_int_equal(after.layers, 1);
    assert_int_equal(after.blobs, 0);
    assert_int_equal(freed, before.layer_bytes + before.blob_bytes - after.layer_bytes);
    assert_true(store_has_layer(f->store, &kept));
    assert_false(store_has_layer(f->store, &dropped));
    assert_int_equal(count(f, "synced"), 1);
}

static void prune_waits_for_nobody(void **state)
{
    struct fixture *f = *state;
    struct store *other = open_again(f);
    int64_t freed;
    assert_fails(f, store_prune(f->store, keep_nothing, keep_nothing, NULL, &freed, &f->err),
                 ERROR_HOST, "in use");
    /* And its own share of the lock is as it was: the other can't prune either. */
    assert_fails(f, store_prune(other, keep_nothing, keep_nothing, NULL, &freed, &f->err),
                 ERROR_HOST, "in use");
    store_close(other);
    must(f, store_prune(f->store, keep_nothing, keep_nothing, NULL, &freed, &f->err));
}

static void make_layer(struct fixture *f, struct pool *pool, const char *text, struct layer *layer,
                       struct layer_blob_result *blob)
{
    static const struct compression gzip = {.kind = COMPRESSION_GZIP};
    struct sink *to;
    must(f, layer_blob_new(f->store, pool, &gzip, blob, &to, &f->err));
    struct layer_tar *tar = layer_tar_new(to, -1);
    for (int i = 0; i < 300; i++) {
        autofree char *path = mem_printf("dir%d/file%d", i % 7, i);
        const struct layer_entry e = {
            .path = path, .mode = S_IFREG | 0644, .size = (int64_t)strlen(text)};
        must(f, layer_tar_entry(tar, &e, &f->err));
        must(f, layer_tar_content(tar, text, strlen(text), &f->err));
    }
    must(f, layer_tar_finish(tar, &f->err));
    must(f, sink_finish(to, &f->err));
    layer_tar_free(tar);
    sink_close(to);
    *layer = (struct layer){.digest = blob->digest,
                            .size = blob->size,
                            .media_type = "application/vnd.oci.image.layer.v1.tar+gzip",
                            .diff_id = blob->diff_id};
}

static int unpack(struct fixture *f, struct store *s, const struct layer *layer, const char *name,
                  struct error *err)
{
    struct layer_sink *sink = store_layer_sink(s);
    int fd = openat(store_tmp_fd(f->store), name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    autosource *blob =
        source_verified(source_from_fd(fd, name), &layer->digest, layer->size, "blob");
    return sink->unpack(sink, layer, blob, err);
}

static void the_layer_sink_keeps_verified_layers(void **state)
{
    struct fixture *f = *state;
    struct layer layer;
    struct layer_blob_result blob;
    make_layer(f, NULL, "text", &layer, &blob);
    assert_true(blob.tar_size > 300 * 1024);
    struct layer_sink *sink = store_layer_sink(f->store);
    assert_false(sink->has(sink, &layer));
    must(f, unpack(f, f->store, &layer, blob.name, &f->err));
    assert_true(sink->has(sink, &layer));
    autoclose int fd = store_open_layer(f->store, &layer.diff_id, &f->err);
    autofree char *text = content(fd, "dir6/file6");
    assert_string_equal(text, "text");
    struct layer wrong = layer;
    wrong.diff_id = digest_of("wrong");
    assert_fails(f, unpack(f, f->store, &wrong, blob.name, &f->err), ERROR_INTEGRITY,
                 "the image's config says");
    struct layer other = layer;
    other.digest = digest_of("other");
    other.diff_id = digest_of("other");
    assert_fails(f, unpack(f, f->store, &other, blob.name, &f->err), ERROR_INTEGRITY, "blob");
    assert_int_equal(count(f, "layers"), 1);
    autoclosedir DIR *tmp = fdopendir(openat(store_tmp_fd(f->store), ".", O_RDONLY));
    for (struct dirent *e; (e = readdir(tmp));)
        assert_false(str_starts(e->d_name, "unpack"));
}

static void the_umask_does_not_matter(void **state)
{
    struct fixture *f = *state;
    struct layer layer;
    struct layer_blob_result blob;
    make_layer(f, NULL, "text", &layer, &blob);
    mode_t mask = umask(077);
    int code = unpack(f, f->store, &layer, blob.name, &f->err);
    umask(mask);
    must(f, code);
    autoclose int fd = store_open_layer(f->store, &layer.diff_id, &f->err);
    assert_int_equal(look(fd, ".").st_mode, S_IFDIR | 0755);
    assert_int_equal(look(fd, "dir6").st_mode, S_IFDIR | 0755);
}

/* A store on a disk that fills up: the error says what to do, nothing half-made stays, and with
 * more room the same layer unpacks. */
static void a_full_disk_spoils_nothing(void **state)
{
    struct fixture *f = *state;
    autofree char *where = mem_printf("%s/small", f->path);
    const char *const mount_argv[] = {"mount",     "-t",   "tmpfs", "-o",
                                      "size=256k", "none", where,   NULL};
    const char *const more_argv[] = {"mount", "-o", "remount,size=8m", where, NULL};
    const char *const umount_argv[] = {"umount", where, NULL};
    assert_int_equal(mkdir(where, 0755), 0);
    if (geteuid() != 0 || run_program(mount_argv))
        skip();
    struct layer layer;
    struct layer_blob_result blob, second;
    make_layer(f, NULL, "text", &layer, &blob);
    struct store *small = NULL;
    must(f, store_open(where, NULL, &small, &f->err));
    int code = unpack(f, small, &layer, blob.name, &f->err);
    int full = f->err.sys;
    bool hint = f->err.hint != NULL, there = store_has_layer(small, &layer.diff_id);
    error_release(&f->err);
    static const struct compression none = {.kind = COMPRESSION_NONE};
    struct sink *to;
    must(f, layer_blob_new(small, NULL, &none, &second, &to, &f->err));
    static const char zeros[1 << 20];
    int blob_code = sink_write(to, zeros, sizeof zeros, &f->err);
    int blob_full = f->err.sys;
    error_release(&f->err);
    sink_close(to);
    must(f, run_program(more_argv));
    int again = unpack(f, small, &layer, blob.name, &f->err);
    bool there_now = store_has_layer(small, &layer.diff_id);
    store_close(small);
    assert_int_equal(run_program(umount_argv), 0);
    assert_int_equal(code, -1);
    assert_int_equal(full, ENOSPC);
    assert_true(hint && !there);
    assert_int_equal(blob_code, -1);
    assert_int_equal(blob_full, ENOSPC);
    must(f, again);
    assert_true(there_now);
}

struct unpack_job {
    struct fixture *f;
    const struct layer *layer;
    const char *name;
};

static int unpack_job(void *context, struct error *err)
{
    struct unpack_job *j = context;
    return unpack(j->f, j->f->store, j->layer, j->name, err);
}

static void the_same_layer_may_come_several_times_at_once(void **state)
{
    struct fixture *f = *state;
    struct pool *pool = pool_new(4);
    struct layer layer;
    struct layer_blob_result blob;
    make_layer(f, pool, "some text", &layer, &blob);
    struct unpack_job job = {f, &layer, blob.name};
    struct pool_group *group = pool_group_new(pool);
    for (int i = 0; i < 6; i++)
        pool_run(group, unpack_job, &job);
    must(f, pool_wait(group, &f->err));
    pool_group_free(group);
    pool_free(pool);
    assert_int_equal(count(f, "layers"), 1);
}

static void processes_may_unpack_the_same_layer(void **state)
{
    struct fixture *f = *state;
    struct layer layer;
    struct layer_blob_result blob;
    make_layer(f, NULL, "some text", &layer, &blob);
    pid_t pids[4];
    for (size_t i = 0; i < COUNT_OF(pids); i++) {
        pids[i] = fork();
        if (!pids[i]) {
            autoerror err = ERROR_INIT;
            struct store *s = open_again(f);
            int code = unpack(f, s, &layer, blob.name, &err);
            store_close(s);
            error_release(&err);
            _exit(code ? 1 : 0);
        }
    }
    for (size_t i = 0; i < COUNT_OF(pids); i++) {
        int status;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_true(store_has_layer(f->store, &layer.diff_id));
    assert_int_equal(count(f, "tmp"), 1);
}

static void blobs_are_the_same_with_any_threads(void **state)
{
    struct fixture *f = *state;
    struct pool *pool = pool_new(3);
    struct layer a, b;
    struct layer_blob_result x, y;
    make_layer(f, NULL, "0123456789 some text", &a, &x);
    make_layer(f, pool, "0123456789 some text", &b, &y);
    pool_free(pool);
    assert_string_equal(a.digest.text, b.digest.text);
    assert_string_equal(a.diff_id.text, b.diff_id.text);
    struct stat st = look(store_tmp_fd(f->store), x.name);
    assert_int_equal(st.st_size, x.size);
}

static void an_unfinished_blob_leaves_no_file(void **state)
{
    struct fixture *f = *state;
    static const struct compression zstd = {.kind = COMPRESSION_ZSTD};
    struct layer_blob_result blob;
    struct sink *to;
    must(f, layer_blob_new(f->store, NULL, &zstd, &blob, &to, &f->err));
    must(f, sink_write(to, "x", 1, &f->err));
    sink_close(to);
    autoclosedir DIR *tmp = fdopendir(openat(store_tmp_fd(f->store), ".", O_RDONLY));
    for (struct dirent *e; (e = readdir(tmp));)
        assert_false(str_starts(e->d_name, "blob"));
}

static void unfit_file_systems_are_named(void **state)
{
    struct fixture *f = *state;
    struct store *s = NULL;
    write_text(f->dir, "file", "x");
    autofree char *path = mem_printf("%s/file/store", f->path);
    assert_fails(f, store_open(path, NULL, &s, &f->err), ERROR_HOST, "make directory");
    assert_null(s);
}

/* A slip of the hand, as --root /tmp, changes nothing there. */
static void a_directory_of_somebody_else_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct store *s = NULL;
    autofree char *path = mem_printf("%s/theirs", f->path);
    autoclose int dir = make_dir(f, "theirs");
    assert_int_equal(fchmod(dir, 01777), 0);
    assert_int_equal(mkdirat(dir, "lost+found", 0700), 0);
    write_text(dir, "file", "x");
    assert_fails(f, store_open(path, NULL, &s, &f->err), ERROR_HOST,
                 "is no store: it holds 'file'");
    assert_int_equal(look(dir, ".").st_mode, S_IFDIR | 01777);
    assert_false(exists(dir, "lock"));
    assert_int_equal(unlinkat(dir, "file", 0), 0);
    must(f, store_open(path, NULL, &s, &f->err));
    store_close(s);
    must(f, store_open(path, NULL, &s, &f->err));
    store_close(s);
    assert_int_equal(look(dir, ".").st_mode, S_IFDIR | 0700);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_layer_is_there_once_adopted),
        CASE(the_second_of_two_makers_loses_nothing),
        CASE(the_dead_are_swept_and_the_living_left),
        CASE(another_boot_s_unsynced_layers_go),
        CASE(prune_frees_what_nobody_keeps),
        CASE(prune_waits_for_nobody),
        CASE(the_layer_sink_keeps_verified_layers),
        CASE(the_umask_does_not_matter),
        CASE(a_full_disk_spoils_nothing),
        CASE(the_same_layer_may_come_several_times_at_once),
        CASE(processes_may_unpack_the_same_layer),
        CASE(blobs_are_the_same_with_any_threads),
        CASE(an_unfinished_blob_leaves_no_file),
        CASE(a_directory_of_somebody_else_is_left_alone),
        CASE(unfit_file_systems_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
