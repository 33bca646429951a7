/* Where the store would be, what that place costs, and which would do better. */
#include "doctor.h"

#include "mode.h"
#include "store.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Less room than this is soon used up: an image and its layers take it several times. */
static const int64_t LITTLE_ROOM = INT64_C(5) << 30;

static const struct {
    unsigned long magic;
    const char *name;
} systems[] = {{EXT4_SUPER_MAGIC, "ext4"},
               {0x58465342, "xfs"},
               {BTRFS_SUPER_MAGIC, "btrfs"},
               {TMPFS_MAGIC, "tmpfs"},
               {OVERLAYFS_SUPER_MAGIC, "overlay"},
               {NFS_SUPER_MAGIC, "nfs"},
               {ECRYPTFS_SUPER_MAGIC, "ecryptfs"},
               {0x65735546, "fuse"},
               {0x01021997, "9p"},
               {0x2fc12fc1, "zfs"},
               {F2FS_SUPER_MAGIC, "f2fs"},
               {0xff534d42, "cifs"},
               {RAMFS_MAGIC, "ramfs"}};

static char *system_name(const char *path)
{
    struct statfs fs;
    if (statfs(path, &fs))
        return mem_strdup("unknown");
    for (size_t i = 0; i < COUNT_OF(systems); i++)
        if ((unsigned long)fs.f_type == systems[i].magic)
            return mem_strdup(systems[i].name);
    return mem_printf("%#lx", (unsigned long)fs.f_type);
}

static int64_t free_bytes(const char *path)
{
    struct statvfs fs;
    return statvfs(path, &fs) ? 0 : (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

/* The folder itself, or the nearest above it that is there; the caller frees it. */
static char *existing(const char *path)
{
    char *at = mem_strdup(path);
    while (access(at, F_OK) && strcmp(at, "/") != 0 && strcmp(at, ".") != 0) {
        char *up = path_dir(at);
        free(at);
        at = up;
    }
    return at;
}

/* What a store in this folder would be like, tried in one that goes again: "overlay", "copies", or
 * NULL with *why. */
static const char *try_folder(const char *folder, const struct mode *mode, struct error *why)
{
    char unique[17];
    io_random_name(unique);
    autofree char *name = mem_printf(".imgbuild-doctor-%s", unique);
    autofree char *path = path_join(folder, name);
    struct store *store = NULL;
    const char *form = NULL;
    if (mkdir(path, 0700)) {
        error_errno(why, ERROR_HOST, "make a folder in %s", folder);
        return NULL;
    }
    if (!store_open(path, mode, &store, why))
        form = store_form(store) == WHITEOUT_PLAIN ? "copies" : "overlay";
    store_close(store);
    autoerror left = ERROR_INIT;
    autoclose int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && path_remove_tree(fd, name, &left))
        error_ignore(&left, "it is empty");
    return form;
}

/* The folder with the most room of those in which an overlay can be; the caller frees it. */
static char *find_better(const struct mode *mode, const char *than)
{
    const char *home = getenv("HOME"), *runtime = getenv("XDG_RUNTIME_DIR");
    const char *const places[] = {"/var/tmp", "/tmp", home, "/var/lib", "/dev/shm", runtime};
    const char *best = NULL;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        autoerror ignored = ERROR_INIT;
        if (!places[i] || *places[i] != '/' || str_eq(places[i], than) || access(places[i], W_OK))
            continue;
        if (best && free_bytes(places[i]) <= free_bytes(best))
            continue;
        if (str_eq(try_folder(places[i], mode, &ignored), "overlay"))
            best = places[i];
    }
    return best ? mem_printf("%s/imgbuild", best) : NULL;
}

static char *default_root(void)
{
    const char *root = getenv("IMGBUILD_ROOT"), *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (root && *root)
        return mem_strdup(root);
    if (!geteuid() && (!home || str_eq(home, "/root")))
        return mem_strdup("/var/lib/imgbuild");
    return data && *data ? mem_printf("%s/imgbuild", data)
                         : mem_printf("%s/.local/share/imgbuild", home ? home : "");
}

json_t *doctor_store(const char *given, const struct mode *mode)
{
    autofree char *root = given ? mem_strdup(given) : default_root();
    autofree char *folder = existing(root);
    autofree char *system = system_name(folder);
    autoerror why = ERROR_INIT;
    bool mounts = mode->view == MODE_VIEW_MOUNTS;
    const char *form = try_folder(folder, mode, &why);
    int64_t room = free_bytes(folder);
    autofree char *better = (mounts && !str_eq(form, "overlay")) || room < LITTLE_ROOM
                                ? find_better(mode, folder)
                                : NULL;
    const char *cost = !form                     ? why.message
                       : str_eq(form, "overlay") ? NULL
                       : mounts ? "no overlay can be here, so each step's root is made by "
                                  "copying the image"
                                : "this mode has no overlay, so each step's root is made by "
                                  "copying the image";
    return json_pack("{s:s, s:s, s:I, s:b, s:o, s:o, s:o}", "path", root, "file_system", system,
                     "free_bytes", (json_int_t)room, "little_room", room < LITTLE_ROOM, "form",
                     form ? json_string(form) : json_null(), "cost",
                     cost ? json_from_text(cost) : json_null(), "better",
                     better ? json_from_text(better) : json_null());
}
