#include "copy_resolve.h"

#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { LINKS_MAX = 40 };

/* The path so far, without symlinks, and what of the wanted path is still to be gone. */
struct resolution {
    int root_fd;
    struct strv done;
    struct strv todo; /* reversed: the next component is the last */
    size_t existing;  /* components of done that are there */
    unsigned links;
};

static void push_components(struct resolution *r, const char *path)
{
    autostrv parts = STRV_INIT;
    strv_split(&parts, path, '/');
    for (size_t i = parts.count; i-- > 0;)
        if (*parts.items[i])
            strv_add(&r->todo, parts.items[i]);
}

static char *pop(struct strv *v)
{
    char *last = v->items[--v->count];
    v->items[v->count] = NULL;
    return last;
}

static void go_up(struct resolution *r)
{
    if (!r->done.count)
        return; /* ".." of the root is the root */
    free(pop(&r->done));
    if (r->existing > r->done.count)
        r->existing = r->done.count;
}

/* Follow one component. Beneath something that is not there, nothing can be a symlink. */
static int step(struct resolution *r, const char *name, const char *whole, struct error *err)
{
    if (!strcmp(name, ".."))
        return go_up(r), 0;
    if (!strcmp(name, "."))
        return 0;
    strv_add(&r->done, name);
    if (r->root_fd < 0 || r->existing + 1 < r->done.count)
        return 0;
    autofree char *path = strv_join(&r->done, "/");
    autoclose int fd = path_open_beneath(r->root_fd, path, O_PATH | O_NOFOLLOW, 0);
    struct stat st;
    if (fd < 0) {
        if (errno == ENOENT)
            return 0;
        if (errno == ENOTDIR)
            return error_set(err, ERROR_INPUT,
                             "“%s”: a part of the path is a file in the image, not a directory",
                             whole);
        return error_errno(err, ERROR_HOST, "look at “/%s” in the image", path);
    }
    if (fstat(fd, &st))
        return error_errno(err, ERROR_HOST, "look at “/%s” in the image", path);
    if (!S_ISLNK(st.st_mode)) {
        r->existing = r->done.count;
        return 0;
    }
    autofree char *target = path_read_link(fd, "");
    if (!target)
        return error_errno(err, ERROR_HOST, "read the link “/%s” in the image", path);
    if (++r->links > LINKS_MAX)
        return error_set(err, ERROR_INPUT, "“%s”: too many symbolic links in the image", whole);
    free(pop(&r->done));
    if (*target == '/') {
        strv_release(&r->done);
        r->existing = 0;
    }
    push_components(r, target);
    return 0;
}

int copy_resolve(int root_fd, const char *path, char **out, size_t *existing, struct error *err)
{
    struct resolution r = {.root_fd = root_fd};
    push_components(&r, path);
    int result = 0;
    while (r.todo.count && !result) {
        autofree char *name = pop(&r.todo);
        result = step(&r, name, path, err);
    }
    if (!result) {
        *out = strv_join(&r.done, "/");
        *existing = 0;
        for (size_t i = 0; i < r.existing; i++)
            *existing += strlen(r.done.items[i]) + (i ? 1 : 0);
    }
    strv_release(&r.done);
    strv_release(&r.todo);
    return result;
}
