/* A build context: a directory, its .dockerignore, and what is remembered of its files. */
#ifndef BUILDER_CONTEXT_H
#define BUILDER_CONTEXT_H

#include "copy_list.h"
#include "file_hashes.h"
#include "ignore.h"

#include <base/error.h>

struct context {
    int fd; /* -1: an empty context */
    struct ignore *ignore;
    struct file_hashes *hashes;
};
#define CONTEXT_NONE ((struct context){.fd = -1})

/* Open a directory. dockerfile (may be NULL): where DOCKERFILE.dockerignore exists it replaces the
 * context's own. ERROR_MISSING, ERROR_INPUT. path NULL: an empty context. */
int context_open(const char *path, const char *dockerfile, int cache_fd, struct context *out,
                 struct error *err);
/* The same for one that was fetched from elsewhere: no .dockerignore counts, and nothing is
 * remembered of its files. */
int context_open_fetched(const char *path, struct context *out, struct error *err);
/* As a COPY sees it. */
struct copy_tree context_tree(const struct context *context);
/* Keep what was learnt of the files; a failure is only a warning. */
void context_save(struct context *context, int cache_fd);
void context_release(struct context *context);

#endif
