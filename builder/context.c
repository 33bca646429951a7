#include "context.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* 1: read and parsed; 0: there is none; -1. */
static int read_ignore(int dir_fd, const char *path, const char *name, struct ignore **out,
                       struct error *err)
{
    autostr bytes = STR_INIT;
    autoerror local = ERROR_INIT;
    if (io_read_file(dir_fd, path, IGNORE_MAX, &bytes, &local)) {
        if (local.kind == ERROR_MISSING)
            return 0;
        return error_move(err, &local);
    }
    return ignore_parse(str_text(&bytes), bytes.len, name, out, err) ? -1 : 1;
}

static int find_ignore(struct context *c, const char *dockerfile, struct error *err)
{
    if (dockerfile) {
        autofree char *own = mem_printf("%s.dockerignore", dockerfile);
        int found = read_ignore(AT_FDCWD, own, own, &c->ignore, err);
        if (found)
            return found < 0 ? -1 : 0;
    }
    return read_ignore(c->fd, ".dockerignore", ".dockerignore", &c->ignore, err) < 0 ? -1 : 0;
}

int context_open(const char *path, const char *dockerfile, int cache_fd, struct context *out,
                 struct error *err)
{
    struct context c = CONTEXT_NONE;
    if (!path) {
        *out = c;
        return 0;
    }
    autofree char *absolute = realpath(path, NULL);
    if (absolute)
        c.fd = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c.fd < 0) {
        error_errno(err, errno == ENOENT ? ERROR_MISSING : ERROR_INPUT, "build context %s", path);
        return error_hint(err, "the last argument is the directory that COPY takes files from");
    }
    if (find_ignore(&c, dockerfile, err)) {
        context_release(&c);
        return -1;
    }
    c.hashes = file_hashes_load(cache_fd, absolute);
    *out = c;
    return 0;
}

int context_open_fetched(const char *path, struct context *out, struct error *err)
{
    struct context c = CONTEXT_NONE;
    c.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c.fd < 0)
        return error_errno(err, ERROR_HOST, "open the build context");
    *out = c;
    return 0;
}

struct copy_tree context_tree(const struct context *context)
{
    return (struct copy_tree){
        .root_fd = context->fd, .ignore = context->ignore, .what = "the build context"};
}

void context_save(struct context *context, int cache_fd)
{
    autoerror err = ERROR_INIT;
    if (context->hashes && file_hashes_save(context->hashes, cache_fd, &err))
        log_warning("%s", err.message);
}

void context_release(struct context *context)
{
    mem_close_at(&context->fd);
    ignore_free(context->ignore);
    file_hashes_free(context->hashes);
    *context = CONTEXT_NONE;
}
