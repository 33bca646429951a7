/* Every fallible call of the store's work fails once, and the process dies at each once: a layer is
 * whole or not there, nothing is left over, and whoever opens the store next needs no repair. Real
 * in builds with IMGBUILD_FAULTS. */
#include "layer_fixture.h"

#include <rootfs/layer_blob.h>
#include <rootfs/snapshot.h>

enum { CALLS_MAX = 300, LEAK = 3, MUTE = 4 };

/* A layer to unpack, as it comes and as it should look. */
struct sample {
    struct fixture *f;
    struct str *tar;
    struct layer layer;
    char *wanted;
};

static void sample_init(struct sample *s, struct tar *t, struct fixture *f)
{
    static const unsigned char cap[20] = {1, 0, 0, 2, 0, 0x20};
    const struct layer_xattr xattrs[] = {{"security.capability", cap, sizeof cap}};
    tar_begin(t, f);
    tar_dir(t, "d", 02755);
    tar_put(t,
            &(struct layer_entry){.path = "d/program",
                                  .mode = S_IFREG | 04755,
                                  .uid = 7,
                                  .xattrs = xattrs,
                                  .xattr_count = 1},
            "text");
    tar_link(t, "d/link", "d/program");
    tar_symlink(t, "implied/symlink", "d");
    must(f, layer_tar_whiteout(t->tar, "d/gone", &f->err));
    must(f, layer_tar_opaque(t->tar, "fresh", &f->err));
    *s = (struct sample){.f = f, .tar = tar_end(t)};
    autoclose int dir = make_dir(f, "wanted");
    must(f, apply(f, dir, s->tar, &s->layer.diff_id));
    /* Directories that no entry names get the time at hand. */
    s->wanted = tree(dir);
    digest_bytes(s->tar->data, s->tar->len, &s->layer.digest);
    s->layer.size = (int64_t)s->tar->len;
}

static struct store *open_store(struct fixture *f, struct error *err)
{
    struct store *s = NULL;
    autofree char *root = mem_printf("%s/store", f->path);
    return store_open(root, NULL, &s, err) ? NULL : s;
}

static int unpack(const struct sample *s, struct store *store, struct error *err)
{
    struct layer_sink *sink = store_layer_sink(store);
    autosource *blob = source_verified(source_from_bytes(s->tar->data, s->tar->len),
                                       &s->layer.digest, s->layer.size, "the blob");
    return sink->unpack(sink, &s->layer, blob, err);
}

static int unpack_job(const struct sample *s, struct error *err)
{
    struct store *store = open_store(s->f, err);
    int code = !store || unpack(s, store, err) || store_sync(store, err) ? -1 : 0;
    store_close(store);
    return code;
}

/* What a step does: a file, and a layer of it as blob and as directory. */
static int run_step(struct store *store, struct error *err)
{
    static const struct compression gzip = {.kind = COMPRESSION_GZIP};
    static const struct layer_diff_options options = {.clamp = 0};
    autosnapshot snapshot = SNAPSHOT_NONE;
    autosink *to = NULL;
    struct layer_blob_result blob;
    struct layer_diff_stats stats;
    if (snapshot_new(store, NULL, 0, SNAPSHOT_WRITABLE, &snapshot, err))
        return -1;
    if (mkdirat(snapshot.root_fd, "made", 0755))
        return error_errno(err, ERROR_STEP, "make a directory");
    return layer_blob_new(store, NULL, &gzip, &blob, &to, err) ||
                   layer_diff(snapshot.upper_fd, &options, to, &stats, err) ||
                   sink_finish(to, err) || snapshot_adopt(&snapshot, &blob.diff_id, err) ||
                   store_sync(store, err)
               ? -1
               : 0;
}

static int step_job(const struct sample *s, struct error *err)
{
    struct store *store = open_store(s->f, err);
    int code = !store || run_step(store, err) ? -1 : 0;
    store_close(store);
    return code;
}

static bool keep_none(void *context, const char *hex)
{
    (void)context;
    (void)hex;
    return false;
}

static int prune_job(const struct sample *s, struct error *err)
{
    int64_t freed;
    struct store *store = open_store(s->f, err);
    int code = !store || store_prune(store, keep_none, keep_none, NULL, &freed, err) ? -1 : 0;
    store_close(store);
    return code;
}

static size_t count_descriptors(void)
{
    autoclosedir DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;
    while (readdir(dir))
        n++;
    return n;
}

typedef int job(const struct sample *s, struct error *err);

/* In a process of its own: its exit code, or -1 where it was killed. */
static int run_faulty(job *run, const struct sample *s, const char *variable, int n)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        char value[32];
        autoerror err = ERROR_INIT;
        snprintf(value, sizeof value, "%d:ENOSPC", n);
        size_t before = count_descriptors();
        setenv(variable, value, 1);
        int failed = run(s, &err);
        unsetenv(variable);
        bool mute = failed && (!err.message || err.kind == ERROR_NONE);
        error_release(&err);
        _exit(count_descriptors() != before ? LEAK : mute ? MUTE : failed ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t count_entries(int dir_fd)
{
    autoclosedir DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    size_t n = 0;
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    return n - 2;
}

/* The store opens as if nothing had been, with one folder in tmp/: the opener's own. */
static struct store *open_after(const struct sample *s)
{
    autoerror err = ERROR_INIT;
    struct store *store = open_store(s->f, &err);
    if (!store)
        fail_msg("%s", err.message);
    autoclose int tmp = openat(store_tmp_fd(store), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(count_entries(tmp), 1);
    return store;
}

/* All of the sample but the times of directories that it only implies. */
static void assert_whole(const struct sample *s, struct store *store)
{
    autoerror err = ERROR_INIT;
    autoclose int dir = store_open_layer(store, &s->layer.diff_id, &err);
    autoclose int wanted = openat(s->f->dir, "wanted", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    static const char *const implied[] = {"implied", "fresh"};
    for (size_t i = 0; i < COUNT_OF(implied); i++) {
        struct stat st = look(wanted, implied[i]);
        const struct timespec times[2] = {st.st_atim, st.st_mtim};
        assert_int_equal(utimensat(dir, implied[i], times, 0), 0);
    }
    autofree char *got = tree(dir);
    assert_trees_equal(s->wanted, got);
}

/* The fixture's own hold on the store would keep prune out. */
static void let_go(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

/* Each job over and over, until it needs no more calls than are let through. */
static void loop(struct fixture *f, const char *variable)
{
    job *const jobs[] = {unpack_job, step_job, prune_job};
    struct sample s;
    struct tar t;
    sample_init(&s, &t, f);
    let_go(f);
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        int n = 1, code = 1;
        for (; code && n < CALLS_MAX; n++) {
            code = run_faulty(jobs[i], &s, variable, n);
            if (code == LEAK || code == MUTE)
                fail_msg("job %zu, call %d: %s", i, n,
                         code == LEAK ? "descriptors leak" : "no message");
            struct store *store = open_after(&s);
            if (store_has_layer(store, &s.layer.diff_id))
                assert_whole(&s, store);
            else if (jobs[i] == unpack_job)
                assert_int_not_equal(code, 0);
            store_close(store);
        }
        if (n < 5 || n >= CALLS_MAX)
            fail_msg("job %zu: %d calls", i, n);
    }
    autoclose int layers = openat(f->dir, "store/layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int synced = openat(f->dir, "store/synced", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(count_entries(layers), 0); /* prune was last */
    assert_int_equal(count_entries(synced), 0);
    memory_release(&t.memory);
    free(s.wanted);
}

static void a_failure_anywhere_leaves_the_store_good(void **state)
{
    if (geteuid() != 0)
        skip();
    loop(*state, "IMGBUILD_FAULT");
}

static void death_anywhere_leaves_the_store_good(void **state)
{
    if (geteuid() != 0)
        skip();
    loop(*state, "IMGBUILD_KILL");
}

int main(void)
{
#ifndef IMGBUILD_FAULTS
    puts("1..0 # SKIP built without IMGBUILD_FAULTS");
    (void)a_failure_anywhere_leaves_the_store_good;
    (void)death_anywhere_leaves_the_store_good;
    return 0;
#else
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_failure_anywhere_leaves_the_store_good, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(death_anywhere_leaves_the_store_good, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
