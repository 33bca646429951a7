#include "diff.h"

#include "diff_config.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

enum { COMPARE_SIZE = 64 * 1024 };

const char *diff_kind_name(enum diff_kind kind)
{
    static const char *const names[] = {
        [DIFF_ADDED] = "added", [DIFF_REMOVED] = "removed", [DIFF_CHANGED] = "changed"};
    return names[kind];
}

struct diff_item *diff_list_add(struct diff_list *list, enum diff_kind kind, const char *name,
                                const char *before, const char *after)
{
    struct diff_item *item = &MEM_PUSH(list->items, list->count, list->cap);
    *item = (struct diff_item){.kind = kind,
                               .name = mem_strdup(name),
                               .before = mem_strdup_null(before),
                               .after = mem_strdup_null(after)};
    return item;
}

static void list_release(struct diff_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].before);
        free(list->items[i].after);
    }
    free(list->items);
}

/* ---- files ---- */

/* As ls shows it, but for the time: "-rw-r--r-- 0:0 123 bytes". The caller frees it. */
static char *file_text(const struct inventory_file *f)
{
    static const char bits[] = "rwxrwxrwx";
    char mode[11] = "?---------";
    static const struct {
        mode_t type;
        char letter;
    } types[] = {{S_IFREG, '-'}, {S_IFDIR, 'd'}, {S_IFLNK, 'l'}, {S_IFCHR, 'c'},
                 {S_IFBLK, 'b'}, {S_IFIFO, 'p'}, {S_IFSOCK, 's'}};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if ((f->mode & S_IFMT) == types[i].type)
            mode[0] = types[i].letter;
    for (int i = 0; i < 9; i++)
        if (f->mode & (0400U >> i))
            mode[1 + i] = bits[i];
    if (f->mode & S_ISUID)
        mode[3] = mode[3] == 'x' ? 's' : 'S';
    if (f->mode & S_ISGID)
        mode[6] = mode[6] == 'x' ? 's' : 'S';
    if (f->mode & S_ISVTX)
        mode[9] = mode[9] == 'x' ? 't' : 'T';
    autofree char *head = mem_printf("%s %u:%u", mode, f->uid, f->gid);
    if (S_ISREG(f->mode))
        return mem_printf("%s %lld bytes", head, (long long)f->size);
    if (f->target)
        return mem_printf("%s -> %s", head, f->target);
    if (S_ISCHR(f->mode) || S_ISBLK(f->mode))
        return mem_printf("%s %u,%u", head, major(f->rdev), minor(f->rdev));
    return take(&head);
}

static int open_file(const struct unpacked *side, const struct inventory_file *f, struct error *err)
{
    int fd =
        path_open_beneath(side->layer_fds[f->layer], f->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    return fd >= 0 ? fd : error_errno(err, ERROR_HOST, "open /%s", f->path);
}

/* What one layer of both images wrote is the same without a look. */
static bool same_layer(const struct unpacked sides[2], const struct inventory_file *a,
                       const struct inventory_file *b)
{
    return digest_equal(&sides[0].image.layers[a->layer].diff_id,
                        &sides[1].image.layers[b->layer].diff_id);
}

static int same_content(const struct unpacked sides[2], const struct inventory_file *a,
                        const struct inventory_file *b, bool *same, struct error *err)
{
    *same = a->size == b->size;
    if (!*same || !a->size || same_layer(sides, a, b))
        return 0;
    autoclose int one = open_file(&sides[0], a, err);
    autoclose int two = one < 0 ? -1 : open_file(&sides[1], b, err);
    if (two < 0)
        return -1;
    autofree char *x = mem_alloc(COMPARE_SIZE), *y = mem_alloc(COMPARE_SIZE);
    for (;;) {
        ssize_t n = io_read(one, x, COMPARE_SIZE), m = io_read(two, y, COMPARE_SIZE);
        if (n < 0 || m < 0)
            return error_errno(err, ERROR_HOST, "read /%s", a->path);
        *same = n == m && !memcmp(x, y, (size_t)n);
        if (!*same || n < COMPARE_SIZE)
            return 0;
    }
}

static int compare_files(struct image_diff *d, const struct unpacked sides[2],
                         const struct inventory_file *a, const struct inventory_file *b,
                         struct error *err)
{
    bool same = true;
    if (S_ISREG(a->mode) && S_ISREG(b->mode) && same_content(sides, a, b, &same, err))
        return -1;
    autofree char *before = file_text(a), *after = file_text(b);
    if (same && !strcmp(before, after))
        return 0;
    struct diff_item *item = diff_list_add(&d->files, DIFF_CHANGED, a->path, before, after);
    item->bytes = b->size - a->size;
    return 0;
}

static void only_one(struct image_diff *d, enum diff_kind kind, const struct inventory_file *f)
{
    autofree char *text = file_text(f);
    bool added = kind == DIFF_ADDED;
    struct diff_item *item =
        diff_list_add(&d->files, kind, f->path, added ? NULL : text, added ? text : NULL);
    item->bytes = added ? f->size : -f->size;
}

static int diff_files(struct image_diff *d, const struct unpacked sides[2], struct error *err)
{
    const struct inventory *a = &d->sides[0].inventory, *b = &d->sides[1].inventory;
    for (size_t i = 0, k = 0; i < a->file_count || k < b->file_count;) {
        int order = i == a->file_count ? 1
                    : k == b->file_count
                        ? -1
                        : inventory_compare_paths(a->files[i].path, b->files[k].path);
        if (order < 0)
            only_one(d, DIFF_REMOVED, &a->files[i++]);
        else if (order > 0)
            only_one(d, DIFF_ADDED, &b->files[k++]);
        else if (compare_files(d, sides, &a->files[i++], &b->files[k++], err))
            return -1;
    }
    return 0;
}

/* ---- packages ---- */

/* Versions of one package side by side: it may be installed in several places. The run of packages
 * with the name of items[*i], joined; *i moves behind it. The caller frees it. */
static char *versions(const struct inventory *v, size_t *i)
{
    const struct inventory_package *first = &v->packages[*i];
    autostr text = STR_INIT;
    for (; *i < v->package_count && v->packages[*i].kind == first->kind &&
           !strcmp(v->packages[*i].name, first->name);
         ++*i)
        str_addf(&text, "%s%s", text.len ? ", " : "", v->packages[*i].version);
    return str_take(&text);
}

/* What is there comes before what isn't. */
static int compare_names(const struct inventory_package *a, const struct inventory_package *b)
{
    if (!a || !b)
        return a ? -1 : 1;
    int order = strcmp(a->kind, b->kind);
    return order ? order : strcmp(a->name, b->name);
}

static void diff_packages(struct image_diff *d)
{
    const struct inventory *a = &d->sides[0].inventory, *b = &d->sides[1].inventory;
    for (size_t i = 0, k = 0; i < a->package_count || k < b->package_count;) {
        const struct inventory_package *old = i < a->package_count ? &a->packages[i] : NULL;
        const struct inventory_package *new = k < b->package_count ? &b->packages[k] : NULL;
        int order = compare_names(old, new);
        const struct inventory_package *p = order <= 0 ? old : new;
        if (!p)
            break; /* which the analyzer can't know to be impossible */
        autofree char *name = mem_printf("%s %s", p->kind, p->name);
        autofree char *before = order <= 0 ? versions(a, &i) : NULL;
        autofree char *after = order >= 0 ? versions(b, &k) : NULL;
        if (!str_eq(before, after))
            diff_list_add(&d->packages,
                          !before  ? DIFF_ADDED
                          : !after ? DIFF_REMOVED
                                   : DIFF_CHANGED,
                          name, before, after);
    }
}

int image_diff_make(const struct unpacked sides[2], const char *const references[2],
                    const struct inventory_form *form, struct image_diff *out, struct error *err)
{
    for (size_t i = 0; i < 2; i++) {
        struct diff_side *side = &out->sides[i];
        side->reference = references[i];
        side->digest = sides[i].image.manifest.digest;
        platform_text(&sides[i].image.platform, '/', side->platform);
        if (inventory_take(sides[i].layer_fds, sides[i].image.layer_count, form,
                           sides[i].look.root_fd, &side->inventory, err))
            return error_wrap(err, "%s", references[i]);
    }
    diff_configs(sides[0].image.config, sides[1].image.config, &out->config);
    diff_packages(out);
    return diff_files(out, sides, err);
}

bool image_diff_is_empty(const struct image_diff *d)
{
    return !d->config.count && !d->packages.count && !d->files.count;
}

void image_diff_release(struct image_diff *d)
{
    for (size_t i = 0; i < 2; i++)
        inventory_release(&d->sides[i].inventory);
    list_release(&d->config);
    list_release(&d->packages);
    list_release(&d->files);
    *d = (struct image_diff){0};
}
