#include "file_changes.h"

#include <string.h>

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* An inode's number is soon used again, but then for one that is born later. */
static bool is_same_inode(const struct file_entry *a, const struct file_entry *b)
{
    return same_time(a->born, b->born) && a->dev == b->dev && a->ino == b->ino &&
           (a->mode & S_IFMT) == (b->mode & S_IFMT);
}

static bool is_above_stub(const char *path, const struct strv *stubs)
{
    size_t n = strlen(path);
    for (size_t i = 0; stubs && i < stubs->count; i++)
        if (!strncmp(stubs->items[i], path, n) && stubs->items[i][n] == '/')
            return true;
    return false;
}

/* Of one and the same inode. A change time also moves when another name of the file goes, which
 * changes nothing at this one. */
static bool is_changed(const struct file_entry *before, const struct file_entry *after,
                       const char *path, const struct strv *stubs)
{
    if (before->mode != after->mode || before->uid != after->uid || before->gid != after->gid)
        return true;
    bool written = !same_time(before->mtime, after->mtime);
    bool touched = !same_time(before->ctime, after->ctime);
    if (S_ISDIR(after->mode))
        return (written || touched) && !is_above_stub(path, stubs);
    if (written || before->size != after->size || before->rdev != after->rdev)
        return true;
    return touched && after->links >= before->links;
}

static size_t after_subtree(const struct file_list *list, size_t i)
{
    const char *path = file_list_path(list, i);
    size_t n = strlen(path);
    while (++i < list->count) {
        const char *next = file_list_path(list, i);
        if (strncmp(next, path, n) != 0 || next[n] != '/')
            break;
    }
    return i;
}

int file_changes_find(const struct file_list *before, const struct file_list *after,
                      const struct strv *stubs,
                      int (*visit)(void *context, enum file_change change, size_t i,
                                   struct error *err),
                      void *context, struct error *err)
{
    int code = 0;
    for (size_t i = 0, k = 0; !code && (i < before->count || k < after->count);) {
        int order = i == before->count ? 1
                    : k == after->count
                        ? -1
                        : file_list_compare(file_list_path(before, i), file_list_path(after, k));
        if (order < 0) {
            code = visit(context, FILE_DELETED, i, err);
            i = after_subtree(before, i);
            continue;
        }
        if (order > 0) {
            code = visit(context, FILE_MADE, k++, err);
            continue;
        }
        const struct file_entry *was = &before->items[i], *is = &after->items[k];
        bool same = is_same_inode(was, is);
        if (!same)
            code = visit(context, S_ISDIR(is->mode) ? FILE_REPLACED : FILE_MADE, k, err);
        else if (is_changed(was, is, file_list_path(after, k), stubs))
            code = visit(context, FILE_MADE, k, err);
        i = same ? i + 1 : after_subtree(before, i);
        k++;
    }
    return code;
}
