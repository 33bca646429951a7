/* Static checks of files' rights, secrets, and of what layers hide. */
#include "secrets.h"
#include "static_private.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/progress.h>

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WASTED_MIN = 10 * 1000 * 1000 /* bytes that are always fine */, WASTED_PERCENT = 10 };

void static_writable(struct static_run *run)
{
    for (size_t i = 0; i + 1 < run->image->tree->node_count; i++) {
        const struct tree_node *node = run->image->nodes[i];
        mode_t mode = tree_mode(node);
        bool open = (mode & 0002) && (S_ISREG(mode) || (S_ISDIR(mode) && !(mode & S_ISVTX)));
        run->looked++;
        if (open)
            static_problem(run, node, "can be written by anybody (%04o)", mode & 07777);
    }
}

/* Programs that distributions ship with set-id bits, by their name. */
static const char *const known_setuid[] = {
    "at",
    "bsd-write",
    "bwrap",
    "chage",
    "chfn",
    "chrome-sandbox",
    "chsh",
    "crontab",
    "dbus-daemon-launch-helper",
    "doas",
    "dotlockfile",
    "expiry",
    "fusermount",
    "fusermount3",
    "gpasswd",
    "mail-lock",
    "mail-touchlock",
    "mail-unlock",
    "mlocate",
    "mount",
    "mount.cifs",
    "mount.nfs",
    "newgidmap",
    "newgrp",
    "newuidmap",
    "ntfs-3g",
    "passwd",
    "ping",
    "ping4",
    "ping6",
    "pkexec",
    "plocate",
    "polkit-agent-helper-1",
    "postdrop",
    "postqueue",
    "pppd",
    "pt_chown",
    "ssh-agent",
    "ssh-keysign",
    "su",
    "sudo",
    "sudoedit",
    "umount",
    "unix_chkpwd",
    "utempter",
    "wall",
    "write",
    "write.ul",
    "Xorg.wrap",
    "pam_extrausers_chkpwd",
    "busybox-suid",
    "bbsuid",
};

static bool is_known_setuid(const char *path)
{
    if (!str_starts(path, "/usr/") && !str_starts(path, "/bin/") && !str_starts(path, "/sbin/") &&
        !str_starts(path, "/lib/") && !str_starts(path, "/opt/google/"))
        return false;
    for (size_t i = 0; i < COUNT_OF(known_setuid); i++)
        if (!strcmp(path_base(path), known_setuid[i]))
            return true;
    return false;
}

void static_setuid(struct static_run *run)
{
    for (size_t i = 0; i + 1 < run->image->tree->node_count; i++) {
        const struct tree_node *node = run->image->nodes[i];
        mode_t mode = tree_mode(node);
        if (!S_ISREG(mode) || !(mode & (S_ISUID | S_ISGID)) || !(mode & 0111))
            continue;
        run->looked++;
        if (!is_known_setuid(node->path))
            static_problem(run, node, "runs as its %s (%04o)", mode & S_ISUID ? "owner" : "group",
                           mode & 07777);
    }
}

/* ---- secrets ---- */

/* Keys that a package makes for trying out, known as such. */
static bool is_known_key(const char *path)
{
    return !strcmp(path, "/etc/ssl/private/ssl-cert-snakeoil.key");
}

static void look_into_config(struct static_run *run)
{
    size_t i;
    json_t *item;
    const json_t *env = json_object_get(json_object_get(run->image->config, "config"), "Env");
    json_array_foreach (env, i, item) {
        const char *text = json_string_value(item);
        const char *secret = text ? secrets_find(NULL, text, strlen(text)) : NULL;
        if (secret)
            static_problem(run, NULL, "the variable %.*s holds %s", (int)strcspn(text, "="), text,
                           secret);
    }
    const json_t *history = json_object_get(run->image->config, "history");
    json_array_foreach (history, i, item) {
        const char *text = json_string_value(json_object_get(item, "created_by"));
        const char *secret = text ? secrets_find(NULL, text, strlen(text)) : NULL;
        if (secret)
            static_problem(run, NULL, "the history holds %s, in “%.40s…”", secret, text);
    }
}

void static_secrets(struct static_run *run)
{
    const struct image_tree *tree = run->image->tree;
    for (size_t i = 0; i + 1 < tree->node_count; i++) {
        const struct tree_node *node = run->image->nodes[i];
        const struct file_facts *facts = node->entry ? node->entry->facts : NULL;
        run->looked += node->entry && S_ISREG(node->entry->mode);
        if (facts && facts->secret && !is_known_key(node->path))
            static_problem(run, node, "holds %s", facts->secret);
    }
    for (size_t i = 0; i < tree->hidden_count; i++) {
        const struct tree_hidden *hidden = &tree->hidden[i];
        const char *path = hidden->entry->path;
        if (!hidden->entry->facts || !hidden->entry->facts->secret || is_known_key(path) ||
            static_rule_allows(run->rule, path))
            continue;
        static_problem(run, NULL, "%s holds %s in layer %zu, where layer %zu only %s it", path,
                       hidden->entry->facts->secret, hidden->layer + 1, hidden->by + 1,
                       hidden->deleted ? "hides" : "rewrites");
        blame_add(run->out, run->image->layers, hidden->layer, path, false);
    }
    look_into_config(run);
}

/* ---- what is stored and not shown ---- */

static int by_size(const void *a, const void *b)
{
    const struct tree_hidden *const *x = a, *const *y = b;
    int64_t left = (*x)->entry->size, right = (*y)->entry->size;
    return left > right ? -1 : left < right;
}

/* The largest files first, with the layer that holds each. */
static void name_largest(struct static_run *run, const struct tree_hidden **sorted, size_t n)
{
    enum { NAMED = 3 };
    char size[16];
    for (size_t i = 0; i < n && i < NAMED && sorted[i]->entry->size; i++) {
        str_addf(&run->out->detail, "%s%s (%s, layer %zu, %s by layer %zu)", i ? ", " : ": ",
                 sorted[i]->entry->path, progress_size(size, sorted[i]->entry->size),
                 sorted[i]->layer + 1, sorted[i]->deleted ? "deleted" : "rewritten",
                 sorted[i]->by + 1);
        if (run->problems)
            blame_add(run->out, run->image->layers, sorted[i]->layer, sorted[i]->entry->path,
                      false);
    }
}

void static_wasted(struct static_run *run)
{
    const struct image_tree *tree = run->image->tree;
    int64_t wasted = 0, shown = 0;
    for (size_t i = 0; i + 1 < tree->node_count; i++) {
        const struct tree_node *node = run->image->nodes[i];
        if (node->entry && S_ISREG(node->entry->mode))
            shown += node->entry->size;
    }
    autofree const struct tree_hidden **sorted = mem_zalloc(tree->hidden_count + 1, sizeof *sorted);
    size_t n = 0;
    for (size_t i = 0; i < tree->hidden_count; i++) {
        if (static_rule_allows(run->rule, tree->hidden[i].entry->path))
            continue;
        sorted[n++] = &tree->hidden[i];
        wasted += tree->hidden[i].entry->size;
    }
    qsort(sorted, n, sizeof *sorted, by_size);
    int64_t limit = (shown + wasted) / 100 * WASTED_PERCENT;
    limit = run->rule->limit ? run->rule->limit : limit > WASTED_MIN ? limit : WASTED_MIN;
    char size[16], most[16];
    run->looked = n;
    run->problems = wasted > limit;
    str_addf(&run->out->detail, "%s in %zu files", progress_size(size, wasted), n);
    if (run->problems)
        str_addf(&run->out->detail, ", more than %s", progress_size(most, limit));
    name_largest(run, sorted, n);
}
