/* A small tree in a temporary directory, for the tests of COPY. */
#ifndef TESTS_COPY_FIXTURE_H
#define TESTS_COPY_FIXTURE_H

#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
    char path[64];
    int fd;
};

static inline void tree_new(struct tree *t)
{
    strcpy(t->path, "/tmp/imgbuild-copy-XXXXXX");
    if (!mkdtemp(t->path))
        abort();
    t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline void tree_free(struct tree *t)
{
    autoerror err = ERROR_INIT;
    close(t->fd);
    path_remove_tree(AT_FDCWD, t->path, &err);
}

/* "a/b/" makes directories, "a/b" a file with this content. */
static inline void tree_add(struct tree *t, const char *path, const char *content)
{
    autofree char *full = mem_printf("%s/%s", t->path, path);
    size_t n = strlen(full);
    autoerror err = ERROR_INIT;
    if (full[n - 1] == '/') {
        full[n - 1] = '\0';
        path_make_dirs(full, &err);
        return;
    }
    autofree char *dir = path_dir(full);
    path_make_dirs(dir, &err);
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content))
        abort();
    close(fd);
}

#endif
