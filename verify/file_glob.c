#include "file_glob.h"

#include <base/mem.h>
#include <base/path.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MATCHES_MAX = 10000 };

static bool exists(int root_fd, const char *path)
{
    autoclose int fd = path_open_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0);
    return fd >= 0;
}

/* One step: the paths of `from`, each with the names in it that the component matches. */
static int expand_component(int root_fd, const struct strv *from, const char *component,
                            struct strv *out, struct error *err)
{
    for (size_t i = 0; i < from->count; i++) {
        int fd = path_open_in_root(root_fd, *from->items[i] ? from->items[i] : "/",
                                   O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
        autoclosedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
            if (fd >= 0)
                close(fd);
            continue; /* no directory: nothing in it matches */
        }
        for (struct dirent *entry; (entry = readdir(dir));) {
            bool self = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
            if (self || fnmatch(component, entry->d_name, FNM_PERIOD))
                continue;
            if (out->count == MATCHES_MAX)
                return error_set(err, ERROR_INPUT, "more than %d files match", MATCHES_MAX);
            strv_addf(out, "%s/%s", from->items[i], entry->d_name);
        }
    }
    return 0;
}

int file_glob(int root_fd, const char *glob, struct strv *out, struct error *err)
{
    autostrv components = STRV_INIT;
    autostrv paths = STRV_INIT;
    strv_split(&components, glob, '/');
    strv_add(&paths, "");
    for (size_t i = 0; i < components.count; i++) {
        const char *component = components.items[i];
        if (!*component)
            continue;
        autostrv next = STRV_INIT;
        if (strpbrk(component, "*?[\\")) {
            if (expand_component(root_fd, &paths, component, &next, err))
                return -1;
        } else {
            for (size_t j = 0; j < paths.count; j++)
                strv_addf(&next, "%s/%s", paths.items[j], component);
        }
        strv_release(&paths);
        paths = next;
        next = STRV_INIT;
    }
    strv_sort(&paths);
    for (size_t i = 0; i < paths.count; i++)
        if (exists(root_fd, paths.items[i]))
            strv_add(out, paths.items[i]);
    return 0;
}
