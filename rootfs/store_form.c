/* Whether an overlay can be in a store, which its file system and the mode decide together. */
#include "overlay.h"
#include "store_private.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TRIAL "trial"
enum { XFS_MAGIC = 0x58465342 };

/* Those of which it is known, for root. */
static bool is_fit(int fd)
{
    static const long magics[] = {EXT4_SUPER_MAGIC, XFS_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC};
    struct statfs fs;
    for (size_t i = 0; i < COUNT_OF(magics) && !fstatfs(fd, &fs); i++)
        if ((long)fs.f_type == magics[i])
            return true;
    return false;
}

/* An overlay is mounted without it too, and then can't say what is deleted below a directory. */
static int try_mark(int upper_fd, enum whiteout_form form, struct error *err)
{
    if (!whiteout_set_opaque(form, upper_fd))
        return 0;
    return error_errno(err, ERROR_HOST, "its file system keeps no attributes");
}

static int try_overlay(const struct store *s, enum whiteout_form form, struct error *err)
{
    autoclose int folder = -1, lower = -1, upper = -1, work = -1;
    if (store_open_folder(s->tmp_fd, TRIAL, 0700, &folder) ||
        store_open_folder(folder, "lower", 0700, &lower) ||
        store_open_folder(folder, "upper", 0700, &upper) ||
        store_open_folder(folder, "work", 0700, &work))
        return error_errno(err, ERROR_HOST, "make folders");
    const struct overlay_spec spec = {.lower_fds = &lower,
                                      .lower_count = 1,
                                      .upper_fd = upper,
                                      .work_fd = work,
                                      .attach_fd = folder,
                                      .user_xattr = form == WHITEOUT_USER};
    if (try_mark(upper, form, err))
        return -1;
    autoclose int mount = overlay_mount(&spec, err);
    return mount < 0 ? -1 : 0;
}

void store_choose_form(struct store *s)
{
    s->form = s->mode.in_user_namespace ? WHITEOUT_USER : WHITEOUT_TRUSTED;
    if (s->mode.view != MODE_VIEW_MOUNTS) {
        s->form = WHITEOUT_PLAIN;
        return;
    }
    if (!s->mode.in_user_namespace && is_fit(s->root_fd))
        return;
    autoerror why = ERROR_INIT, ignored = ERROR_INIT;
    if (try_overlay(s, s->form, &why)) {
        log_info("store %s: no overlay can be here (%s), so merged roots are made by copying; "
                 "--root on ext4, xfs, btrfs or tmpfs does better",
                 s->path, why.message);
        s->form = WHITEOUT_PLAIN;
    }
    if (path_remove_tree(s->tmp_fd, TRIAL, &ignored))
        error_ignore(&ignored, "removed with all of tmp when the store is closed");
}
