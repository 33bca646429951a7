#include "copy_apply.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One matched source on its way. */
struct copying {
    struct copy_plan *plan;
    const struct copy_tree *tree;
    const struct copy_target *target;
    const struct copy_file *items; /* the match's */
    size_t first, count;           /* in the list */
    char *base;                    /* where it goes */
};

static struct copy_owner made_owner(const struct copy_target *target)
{
    bool root = target->keep_owner;
    return (struct copy_owner){copy_mode_made(target->mode), root ? 0 : target->uid,
                               root ? 0 : target->gid};
}

/* What the destination's text says is a directory, made before anything is looked at. */
static int make_destination(struct copying *c, struct error *err)
{
    const char *text = c->target->destination;
    size_t n = strlen(text);
    bool directory = !n || text[n - 1] == '/' || str_ends(text, "/.");
    const char *base = path_base(text);
    autofree char *wanted = directory ? mem_strdup(text) : mem_strndup(text, (size_t)(base - text));
    autofree char *path = NULL;
    const struct copy_owner owner = made_owner(c->target);
    if (copy_plan_resolve(c->plan, "", wanted, &path, err))
        return -1;
    return copy_plan_make(c->plan, path, &owner, err);
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return mem_strndup(path, slash ? (size_t)(slash - path) : 0);
}

/* Where the source goes: into a directory that is there, or in the destination's place. */
static int find_base(struct copying *c, const struct copy_match *match, struct error *err)
{
    enum copy_kind kind;
    if (copy_plan_resolve(c->plan, "", c->target->destination, &c->base, err) ||
        copy_plan_look(c->plan, c->base, &kind, NULL, err))
        return -1;
    if (kind == COPY_DIRECTORY && !match->directory) {
        char *into = mem_printf("%s%s%s", c->base, *c->base ? "/" : "", match->name);
        free(c->base);
        c->base = into;
    }
    bool whole = match->directory && c->target->contents_only && kind == COPY_ABSENT;
    autofree char *parent = whole ? mem_strdup(c->base) : parent_of(c->base);
    const struct copy_owner owner = made_owner(c->target);
    return copy_plan_make(c->plan, parent, &owner, err);
}

static void set_owner_and_mode(const struct copying *c, const struct copy_file *file,
                               struct copy_node *node)
{
    const struct copy_target *target = c->target;
    node->uid = target->keep_owner ? file->st.st_uid : target->uid;
    node->gid = target->keep_owner ? file->st.st_gid : target->gid;
    node->mode = target->mode && !S_ISLNK(file->st.st_mode)
                     ? copy_mode_apply(target->mode, file->st.st_mode)
                     : file->st.st_mode;
}

static int in_the_way(const char *path, bool directory, struct error *err)
{
    return error_set(err, ERROR_INPUT, "cannot copy a %s over the %s “/%s” of the image",
                     directory ? "directory" : "file", directory ? "file" : "directory", path);
}

static bool has_own_time(const struct copy_file *file)
{
    return *file->path != '\0'; /* a context's own directory has the time of its arrival */
}

/* The source directory itself, whose content alone is wanted: of it the destination gets the time.
 */
static int put_top(struct copying *c, const struct copy_file *file, struct error *err)
{
    enum copy_kind kind;
    if (copy_plan_look(c->plan, c->base, &kind, NULL, err))
        return -1;
    bool fresh = kind == COPY_ABSENT;
    struct copy_node *node =
        fresh ? copy_plan_put(c->plan, c->base, err) : copy_plan_directory(c->plan, c->base, err);
    if (!node)
        return kind == COPY_FILE || kind == COPY_SYMLINK ? in_the_way(c->base, true, err) : -1;
    if (fresh) {
        set_owner_and_mode(c, file, node);
        node->tree = c->tree->keep_xattrs ? c->tree : NULL;
        node->source = file->path;
    }
    return 0;
}

static int put_directory(struct copying *c, const struct copy_file *file, const char *path,
                         struct error *err)
{
    enum copy_kind kind;
    if (copy_plan_look(c->plan, path, &kind, NULL, err))
        return -1;
    if (kind == COPY_FILE || kind == COPY_SYMLINK)
        return in_the_way(path, true, err);
    bool fresh = kind == COPY_ABSENT;
    struct copy_node *node =
        fresh ? copy_plan_put(c->plan, path, err) : copy_plan_directory(c->plan, path, err);
    if (!node)
        return -1;
    if (file->parent && !fresh) {
        node->mode = file->st.st_mode;
        return 0;
    }
    set_owner_and_mode(c, file, node);
    if (c->tree->keep_xattrs && !node->in_image) {
        node->tree = c->tree;
        node->source = file->path;
    }
    return 0;
}

/* known: where another name of the same file went, or NULL. */
static int put_file(struct copying *c, const struct copy_file *file, const char *path,
                    const char *known, struct error *err)
{
    enum copy_kind kind;
    if (copy_plan_look(c->plan, path, &kind, NULL, err))
        return -1;
    if (kind == COPY_DIRECTORY)
        return in_the_way(path, false, err);
    if (known)
        return copy_plan_link(c->plan, path, known, err);
    struct copy_node *node = copy_plan_put(c->plan, path, err);
    if (!node)
        return -1;
    set_owner_and_mode(c, file, node);
    node->mtime = file->st.st_mtim;
    node->rdev = file->st.st_rdev;
    node->link = file->link;
    node->tree = c->tree;
    node->source = file->path;
    node->size = S_ISREG(file->st.st_mode) ? file->st.st_size : 0;
    return 0;
}

static char *path_of(const struct copying *c, const struct copy_file *file)
{
    if (file->single || !*file->name)
        return mem_strdup(c->base);
    return mem_printf("%s%s%s", c->base, *c->base ? "/" : "", file->name);
}

/* Directories get their times when all that is in them has been made. */
static int set_times(struct copying *c, struct error *err)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct copy_file *file = &c->items[i];
        if (!S_ISDIR(file->st.st_mode) || file->parent || !has_own_time(file))
            continue;
        autofree char *path = path_of(c, file);
        struct copy_node *node = copy_plan_directory(c->plan, path, err);
        if (!node)
            return -1;
        node->mtime = file->st.st_mtim;
    }
    return 0;
}

static int put_all(struct copying *c, struct error *err)
{
    /* Of each file with several names, where its first one went. */
    autofree char **first = mem_zalloc(c->count, sizeof *first);
    int result = 0;
    for (size_t i = 0; i < c->count && !result; i++) {
        const struct copy_file *file = &c->items[i];
        autofree char *path = path_of(c, file);
        size_t same = file->same_as == SIZE_MAX ? i : file->same_as - c->first;
        if (!S_ISDIR(file->st.st_mode))
            result = put_file(c, file, path, first[same], err);
        else if (*file->name)
            result = put_directory(c, file, path, err);
        else
            result = put_top(c, file, err);
        if (!first[same] && file->st.st_nlink > 1)
            first[same] = take(&path);
    }
    for (size_t i = 0; i < c->count; i++)
        free(first[i]);
    return result ? -1 : set_times(c, err);
}

int copy_apply_match(struct copy_plan *plan, const struct copy_list *list, size_t match,
                     const struct copy_tree *tree, const struct copy_target *target,
                     struct error *err)
{
    const struct copy_match *m = &list->matches[match];
    struct copying c = {plan, tree, target, list->items + m->first, m->first, m->count, NULL};
    int result = make_destination(&c, err) || find_base(&c, m, err) || put_all(&c, err) ? -1 : 0;
    free(c.base);
    return result;
}

int copy_apply(struct copy_plan *plan, const struct copy_list *list, const struct copy_tree *tree,
               const struct copy_target *target, struct error *err)
{
    for (size_t i = 0; i < list->match_count; i++)
        if (copy_apply_match(plan, list, i, tree, target, err))
            return -1;
    return 0;
}

int copy_apply_directory(struct copy_plan *plan, const char *path, uint32_t uid, uint32_t gid,
                         struct error *err)
{
    autofree char *resolved = NULL;
    const struct copy_owner owner = {0755, uid, gid};
    if (copy_plan_resolve(plan, "", path, &resolved, err))
        return -1;
    return copy_plan_make(plan, resolved, &owner, err);
}
