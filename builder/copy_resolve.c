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
    int (*look)(void *context, const char *path, enum copy_kind *kind, char **link,
                struct error *err);
    void *context;
    const char *base;
    struct strv done; /* below base */
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

/* The path so far, with base. The caller frees it. */
static char *whole_path(const struct resolution *r)
{
    autofree char *below = strv_join(&r->done, "/");
    return mem_printf("%s%s%s", r->base, *r->base && *below ? "/" : "", below);
}

/* Follow one component. Beneath something that is not there, nothing can be a symlink. */
static int step(struct resolution *r, const char *name, const char *whole, struct error *err)
{
    if (!strcmp(name, ".."))
        return go_up(r), 0;
    if (!strcmp(name, "."))
        return 0;
    strv_add(&r->done, name);
    if (r->existing + 1 < r->done.count)
        return 0;
    autofree char *path = whole_path(r);
    autofree char *target = NULL;
    enum copy_kind kind;
    if (r->look(r->context, path, &kind, &target, err))
        return -1;
    if (kind == COPY_FILE && r->todo.count)
        return error_set(err, ERROR_INPUT,
                         "“%s”: a part of the path is a file in the image, not a directory", whole);
    if (kind != COPY_SYMLINK) {
        r->existing += kind != COPY_ABSENT;
        return 0;
    }
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

static int resolve(struct resolution *r, const char *path, struct error *err)
{
    push_components(r, path);
    int result = 0;
    while (r->todo.count && !result) {
        autofree char *name = pop(&r->todo);
        result = step(r, name, path, err);
    }
    return result;
}

static void resolution_release(struct resolution *r)
{
    strv_release(&r->done);
    strv_release(&r->todo);
}

int copy_resolve_by(int (*look)(void *context, const char *path, enum copy_kind *kind, char **link,
                                struct error *err),
                    void *context, const char *base, const char *path, char **out,
                    struct error *err)
{
    struct resolution r = {.look = look, .context = context, .base = base};
    int result = resolve(&r, path, err);
    if (!result)
        *out = whole_path(&r);
    resolution_release(&r);
    return result;
}

static int look_in_root(void *context, const char *path, enum copy_kind *kind, char **link,
                        struct error *err)
{
    int root_fd = *(const int *)context;
    struct stat st;
    *kind = COPY_ABSENT;
    if (root_fd < 0)
        return 0;
    autoclose int fd = path_open_beneath(root_fd, path, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0 || fstat(fd, &st))
        return error_errno(err, ERROR_HOST, "look at “/%s” in the image", path);
    *kind = S_ISDIR(st.st_mode) ? COPY_DIRECTORY : S_ISLNK(st.st_mode) ? COPY_SYMLINK : COPY_FILE;
    if (*kind == COPY_SYMLINK && !(*link = path_read_link(fd, "")))
        return error_errno(err, ERROR_HOST, "read the link “/%s” in the image", path);
    return 0;
}

int copy_resolve(int root_fd, const char *path, char **out, size_t *existing, struct error *err)
{
    struct resolution r = {.look = look_in_root, .context = &root_fd, .base = ""};
    int result = resolve(&r, path, err);
    if (!result) {
        *out = whole_path(&r);
        *existing = 0;
        for (size_t i = 0; i < r.existing; i++)
            *existing += strlen(r.done.items[i]) + (i ? 1 : 0);
    }
    resolution_release(&r);
    return result;
}
