#include "context_source.h"

#include "archive_stream.h"
#include "git_source.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>
#include <registry/download.h>
#include <rootfs/layer_apply.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char FILE_NAME[] = "context"; /* as BuildKit calls it */

enum context_kind context_source_kind(const char *text)
{
    struct stat st;
    struct git_reference git = {.remote = NULL};
    autoerror ignored = ERROR_INIT;
    if (!strcmp(text, "-"))
        return CONTEXT_STDIN;
    if (!stat(text, &st))
        return CONTEXT_LOCAL;
    int parsed = git_reference_parse(text, true, &git, &ignored);
    if (parsed > 0)
        git_reference_release(&git);
    if (parsed) /* a wrong query is told when it is fetched */
        return CONTEXT_GIT;
    return str_starts(text, "http://") || str_starts(text, "https://") ? CONTEXT_URL
                                                                       : CONTEXT_LOCAL;
}

void fetched_context_release(struct fetched_context *context)
{
    autoerror ignored = ERROR_INIT;
    mem_close_at(&context->fd);
    if (context->folder &&
        path_remove_tree(store_tmp_fd(context->store), context->folder, &ignored))
        error_ignore(&ignored, "it goes with the store's tmp");
    free(context->folder);
    free(context->path);
    *context = FETCHED_CONTEXT_NONE;
}

static int make_folder(struct fetched_context *c, const char *name, struct error *err)
{
    int tmp = store_tmp_fd(c->store);
    if (mkdirat(tmp, name, 0755))
        return error_errno(err, ERROR_HOST, "make a directory in the store");
    return 0;
}

static int open_folder(struct fetched_context *c, struct error *err)
{
    c->fd = openat(store_tmp_fd(c->store), c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->fd < 0)
        return error_errno(err, ERROR_HOST, "open a directory of the store");
    c->path = mem_printf("/proc/self/fd/%d", c->fd);
    return 0;
}

/* The secret's value; NULL where it is not given. The caller wipes it. */
static int read_secret(const struct secrets *secrets, const char *id, struct str *out,
                       const char **text, struct error *err)
{
    int found = secrets_read(secrets, id, out, err);
    *text = found > 0 ? str_text(out) : NULL;
    return found < 0 ? -1 : 0;
}

static int fetch_commit(const struct git_reference *git, const struct git_source_options *how,
                        struct fetched_context *c, struct error *err)
{
    autofree char *commit = NULL;
    return git_source_commit(git, how, &commit, err) ||
                   git_source_fetch(git, how, commit, store_tmp_fd(c->store), c->folder, err) ||
                   open_folder(c, err)
               ? -1
               : 0;
}

static int fetch_git(const char *text, const struct context_source_options *o,
                     struct fetched_context *c, struct error *err)
{
    struct git_reference git = {.remote = NULL};
    struct str token = STR_INIT, header = STR_INIT;
    const struct ssh_source *agent = ssh_sources_find(o->ssh, "default");
    struct git_source_options how = {.ssh_socket = agent ? agent->socket : NULL};
    if (git_reference_parse(text, true, &git, err) <= 0)
        return -1;
    how.keep_git_dir = git.keep == GIT_KEEP_YES;
    int code = read_secret(o->secrets, "GIT_AUTH_TOKEN", &token, &how.token, err) ||
                       read_secret(o->secrets, "GIT_AUTH_HEADER", &header, &how.header, err)
                   ? -1
                   : fetch_commit(&git, &how, c, err);
    secret_wipe(&token);
    secret_wipe(&header);
    git_reference_release(&git);
    return code;
}

/* A file of the store's tmp, without a name from here on. */
static int new_file(struct store *store, struct error *err)
{
    autofree char *name = store_tmp_name(store, "stream");
    int fd = openat(store_tmp_fd(store), name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "make a file in the store");
    unlinkat(store_tmp_fd(store), name, 0);
    return fd;
}

static int keep_file(struct fetched_context *c, int fd, struct error *err)
{
    autoclose int file = openat(c->fd, FILE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        return error_errno(err, ERROR_HOST, "make a file in the store");
    autosource *from = source_from_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0), "what was fetched");
    autosink *to = sink_to_fd(take_fd(&file), "the context's file");
    c->is_file = true;
    return stream_copy(from, to, NULL, err) || sink_finish(to, err) ? -1 : 0;
}

static int unpack(struct fetched_context *c, int fd, const char *what, struct error *err)
{
    struct digest digest;
    autosource *plain = NULL;
    struct source *packed = source_from_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0), what);
    struct layer_apply_options options = {.what = what, .owners = store_owners(c->store)};
    if (archive_stream_new(packed, &plain, err))
        return error_wrap(err, "%s", what);
    return layer_apply(c->fd, plain, &options, &digest, err);
}

/* What came as a stream: an archive, or one file. */
static int settle(struct fetched_context *c, int fd, const char *what, struct error *err)
{
    char head[512];
    if (lseek(fd, 0, SEEK_SET))
        return error_errno(err, ERROR_HOST, "read %s", what);
    ssize_t n = io_read(fd, head, sizeof head);
    if (n < 0 || lseek(fd, 0, SEEK_SET))
        return error_errno(err, ERROR_HOST, "read %s", what);
    if (make_folder(c, c->folder, err) || open_folder(c, err))
        return -1;
    return archive_stream_recognise(head, (size_t)n) ? unpack(c, fd, what, err)
                                                     : keep_file(c, fd, err);
}

static int fetch_url(const char *url, const struct context_source_options *o,
                     struct fetched_context *c, struct error *err)
{
    int64_t modified;
    autoclose int fd = new_file(o->store, err);
    if (fd < 0)
        return -1;
    autosink *file = sink_to_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0), "what is fetched");
    return download(url, o->transport, file, &modified, err) || settle(c, fd, url, err) ? -1 : 0;
}

static int fetch_stdin(const struct context_source_options *o, struct fetched_context *c,
                       struct error *err)
{
    static const char what[] = "standard input";
    if (isatty(STDIN_FILENO)) {
        error_set(err, ERROR_USAGE, "the context is to come from standard input, a terminal");
        return error_hint(err, "pipe a Dockerfile or a tar into it");
    }
    autoclose int fd = new_file(o->store, err);
    if (fd < 0)
        return -1;
    autosource *from = source_from_fd(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0), what);
    autosink *to = sink_to_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0), "what is read");
    return stream_copy(from, to, NULL, err) || settle(c, fd, what, err) ? -1 : 0;
}

int context_source_fetch(const char *text, const struct context_source_options *options,
                         struct fetched_context *out, struct error *err)
{
    struct fetched_context c = FETCHED_CONTEXT_NONE;
    c.store = options->store;
    c.folder = store_tmp_name(options->store, "context");
    enum context_kind kind = context_source_kind(text);
    int code = kind == CONTEXT_GIT   ? fetch_git(text, options, &c, err)
               : kind == CONTEXT_URL ? fetch_url(text, options, &c, err)
                                     : fetch_stdin(options, &c, err);
    if (code) {
        fetched_context_release(&c);
        return error_wrap(err, "build context %s",
                          kind == CONTEXT_STDIN ? "from standard input" : text);
    }
    *out = c;
    return 0;
}
