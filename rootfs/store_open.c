/* Opening the store: folders, the leftovers of dead processes, and layers of another boot. */
#include "store_private.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

enum { BOOT_CAP = 128 };

int store_open_folder(int dir_fd, const char *name, mode_t mode, int *fd)
{
    if (io_fault() || (mkdirat(dir_fd, name, mode) && errno != EEXIST))
        return -1;
    *fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd < 0 ? -1 : 0;
}

static int make_file(int dir_fd, const char *name)
{
    autoclose int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 ? -1 : fchmod(fd, 0644);
}

/* The lowest layer of what runs: whatever the sandbox mounts there leaves no trace. */
static int make_skeleton(struct store *s)
{
    static const char *const folders[] = {"proc", "sys", "dev", "etc"};
    static const char *const files[] = {"etc/resolv.conf", "etc/hosts"};
    autoclose int skeleton = -1;
    if (store_open_folder(s->root_fd, "skeleton", 0700, &skeleton) ||
        store_open_folder(skeleton, "empty", 0755, &s->empty_fd) ||
        store_open_folder(skeleton, "mount-points", 0755, &s->mount_points_fd) ||
        fchmod(s->empty_fd, 0755) || fchmod(s->mount_points_fd, 0755))
        return -1;
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        autoclose int fd = -1;
        if (store_open_folder(s->mount_points_fd, folders[i], 0755, &fd) || fchmod(fd, 0755))
            return -1;
    }
    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (make_file(s->mount_points_fd, files[i]))
            return -1;
    return 0;
}

/* One store serves every mode: what is unpacked differs, so each kind has folders of its own. */
static const char *const kinds[][2] = {
    {"", "-plain"}, {"-mapped", "-mapped-plain"}, {"-recorded", "-recorded-plain"}};

static const char *kind_of(const struct store *s)
{
    size_t owners = s->mode.records_owners ? 2 : s->mode.in_user_namespace ? 1 : 0;
    return kinds[owners][s->form == WHITEOUT_PLAIN];
}

static int make_folders(struct store *s, struct error *err)
{
    autofree char *layers = mem_printf("layers%s", kind_of(s));
    autofree char *synced = mem_printf("synced%s", kind_of(s));
    if (store_open_folder(s->root_fd, "oci", 0700, &s->oci_fd) ||
        store_open_folder(s->root_fd, layers, 0700, &s->layers_fd) ||
        store_open_folder(s->root_fd, synced, 0700, &s->synced_fd) ||
        store_open_folder(s->root_fd, "cache", 0700, &s->cache_fd) || make_skeleton(s))
        return error_errno(err, ERROR_HOST, "make the folders of store %s", s->path);
    return 0;
}

int store_list(int dir_fd, struct strv *names)
{
    autoclose int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    take_fd(&fd);
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir);
        if (!e)
            return errno ? -1 : 0;
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            strv_add(names, e->d_name);
    }
}

/* A folder's owner is alive while its lock is held. One that never got as far as a lock is dead as
 * well: folders and locks are made under open.lock. */
static bool owner_lives(int folder_fd)
{
    autoclose int fd = openat(folder_fd, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
}

static int sweep(struct store *s, struct error *err)
{
    autostrv names = STRV_INIT;
    if (store_list(s->all_tmp_fd, &names))
        return error_errno(err, ERROR_HOST, "read tmp of store %s", s->path);
    for (size_t i = 0; i < names.count; i++) {
        autoclose int fd =
            openat(s->all_tmp_fd, names.items[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && owner_lives(fd))
            continue;
        autoerror problem = ERROR_INIT;
        if (path_remove_tree(s->all_tmp_fd, names.items[i], &problem))
            log_warning("store %s: leftovers stay: %s", s->path, problem.message);
    }
    return 0;
}

/* After another boot, a layer without its mark may be there in name only. */
static int drop_unmarked(struct store *s, int layers_fd, int synced_fd, struct error *err)
{
    autostrv names = STRV_INIT;
    if (store_list(layers_fd, &names))
        return error_errno(err, ERROR_HOST, "read layers of store %s", s->path);
    for (size_t i = 0; i < names.count; i++) {
        if (!faccessat(synced_fd, names.items[i], F_OK, 0))
            continue;
        log_info("store: layer %.12s was not synced before the machine went down; it goes",
                 names.items[i]);
        if (path_remove_tree(layers_fd, names.items[i], err))
            return error_wrap(err, "store %s", s->path);
    }
    return 0;
}

/* Of every kind: which of them were made since, nobody says. */
static int drop_all_unmarked(struct store *s, struct error *err)
{
    for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
        autofree char *layers = mem_printf("layers%s", kinds[i / 2][i % 2]);
        autofree char *synced = mem_printf("synced%s", kinds[i / 2][i % 2]);
        autoclose int layers_fd = openat(s->root_fd, layers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autoclose int synced_fd = openat(s->root_fd, synced, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (layers_fd >= 0 && drop_unmarked(s, layers_fd, synced_fd, err))
            return -1;
    }
    return 0;
}

static int check_boot(struct store *s, struct error *err)
{
    autostr now = STR_INIT;
    autostr then = STR_INIT;
    autoerror missing = ERROR_INIT;
    if (io_read_file(AT_FDCWD, BOOT_ID, BOOT_CAP, &now, err))
        return -1;
    if (io_read_file(s->root_fd, "boot", BOOT_CAP, &then, &missing))
        error_ignore(&missing, "a new store, or one whose layers are not to be trusted");
    if (str_eq(str_text(&now), str_text(&then)))
        return 0;
    if (drop_all_unmarked(s, err))
        return -1;
    return io_write_file(s->root_fd, "boot", now.data, now.len, 0600, 0, err);
}

static int make_tmp(struct store *s, struct error *err)
{
    char unique[17];
    io_random_name(unique);
    s->tmp_name = mem_printf("%ld-%s", (long)getpid(), unique);
    if (store_open_folder(s->root_fd, "tmp", 0700, &s->all_tmp_fd) ||
        store_open_folder(s->all_tmp_fd, s->tmp_name, 0700, &s->tmp_fd))
        return error_errno(err, ERROR_HOST, "make a folder in tmp of store %s", s->path);
    s->tmp_lock_fd = openat(s->tmp_fd, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->tmp_lock_fd < 0 || flock(s->tmp_lock_fd, LOCK_EX | LOCK_NB))
        return error_errno(err, ERROR_HOST, "lock a folder in tmp of store %s", s->path);
    return 0;
}

int store_prepare(struct store *s, struct error *err)
{
    autoclose int lock = openat(s->root_fd, "open.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return error_errno(err, ERROR_HOST, "lock store %s", s->path);
    if (store_lock(s, lock, LOCK_EX, err))
        return -1;
    if (s->mode.records_owners && owners_open(s->root_fd, "owners", &s->owners, err))
        return error_wrap(err, "store %s", s->path);
    if (make_tmp(s, err))
        return -1;
    store_choose_form(s);
    return make_folders(s, err) || check_boot(s, err) || sweep(s, err) ? -1 : 0;
}
