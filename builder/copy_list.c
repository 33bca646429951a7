#include "copy_list.h"

#include "glob.h"

#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES_MAX = 20 * 1000 * 1000, DEPTH_MAX = 1024 };

void copy_list_release(struct copy_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].link);
    }
    for (size_t i = 0; i < list->match_count; i++) {
        free(list->matches[i].path);
        free(list->matches[i].name);
    }
    free(list->items);
    free(list->matches);
    *list = (struct copy_list){0};
}

/* One source's walk. */
struct walk {
    struct copy_list *list;
    const struct copy_tree *tree;
    struct copy_filter filter;
};

/* --exclude's and --parents' patterns are, as BuildKit has them, below the source directory. name:
 * the path there. */
static bool filtered(const struct walk *w, const char *name)
{
    return ignore_matches(w->filter.exclude, name) ||
           (w->filter.include && !ignore_matches(w->filter.include, name));
}

/* A directory that is left out is entered only where something in it could be wanted. */
static bool may_descend(const struct walk *w, const char *path, const char *name)
{
    const struct copy_filter *f = &w->filter;
    if (ignore_matches(w->tree->ignore, path) && !ignore_may_descend(w->tree->ignore, path))
        return false;
    if (f->include && !ignore_matches(f->include, name) &&
        !ignore_may_match_below(f->include, name))
        return false;
    return !ignore_matches(f->exclude, name) || ignore_may_descend(f->exclude, name);
}

/* Takes the path; its name begins at byte `name`. */
static struct copy_file *add(struct walk *w, char *path, size_t name, const struct stat *st)
{
    struct copy_file file = {.path = path, .name = path + name, .st = *st, .same_as = SIZE_MAX};
    MEM_PUSH(w->list->items, w->list->count, w->list->cap) = file;
    return &w->list->items[w->list->count - 1];
}

static int failed(const struct walk *w, const char *path, struct error *err)
{
    return error_errno(err, ERROR_INPUT, "read “%s” in %s", path, w->tree->what);
}

static int walk_dir(struct walk *w, int dir_fd, const char *path, size_t name, unsigned depth,
                    struct error *err);

/* A directory is added even where it is left out: something beneath may be taken back, and needs
 * its parent. */
static int walk_below(struct walk *w, int parent_fd, const char *base, char *path, size_t name,
                      const struct stat *st, unsigned depth, struct error *err)
{
    size_t mark = w->list->count;
    bool unwanted = filtered(w, path + name);
    add(w, path, name, st)->parent = unwanted;
    autoclose int fd = openat(parent_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return failed(w, path, err);
    if (walk_dir(w, fd, path, name, depth + 1, err))
        return -1;
    if (w->list->count == mark + 1 && (unwanted || ignore_matches(w->tree->ignore, path))) {
        w->list->count--;
        free(path);
    }
    return 0;
}

static int walk_entry(struct walk *w, int parent_fd, const char *base, const char *parent,
                      size_t name, unsigned depth, struct error *err)
{
    struct stat st;
    autofree char *path = path_join(parent, base);
    if (owners_stat(w->tree->owners, parent_fd, base, &st))
        return failed(w, path, err);
    bool out = ignore_matches(w->tree->ignore, path) || filtered(w, path + name);
    if (S_ISDIR(st.st_mode)) {
        if (out && !may_descend(w, path, path + name))
            return 0;
        return walk_below(w, parent_fd, base, take(&path), name, &st, depth, err);
    }
    if (out || S_ISSOCK(st.st_mode))
        return 0;
    struct copy_file *file = add(w, take(&path), name, &st);
    if (S_ISLNK(st.st_mode) && !(file->link = path_read_link(parent_fd, base)))
        return failed(w, file->path, err);
    return 0;
}

static int list_names(int dir_fd, struct strv *names)
{
    int copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    autoclosedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return -1;
    }
    rewinddir(dir);
    errno = 0;
    for (struct dirent *e; (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            strv_add(names, e->d_name);
    strv_sort(names);
    return errno ? -1 : 0;
}

static int walk_dir(struct walk *w, int dir_fd, const char *path, size_t name, unsigned depth,
                    struct error *err)
{
    if (depth > DEPTH_MAX || w->list->count > ENTRIES_MAX)
        return error_set(err, ERROR_INPUT, "“%s” in %s: too %s", path, w->tree->what,
                         depth > DEPTH_MAX ? "deep" : "many files");
    autostrv names = STRV_INIT;
    if (list_names(dir_fd, &names))
        return failed(w, path, err);
    for (size_t i = 0; i < names.count; i++)
        if (walk_entry(w, dir_fd, names.items[i], path, name, depth, err))
            return -1;
    return 0;
}

/* One matched source: a directory gives its content, anything else itself. */
static int take_source(struct walk *w, const char *path, struct error *err)
{
    autoclose int fd = path_open_in_root(w->tree->root_fd, path, O_PATH, 0);
    struct stat st;
    if (fd < 0 || owners_stat(w->tree->owners, fd, "", &st))
        return failed(w, path, err);
    struct copy_list *list = w->list;
    MEM_PUSH(list->matches, list->match_count, list->match_cap) =
        (struct copy_match){.first = list->count,
                            .directory = S_ISDIR(st.st_mode),
                            .path = mem_strdup(path),
                            .name = mem_strdup(path_base(path))};
    if (S_ISDIR(st.st_mode)) {
        autoclose int dir = path_open_in_root(w->tree->root_fd, path, O_RDONLY | O_DIRECTORY, 0);
        if (dir < 0)
            return failed(w, path, err);
        size_t length = strlen(path);
        add(w, mem_strdup(path), length, &st);
        return walk_dir(w, dir, path, length + (length > 0), 0, err);
    }
    size_t name = (size_t)(path_base(path) - path);
    add(w, mem_strdup(path), name, &st)->single = true;
    return 0;
}

/* Names in a directory that a pattern's component means: all that match, or just itself. */
static int match_names(int dir_fd, const char *part, struct strv *names)
{
    if (!glob_has_wildcard(part)) {
        strv_add(names, part);
        return 0;
    }
    autostrv all = STRV_INIT;
    if (list_names(dir_fd, &all))
        return -1;
    for (size_t i = 0; i < all.count; i++)
        if (glob_match(part, all.items[i]))
            strv_add(names, all.items[i]);
    return 0;
}

/* Is the entry there, and is at least a part of it left? */
static bool is_source(const struct walk *w, int dir_fd, const char *name, const char *path)
{
    struct stat st;
    const struct ignore *ignore = w->tree->ignore;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
        return false;
    return !ignore_matches(ignore, path) ||
           (S_ISDIR(st.st_mode) && ignore_may_descend(ignore, path));
}

/* Match the pattern's components from `rest` on, below the directory `path`. wild: a component
 * before had a wildcard, and symlinks are no longer followed. */
static int glob_below(struct walk *w, const char *path, const char *rest, bool wild,
                      struct strv *found, struct error *err)
{
    const char *slash = strchr(rest, '/');
    autofree char *part = slash ? mem_strndup(rest, (size_t)(slash - rest)) : mem_strdup(rest);
    autoclose int dir = path_open_in_root(w->tree->root_fd, path,
                                          O_RDONLY | O_DIRECTORY | (wild ? O_NOFOLLOW : 0), 0);
    if (dir < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : failed(w, path, err);
    autostrv names = STRV_INIT;
    if (match_names(dir, part, &names))
        return failed(w, path, err);
    wild = wild || glob_has_wildcard(part);
    for (size_t i = 0; i < names.count; i++) {
        autofree char *below = mem_printf("%s%s%s", path, *path ? "/" : "", names.items[i]);
        if (slash && glob_below(w, below, slash + 1, wild, found, err))
            return -1;
        if (!slash && is_source(w, dir, names.items[i], below))
            strv_add(found, below);
    }
    return 0;
}

static int not_found(const struct walk *w, const char *pattern, struct error *err)
{
    error_set(err, ERROR_INPUT, "“%s” is not in %s", pattern, w->tree->what);
    if (w->tree->ignore)
        return error_hint(err,
                          "paths are below the context's root; .dockerignore may leave it out");
    return -1;
}

/* Hard links within one source directory stay hard links; each source is copied on its own. */
struct inode {
    dev_t dev;
    ino_t ino;
    size_t index;
};

static int compare_inodes(const void *a, const void *b)
{
    const struct inode *x = a, *y = b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void join_hard_links(struct copy_list *list, size_t from)
{
    struct inode *inodes = NULL;
    size_t count = 0, cap = 0;
    for (size_t i = from; i < list->count; i++) {
        const struct stat *st = &list->items[i].st;
        if (S_ISREG(st->st_mode) && st->st_nlink > 1)
            MEM_PUSH(inodes, count, cap) = (struct inode){st->st_dev, st->st_ino, i};
    }
    if (count)
        qsort(inodes, count, sizeof *inodes, compare_inodes);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (inodes[i].dev != inodes[first].dev || inodes[i].ino != inodes[first].ino)
            first = i;
        else
            list->items[inodes[i].index].same_as = inodes[first].index;
    }
    free(inodes);
}

/* "/" before it, and clean: ".." can't climb over the root. The caller frees it. */
static char *clean_path(const char *text)
{
    autofree char *rooted = mem_printf("/%s", text);
    return path_clean(rooted);
}

static int add_source(struct walk *w, const char *pattern, struct error *err)
{
    autofree char *clean = clean_path(pattern);
    const char *relative = clean + 1;
    autostrv found = STRV_INIT;
    bool wild = glob_has_wildcard(relative);
    if (wild && !glob_is_valid(relative))
        return error_set(err, ERROR_INPUT, "“%s” is a malformed pattern", pattern);
    if (!*relative)
        strv_add(&found, "");
    else if (glob_below(w, "", relative, false, &found, err))
        return -1;
    if (!found.count && !wild)
        return not_found(w, pattern, err);
    for (size_t i = 0; i < found.count; i++) {
        size_t before = w->list->count;
        if (take_source(w, found.items[i], err))
            return -1;
        join_hard_links(w->list, before);
        w->list->matches[w->list->match_count - 1].count = w->list->count - before;
    }
    return 0;
}

int copy_list_add(struct copy_list *list, const struct copy_tree *tree, const char *pattern,
                  const struct copy_filter *filter, struct error *err)
{
    struct walk w = {list, tree, {NULL, NULL}};
    if (filter)
        w.filter = *filter;
    return add_source(&w, pattern, err);
}

/* A path without wildcards must be there. */
static int require(const struct walk *w, const char *pivot, const char *below, const char *pattern,
                   struct error *err)
{
    autofree char *joined = mem_printf("%s/%s", pivot, below);
    autofree char *clean = clean_path(joined);
    if (!below[1])
        return not_found(w, pattern, err); /* as BuildKit: there is nothing to be a parent of */
    if (glob_has_wildcard(clean))
        return 0;
    autoclose int fd = path_open_beneath(w->tree->root_fd, clean + 1, O_PATH | O_NOFOLLOW, 0);
    const struct ignore *ignore = w->tree->ignore;
    bool left = !ignore_matches(ignore, clean + 1) || ignore_may_descend(ignore, clean + 1);
    return fd >= 0 && left ? 0 : not_found(w, pattern, err);
}

int copy_list_add_parents(struct copy_list *list, const struct copy_tree *tree, const char *pattern,
                          const struct ignore *exclude, struct error *err)
{
    const char *split = strstr(pattern, "/./");
    autofree char *pivot =
        split ? mem_strndup(pattern, (size_t)(split - pattern)) : mem_strdup("/");
    autofree char *below = clean_path(split ? split + 3 : pattern);
    autostrv patterns = STRV_INIT;
    autoignore *include = NULL;
    strv_add(&patterns, below + 1);
    if (ignore_from_patterns(&patterns, "--parents", &include, err))
        return -1;
    struct walk w = {list, tree, {include, exclude}};
    if (require(&w, pivot, below, pattern, err))
        return -1;
    return add_source(&w, pivot, err);
}
