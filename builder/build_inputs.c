#include "build_inputs.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { DOCKERFILE_CAP = 1024 * 1024 };
static const char DEFAULT_NAME[] = "Dockerfile";

static bool is_stdin(const char *path)
{
    return path && !strcmp(path, "-");
}

bool build_inputs_remote(const struct build_job *job)
{
    return context_source_kind(job->plan.context_path) != CONTEXT_LOCAL;
}

static struct context_source_options source_options(const struct build_job *job)
{
    return (struct context_source_options){.store = job->common->store,
                                           .transport = &job->common->transport,
                                           .secrets = &job->parsed->secrets,
                                           .ssh = &job->parsed->ssh};
}

/* The Dockerfile in a context from elsewhere; nothing outside of it is ever opened. */
static int read_inside(const struct build_job *job, struct build_inputs *in, struct error *err)
{
    const char *path = job->values->file ? job->values->file : DEFAULT_NAME;
    autoclose int fd = path_open_in_root(in->own.fd, path, O_RDONLY, 0);
    if (fd < 0 && !job->values->file)
        fd = path_open_in_root(in->own.fd, "dockerfile", O_RDONLY, 0);
    if (fd < 0) {
        error_errno(err, ERROR_MISSING, "%s in the build context", path);
        return error_hint(err, "-f names the Dockerfile in the context");
    }
    in->name = path;
    return io_read_fd(fd, path, DOCKERFILE_CAP, &in->dockerfile, err);
}

static int read_stdin(struct build_inputs *in, struct error *err)
{
    if (isatty(STDIN_FILENO))
        return error_set(err, ERROR_USAGE,
                         "the Dockerfile is to come from standard input, a terminal");
    return io_read_fd(STDIN_FILENO, "standard input", DOCKERFILE_CAP, &in->dockerfile, err);
}

static int read_local(const struct build_job *job, struct build_inputs *in, struct error *err)
{
    in->name = in->ignore_for = job->plan.dockerfile_path;
    if (!io_read_file(AT_FDCWD, in->name, DOCKERFILE_CAP, &in->dockerfile, err))
        return 0;
    return error_hint(err, "-f names the Dockerfile");
}

/* The context is there, or is a local one. */
static int read_dockerfile(const struct build_job *job, struct build_inputs *in, struct error *err)
{
    if (job->dockerfile_text) {
        str_add(&in->dockerfile, job->dockerfile_text);
        return 0;
    }
    if (is_stdin(job->values->file))
        return read_stdin(in, err);
    return in->own.fd >= 0 ? read_inside(job, in, err) : read_local(job, in, err);
}

static int open_inputs(const struct build_job *job, struct build_inputs *in, struct error *err)
{
    const char *text = job->plan.context_path;
    bool remote = build_inputs_remote(job);
    struct context_source_options options = source_options(job);
    in->name = DEFAULT_NAME;
    in->context = text;
    if (is_stdin(text) && is_stdin(job->values->file))
        return error_set(err, ERROR_USAGE,
                         "context and Dockerfile can't both come from standard input");
    if (remote && context_source_fetch(text, &options, &in->own, err))
        return -1;
    if (remote)
        in->context = in->own.path;
    if (!in->own.is_file)
        return read_dockerfile(job, in, err);
    if (job->values->file || job->dockerfile_text)
        return error_set(err, ERROR_USAGE,
                         "the context is no archive, so a Dockerfile, and there is another one");
    autoclose int fd = openat(in->own.fd, "context", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "read what was fetched");
    if (is_stdin(text))
        in->context = NULL;
    return io_read_fd(fd, DEFAULT_NAME, DOCKERFILE_CAP, &in->dockerfile, err);
}

int build_inputs_open(const struct build_job *job, struct build_inputs *out, struct error *err)
{
    struct build_inputs in = {.own = FETCHED_CONTEXT_NONE};
    if (open_inputs(job, &in, err)) {
        build_inputs_release(&in);
        return -1;
    }
    *out = in;
    return 0;
}

int build_inputs_named(const struct build_job *job, struct build_inputs *inputs, struct error *err)
{
    struct context_source_options options = source_options(job);
    return named_contexts_open(&job->values->build_contexts, &options, &inputs->named, err);
}

void build_inputs_release(struct build_inputs *inputs)
{
    str_release(&inputs->dockerfile);
    fetched_context_release(&inputs->own);
    named_contexts_release(&inputs->named);
}
