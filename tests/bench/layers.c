/* Times of the layers' paths on a given tar: unpack, compress, diff. Prints the minimum of some
 * runs for each, in seconds. Not part of the test suite.
 *
 *   layers TAR DIRECTORY [RUNS]
 *
 * DIRECTORY gets a store and is emptied again; on tmpfs, write and delete about 1 GB there just
 * before, or the first touch of memory is what is measured. */
#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/pool.h>
#include <rootfs/layer_apply.h>
#include <rootfs/layer_blob.h>
#include <rootfs/layer_diff.h>
#include <rootfs/snapshot.h>
#include <rootfs/store.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct bench {
    struct store *store;
    struct pool *pool;
    const char *tar;
    int runs;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int failed, struct error *err)
{
    if (!failed)
        return;
    error_print(err, stderr, 0);
    exit(1);
}

static void report(const char *what, double seconds, const char *note)
{
    printf("%-28s %.3f s  %s\n", what, seconds, note);
    fflush(stdout);
}

static struct source *open_file(int dir_fd, const char *path)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return source_from_fd(fd, path);
}

/* The blob stays in the store's tmp/ under result->name. */
static double compress(struct bench *b, const struct compression *c,
                       struct layer_blob_result *result)
{
    autoerror err = ERROR_INIT;
    double start = now();
    autosource *from = open_file(AT_FDCWD, b->tar);
    struct sink *to;
    must(layer_blob_new(b->store, b->pool, c, result, &to, &err), &err);
    must(stream_copy(from, to, NULL, &err) || sink_finish(to, &err), &err);
    sink_close(to);
    return now() - start;
}

static double unpack(struct bench *b, const struct layer_blob_result *blob, const char *name)
{
    autoerror err = ERROR_INIT;
    int tmp = store_tmp_fd(b->store);
    double start = now();
    must(mkdirat(tmp, name, 0755), &err);
    autoclose int dir = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autosource *from =
        source_verified(open_file(tmp, blob->name), &blob->digest, blob->size, "the blob");
    struct layer_apply_options options = {.what = "layer", .device_nodes = true};
    struct digest diff_id;
    must(layer_apply(dir, from, &options, &diff_id, &err), &err);
    if (!digest_equal(&diff_id, &blob->diff_id))
        must(error_set(&err, ERROR_INTEGRITY, "another diff_id"), &err);
    return now() - start;
}

static double diff(struct bench *b, const char *name, const struct compression *c)
{
    autoerror err = ERROR_INIT;
    struct layer_blob_result result;
    struct layer_diff_options options = {.clamp = -1};
    struct layer_diff_stats stats;
    autoclose int dir = openat(store_tmp_fd(b->store), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    double start = now();
    struct sink *to;
    must(layer_blob_new(b->store, b->pool, c, &result, &to, &err), &err);
    must(layer_diff(dir, &options, to, &stats, &err) || sink_finish(to, &err), &err);
    sink_close(to);
    double seconds = now() - start;
    unlinkat(store_tmp_fd(b->store), result.name, 0);
    return seconds;
}

static double least(double a, double b)
{
    return b < a ? b : a;
}

static void run(struct bench *b, const char *text)
{
    autoerror err = ERROR_INIT;
    struct compression c;
    must(compression_parse(text, &c, &err), &err);
    struct layer_blob_result blob;
    double packing = 1e9, unpacking = 1e9, diffing = 1e9;
    char name[32], note[64], what[64];
    for (int i = 0; i < b->runs; i++) {
        packing = least(packing, compress(b, &c, &blob));
        snprintf(name, sizeof name, "bench-%d", i);
        unpacking = least(unpacking, unpack(b, &blob, name));
        diffing = least(diffing, diff(b, name, &c));
        unlinkat(store_tmp_fd(b->store), blob.name, 0);
        must(path_remove_tree(store_tmp_fd(b->store), name, &err), &err);
    }
    snprintf(note, sizeof note, "%.1f of %.1f MB, ratio %.4f", (double)blob.size / 1e6,
             (double)blob.tar_size / 1e6, (double)blob.size / (double)blob.tar_size);
    snprintf(what, sizeof what, "compress %s", text);
    report(what, packing, note);
    snprintf(what, sizeof what, "unpack %s", text);
    report(what, unpacking, "both digests verified");
    snprintf(what, sizeof what, "diff and compress %s", text);
    report(what, diffing, "");
}

static void snapshots(struct bench *b)
{
    autoerror err = ERROR_INIT;
    double best = 1e9;
    for (int i = 0; i < 50; i++) {
        double start = now();
        struct snapshot s;
        must(snapshot_new(b->store, NULL, 0, SNAPSHOT_WRITABLE | SNAPSHOT_MOUNT_POINTS, &s, &err),
             &err);
        snapshot_release(&s);
        best = least(best, now() - start);
    }
    printf("%-28s %.0f us\n", "snapshot made and dropped", best * 1e6);
}

int main(int argc, char **argv)
{
    autoerror err = ERROR_INIT;
    if (argc < 3) {
        fprintf(stderr, "usage: layers TAR DIRECTORY [RUNS]\n");
        return 2;
    }
    struct bench b = {.tar = argv[1], .runs = argc > 3 ? atoi(argv[3]) : 5};
    static const char *const kinds[] = {"none", "gzip", "zstd"};
    must(store_open(argv[2], NULL, &b.store, &err), &err);
    b.pool = pool_new(0);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        run(&b, kinds[i]);
    if (geteuid() == 0)
        snapshots(&b);
    pool_free(b.pool);
    store_close(b.store);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("%-28s %.1f MB\n", "resident memory, at most", (double)use.ru_maxrss / 1024);
    return 0;
}
