#include "tree_copy.h"

#include <base/digest.h>
#include <base/mem.h>
#include <base/pipe.h>
#include <base/stream.h>
#include <rootfs/layer_apply.h>
#include <rootfs/layer_diff.h>

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_SIZE = 1024 * 1024 };

struct reading {
    struct owners *owners;
    int from_fd;
    struct sink *sink;
    struct error err;
    int result;
};

static void *read_tree(void *argument)
{
    struct reading *r = argument;
    static const char *const none[] = {NULL};
    struct layer_diff_options options = {.skip = none, .clamp = -1, .owners = r->owners};
    struct layer_diff_stats stats;
    r->result =
        layer_diff(r->from_fd, &options, r->sink, &stats, &r->err) || sink_finish(r->sink, &r->err)
            ? -1
            : 0;
    sink_close(r->sink);
    return NULL;
}

int tree_copy(int from_fd, int to_fd, struct owners *owners, struct error *err)
{
    struct stat st;
    if (owners_stat(owners, from_fd, "", &st) ||
        owners_give(owners, to_fd, "", st.st_uid, st.st_gid) || fchmod(to_fd, st.st_mode & 07777))
        return error_errno(err, ERROR_HOST, "copy a directory");
    struct reading r = {.from_fd = from_fd, .owners = owners, .err = ERROR_INIT};
    autosource *tar = NULL;
    pthread_t thread;
    pipe_new(PIPE_SIZE, &tar, &r.sink);
    if (pthread_create(&thread, NULL, read_tree, &r)) {
        sink_close(r.sink);
        return error_set(err, ERROR_HOST, "start a thread");
    }
    struct layer_apply_options options = {
        .what = "copied files", .device_nodes = true, .owners = owners};
    struct digest diff_id;
    int result = layer_apply(to_fd, tar, &options, &diff_id, err);
    source_close(take(&tar)); /* a writer still at it must not wait for a reader that gave up */
    pthread_join(thread, NULL);
    if (r.result && (!result || (err && err->kind == ERROR_INTERRUPTED)))
        return error_move(err, &r.err);
    error_release(&r.err);
    return result;
}
