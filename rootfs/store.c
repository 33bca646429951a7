#include "store.h"

#include "layer_apply.h"
#include "store_private.h"
#include "view.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who is uid 0 of a user namespace may not be root anywhere else. */
static bool is_root(const struct mode *mode)
{
    if (geteuid() != 0 || mode->entered)
        return false;
    return !mode->in_user_namespace || !access("/var/lib/imgbuild", W_OK) ||
           !access("/var/lib", W_OK);
}

static char *default_path(const struct mode *mode)
{
    if (is_root(mode))
        return mem_strdup("/var/lib/imgbuild");
    const char *data = getenv("XDG_DATA_HOME");
    if (data && *data == '/')
        return mem_printf("%s/imgbuild", data);
    const char *home = getenv("HOME");
    return mem_printf("%s/.local/share/imgbuild", home && *home ? home : "");
}

/* A store has its lock from the first moment on; what it may be made in is empty, or the root of a
 * new file system. Any other directory is somebody's, and its mode none of our business. */
static int check_ours(const struct store *s, struct error *err)
{
    autostrv names = STRV_INIT;
    if (!faccessat(s->root_fd, "lock", F_OK, 0))
        return 0;
    if (store_list(s->root_fd, &names))
        return error_errno(err, ERROR_HOST, "open store %s", s->path);
    for (size_t i = 0; i < names.count; i++) {
        /* Another process may be making it at this moment. */
        if (str_eq(names.items[i], "lost+found") || str_eq(names.items[i], "lock"))
            continue;
        if (!faccessat(s->root_fd, "lock", F_OK, 0))
            return 0;
        error_set(err, ERROR_HOST, "%s is no store: it holds '%s'", s->path, names.items[i]);
        return error_hint(err, "Name a new or an empty directory: --root DIR.");
    }
    return 0;
}

static int open_root(struct store *s, struct error *err)
{
    if (path_make_dirs(s->path, err))
        return -1;
    s->root_fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (s->root_fd < 0 || fstat(s->root_fd, &st))
        return error_errno(err, ERROR_HOST, "open store %s", s->path);
    if (check_ours(s, err))
        return -1;
    /* Layers hold setuid programs that are none of the host's users' business; and a set-group-id
     * bit would be inherited by all of it. */
    if (st.st_uid == geteuid() && (st.st_mode & 07777) != 0700 && fchmod(s->root_fd, 0700))
        return error_errno(err, ERROR_HOST, "open store %s", s->path);
    return 0;
}

int store_lock(const struct store *s, int fd, int operation, struct error *err)
{
    if (!flock(fd, operation))
        return 0;
    return error_errno(err, errno == EINTR ? ERROR_INTERRUPTED : ERROR_HOST, "lock store %s",
                       s->path);
}

static int lock_shared(struct store *s, struct error *err)
{
    s->lock_fd = openat(s->root_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return error_errno(err, ERROR_HOST, "lock store %s", s->path);
    if (!flock(s->lock_fd, LOCK_SH | LOCK_NB))
        return 0;
    log_info("store %s is being pruned by another process: waiting", s->path);
    return store_lock(s, s->lock_fd, LOCK_SH, err);
}

/* What the registry fills: several layers at once. */
static bool sink_has(struct layer_sink *self, const struct layer *layer)
{
    return store_has_layer((struct store *)self, &layer->diff_id);
}

static int unpack_into(struct store *s, const char *name, const struct layer *layer,
                       struct source *blob, struct error *err)
{
    autoclose int fd = openat(s->tmp_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Whatever the umask: a layer need not say how its root looks. */
    if (fd < 0 || fchmod(fd, 0755))
        return error_errno(err, ERROR_HOST, "open a folder of store %s", s->path);
    autofree char *what = mem_printf("layer %s", layer->digest.text);
    struct layer_apply_options options = {.what = what, .owners = s->owners, .form = s->form};
    struct digest diff_id = DIGEST_NONE;
    if (layer_apply(fd, blob, &options, &diff_id, err))
        return -1;
    if (!digest_equal(&diff_id, &layer->diff_id))
        return error_set(err, ERROR_INTEGRITY,
                         "%s: its content has the digest %s, the image's config says %s", what,
                         diff_id.text, layer->diff_id.text);
    return store_adopt_layer(s, name, &layer->diff_id, err);
}

static int sink_unpack(struct layer_sink *self, const struct layer *layer, struct source *blob,
                       struct error *err)
{
    struct store *s = (struct store *)self;
    autofree char *name = store_tmp_name(s, "unpack");
    if (io_fault() || mkdirat(s->tmp_fd, name, 0755))
        return error_errno(err, ERROR_HOST, "make a folder in store %s", s->path);
    if (!unpack_into(s, name, layer, blob, err))
        return 0;
    autoerror ignored = ERROR_INIT;
    if (path_remove_tree(s->tmp_fd, name, &ignored))
        error_ignore(&ignored, "swept when the store is next opened");
    return -1;
}

int store_open(const char *root, const struct mode *mode, struct store **out, struct error *err)
{
    struct store *s = mem_zalloc(1, sizeof *s);
    s->mode = mode ? *mode : MODE_NOTHING;
    s->views = views_new(s);
    s->sink = (struct layer_sink){sink_has, sink_unpack};
    s->root_fd = s->oci_fd = s->cache_fd = s->layers_fd = s->synced_fd = s->all_tmp_fd = -1;
    s->empty_fd = s->mount_points_fd = s->lock_fd = s->tmp_fd = s->tmp_lock_fd = -1;
    autofree char *given = root ? NULL : default_path(&s->mode);
    root = root ? root : given;
    autofree char *cwd = *root == '/' ? mem_strdup("/") : getcwd(NULL, 0);
    s->path = path_join(cwd ? cwd : "", root);
    int code = cwd ? 0 : error_errno(err, ERROR_HOST, "find the working directory");
    if (code || open_root(s, err) || lock_shared(s, err) || store_prepare(s, err)) {
        store_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    autoerror ignored = ERROR_INIT;
    if (s->tmp_name && path_remove_tree(s->all_tmp_fd, s->tmp_name, &ignored))
        error_ignore(&ignored, "swept when the store is next opened");
    int *const fds[] = {&s->tmp_lock_fd, &s->tmp_fd,    &s->empty_fd,  &s->mount_points_fd,
                        &s->all_tmp_fd,  &s->synced_fd, &s->layers_fd, &s->cache_fd,
                        &s->oci_fd,      &s->lock_fd,   &s->root_fd};
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        mem_close_at(fds[i]);
    owners_close(s->owners);
    views_free(s->views);
    free(s->tmp_name);
    free(s->path);
    free(s);
}

struct owners *store_owners(const struct store *s)
{
    return s->owners;
}

const char *store_path(const struct store *s)
{
    return s->path;
}

const struct mode *store_mode(const struct store *s)
{
    return &s->mode;
}

enum whiteout_form store_form(const struct store *s)
{
    return s->form;
}

int store_oci_fd(const struct store *s)
{
    return s->oci_fd;
}

int store_cache_fd(const struct store *s)
{
    return s->cache_fd;
}

int store_tmp_fd(const struct store *s)
{
    return s->tmp_fd;
}

int store_empty_fd(const struct store *s)
{
    return s->empty_fd;
}

int store_mount_points_fd(const struct store *s)
{
    return s->mount_points_fd;
}

char *store_tmp_name(struct store *s, const char *prefix)
{
    return mem_printf("%s-%u", prefix, s->counter++);
}

struct layer_sink *store_layer_sink(struct store *s)
{
    return &s->sink;
}

bool store_has_layer(struct store *s, const struct digest *diff_id)
{
    return digest_is_set(diff_id) && !faccessat(s->layers_fd, digest_hex(diff_id), F_OK, 0);
}

int store_open_layer(struct store *s, const struct digest *diff_id, struct error *err)
{
    int fd = digest_is_set(diff_id) ? openat(s->layers_fd, digest_hex(diff_id),
                                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                                    : -1;
    if (fd < 0)
        return error_set(err, ERROR_MISSING, "layer %s is not in store %s", diff_id->text, s->path);
    return fd;
}

/* The directory is made by the name first and by the digest last, so that a layer is whole or not
 * there. */
int store_adopt_layer(struct store *s, const char *tmp_name, const struct digest *diff_id,
                      struct error *err)
{
    const char *hex = digest_hex(diff_id);
    int code = io_fault();
    if (!code)
        code = renameat2(s->tmp_fd, tmp_name, s->layers_fd, hex, RENAME_NOREPLACE);
    if (code && errno == EEXIST) {
        autofree char *kept = store_tmp_name(s, "twin");
        if (!io_rename(s->tmp_fd, tmp_name, s->tmp_fd, kept))
            return 0;
    }
    if (code)
        return error_errno(err, ERROR_HOST, "keep layer %s in store %s", diff_id->text, s->path);
    return 0;
}

static int mark(struct store *s, const char *hex)
{
    autoclose int fd =
        io_fault() ? -1 : openat(s->synced_fd, hex, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : 0;
}

/* Whoever made a layer, it is on the disk once it was there before a sync: so all get their marks,
 * those as well that another process left without. */
int store_sync(struct store *s, struct error *err)
{
    autostrv layers = STRV_INIT;
    int code = store_list(s->layers_fd, &layers);
    if (!code)
        code = io_fault() || syncfs(s->root_fd) ? -1 : 0;
    for (size_t i = 0; !code && i < layers.count; i++)
        if (faccessat(s->synced_fd, layers.items[i], F_OK, 0))
            code = mark(s, layers.items[i]);
    return code ? error_errno(err, ERROR_HOST, "sync store %s", s->path) : 0;
}
