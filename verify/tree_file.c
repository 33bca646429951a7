#include "tree_file.h"

#include "check_file.h"
#include "verdict.h"

#include <base/mem.h>

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool looks_at_link(const struct file_rule *rule)
{
    return rule->absent || rule->type == FILE_SYMLINK;
}

const struct tree_node **tree_file_nodes(const struct image_view *view,
                                         const struct file_rule *rule, size_t *count)
{
    const struct tree_node **out = mem_zalloc(view->tree->node_count + 1, sizeof *out);
    *count = 0;
    if (!rule->is_glob) {
        out[0] = image_tree_find(view->tree, rule->path, !looks_at_link(rule));
        *count = out[0] != NULL;
        return out;
    }
    for (size_t i = 0; i + 1 < view->tree->node_count; i++)
        if (!fnmatch(rule->path, view->nodes[i]->path, FNM_PATHNAME | FNM_PERIOD))
            out[(*count)++] = view->nodes[i];
    return out;
}

/* The number of a name in /etc/passwd or /etc/group; a number is itself; -1 unknown. */
static long long number_of(const struct image_view *view, const char *file, const char *name)
{
    long long number = str_number(name, UINT32_MAX);
    const char *text = tree_text(image_tree_find(view->tree, file, true));
    autostrv lines = STRV_INIT;
    strv_split(&lines, number < 0 && text ? text : "", '\n');
    for (size_t i = 0; i < lines.count; i++) {
        autostrv fields = STRV_INIT;
        strv_split(&fields, lines.items[i], ':');
        if (fields.count > 2 && str_eq(fields.items[0], name))
            return str_number(fields.items[2], UINT32_MAX);
    }
    return number;
}

static bool owner_holds(const struct image_view *view, const struct file_rule *rule,
                        const struct stat *st, const char *path, struct str *why)
{
    if (!rule->owner)
        return true;
    autostrv parts = STRV_INIT;
    strv_split(&parts, rule->owner, ':');
    long long uid = number_of(view, "/etc/passwd", parts.items[0]);
    long long gid = parts.count > 1 ? number_of(view, "/etc/group", parts.items[1]) : st->st_gid;
    if (uid == st->st_uid && gid == st->st_gid)
        return true;
    str_addf(why, "%s is owned by %u:%u, not by %s", path, st->st_uid, st->st_gid, rule->owner);
    return false;
}

static bool content_holds(const struct file_rule *rule, const struct tree_node *node,
                          const char *path, struct str *why)
{
    const char *text = tree_text(node);
    bool empty = node->entry && S_ISREG(node->entry->mode) && !node->entry->size;
    if (!S_ISREG(tree_mode(node)) || (!text && !empty)) {
        str_addf(why, "%s %s", path,
                 S_ISREG(tree_mode(node)) ? "is too large to be read" : "is no regular file");
        return false;
    }
    struct str content = {.data = (char *)text,
                          .len = text ? node->entry->facts->text_size : 0}; /* borrowed */
    return verdict_patterns(&rule->has, &rule->lacks, path, &content, why);
}

static bool node_holds(const struct image_view *view, const struct file_rule *rule,
                       const struct tree_node *node, struct str *why)
{
    const char *path = rule->is_glob ? node->path : rule->path;
    if (rule->absent) {
        str_addf(why, "%s is there", path);
        return false;
    }
    const struct stat st = {.st_mode = tree_mode(node),
                            .st_uid = node->entry ? node->entry->uid : 0,
                            .st_gid = node->entry ? node->entry->gid : 0};
    if (!file_rule_fits(rule, path, &st, why) || !owner_holds(view, rule, &st, path, why))
        return false;
    return (!rule->has.count && !rule->lacks.count) || content_holds(rule, node, path, why);
}

bool tree_file_holds(const struct image_view *view, const struct file_rule *rule,
                     struct str *detail, const struct tree_node **node)
{
    size_t n;
    autofree const struct tree_node **nodes = tree_file_nodes(view, rule, &n);
    if (!n && !rule->absent)
        str_addf(detail, rule->is_glob ? "no file matches %s" : "%s is not there", rule->path);
    if (!n)
        return rule->absent;
    for (size_t i = 0; i < n; i++) {
        *node = nodes[i];
        if (!node_holds(view, rule, nodes[i], detail))
            return false;
    }
    if (rule->is_glob)
        str_add(detail, nodes[0]->path);
    if (n > 1)
        str_addf(detail, " and %zu more", n - 1);
    return true;
}
