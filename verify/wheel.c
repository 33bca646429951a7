#include "wheel.h"

#include <base/json.h>
#include <base/mem.h>
#include <base/path.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- texts ---- */

char *wheel_normalise(const char *name)
{
    autostr out = STR_INIT;
    for (const char *p = name; *p; p++) {
        bool separator = strchr("-_.", *p) != NULL;
        if (separator && out.len && out.data[out.len - 1] == '-')
            continue;
        str_add_char(&out, separator ? '-' : (char)tolower((unsigned char)*p));
    }
    return str_take(&out);
}

char *wheel_venv_value(const char *text, const char *key)
{
    autostrv lines = STRV_INIT;
    strv_split(&lines, text, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        char *value = strchr(lines.items[i], '=');
        if (!value)
            continue;
        *value++ = '\0';
        if (str_eq(str_trim(lines.items[i]), key))
            return mem_strdup(str_trim(value));
    }
    return NULL;
}

bool wheel_extra_is_dev(const char *extra)
{
    static const char *const names[] = {"dev",   "develop", "development", "test",
                                        "tests", "testing", "lint"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!strcmp(extra, names[i]))
            return true;
    return false;
}

/* ---- METADATA ---- */

/* "name[extra,…] (>=1) ; marker" */
static void add_requirement(struct wheel *w, const char *text)
{
    MEM_PUSH(w->requirements, w->requirement_count, w->requirement_cap) =
        (struct wheel_requirement){0};
    struct wheel_requirement *r = &w->requirements[w->requirement_count - 1];
    size_t n = strcspn(text, " [(<>=!~;@"), end = strcspn(text, ";");
    autofree char *name = mem_strndup(text, n);
    r->name = wheel_normalise(name);
    if (text[n] == '[') {
        size_t close = strcspn(text + n, "]");
        autofree char *extras = mem_strndup(text + n + 1, close ? close - 1 : 0);
        autostrv parts = STRV_INIT;
        strv_split(&parts, extras, ',');
        for (size_t i = 0; i < parts.count; i++)
            strv_add(&r->extras, str_trim(parts.items[i]));
        n += close + (text[n + close] == ']');
    }
    autofree char *specifiers = end > n ? mem_strndup(text + n, end - n) : mem_strdup("");
    char *trimmed = str_trim(specifiers);
    r->specifiers = mem_strdup(*trimmed == '@' ? "" : trimmed); /* from a URL: any version */
    autofree char *marker = mem_strdup(text[end] ? text + end + 1 : "");
    r->marker = mem_strdup(str_trim(marker));
}

/* Headers, up to the first empty line; the description follows. */
static void read_metadata(struct wheel *w, const char *text)
{
    for (const char *p = text; *p && *p != '\n' && *p != '\r';) {
        size_t n = strcspn(p, "\n");
        autofree char *line = mem_strndup(p, n);
        p += n + (p[n] == '\n');
        char *value = strchr(line, ':');
        if (!value || isspace((unsigned char)*line))
            continue;
        *value++ = '\0';
        value = str_trim(value);
        if (!strcasecmp(line, "Name") && !w->name) {
            w->shown = mem_strdup(value);
            w->name = wheel_normalise(value);
        } else if (!strcasecmp(line, "Version") && !w->version) {
            w->version = mem_strdup(value);
        } else if (!strcasecmp(line, "Requires-Dist")) {
            add_requirement(w, value);
        } else if (!strcasecmp(line, "Provides-Extra")) {
            strv_add(&w->extras, value);
        }
    }
}

/* ---- the other files ---- */

static void read_entry_points(struct wheel *w, const char *text)
{
    autofree char *group = mem_strdup("");
    autostrv lines = STRV_INIT;
    strv_split(&lines, text, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        char *line = str_trim(lines.items[i]), *value = strchr(line, '=');
        if (*line == '[') {
            free(group);
            group = mem_strndup(line + 1, strcspn(line + 1, "]"));
        }
        if (!value || !*line || strchr("[#;", *line))
            continue;
        *value++ = '\0';
        value[strcspn(value, "[")] = '\0'; /* extras */
        char *colon = strchr(value, ':');
        if (colon)
            *colon++ = '\0';
        MEM_PUSH(w->entries, w->entry_count, w->entry_cap) = (struct wheel_entry){
            .group = mem_strdup(group),
            .name = mem_strdup(str_trim(line)),
            .module = mem_strdup(str_trim(value)),
            .attribute = mem_strdup(colon ? str_trim(colon) : ""),
        };
    }
}

static int hexadecimal(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The path of a file: URL, with %20 and the like. The caller frees it; NULL where it is none. */
static char *file_url_path(const char *url)
{
    static const char scheme[] = "file://";
    if (!str_starts(url, scheme))
        return NULL;
    autostr out = STR_INIT;
    const char *p = strchr(url + sizeof scheme - 1, '/');
    for (; p && *p; p++) {
        bool coded = *p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2]);
        str_add_char(&out, coded ? (char)(hexadecimal(p[1]) * 16 + hexadecimal(p[2])) : *p);
        p += coded ? 2 : 0;
    }
    return str_take(&out);
}

static void read_direct_url(struct wheel *w, const char *text)
{
    autojson *json = NULL;
    autoerror err = ERROR_INIT;
    if (json_parse(text, strlen(text), "direct_url.json", &json, &err)) {
        error_ignore(&err, "then it was not installed from a folder");
        return;
    }
    const char *url = json_string_value(json_object_get(json, "url"));
    w->direct = url != NULL;
    w->editable = json_is_true(json_object_get(json_object_get(json, "dir_info"), "editable"));
    if (w->editable && url)
        w->source = file_url_path(url);
}

static void read_wheel(const struct image_tree *tree, const struct tree_node *info,
                       struct wheels *out)
{
    struct wheel w = {.info = info};
    const char *metadata = tree_text(image_tree_below(tree, info, "METADATA"));
    const char *entries = tree_text(image_tree_below(tree, info, "entry_points.txt"));
    const char *url = tree_text(image_tree_below(tree, info, "direct_url.json"));
    if (!metadata)
        return;
    read_metadata(&w, metadata);
    if (!w.name)
        w.name = mem_strdup("");
    if (!w.shown)
        w.shown = mem_strdup("");
    if (!w.version)
        w.version = mem_strdup("");
    if (entries)
        read_entry_points(&w, entries);
    if (url)
        read_direct_url(&w, url);
    MEM_PUSH(out->items, out->count, out->cap) = w;
}

/* Lines of a .pth file: folders, relative to site-packages, but for those that are code. */
static void read_pth(const struct wheels *wheels, const char *text, struct strv *out)
{
    autostrv lines = STRV_INIT;
    strv_split(&lines, text, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        char *line = str_trim(lines.items[i]);
        if (!*line || *line == '#' || str_starts(line, "import ") || str_starts(line, "import\t"))
            continue;
        strv_addf(out, "%s%s%s", *line == '/' ? "" : wheels->site->path, *line == '/' ? "" : "/",
                  line);
    }
}

/* ---- the environment ---- */

static const struct tree_node *find_site(const struct image_tree *tree,
                                         const struct tree_node *root, char **version)
{
    const struct tree_node *lib = image_tree_below(tree, root, "lib"), *found = NULL;
    for (const struct tree_node *child = lib ? lib->child : NULL; child; child = child->next) {
        const char *name = path_base(child->path);
        const struct tree_node *site = image_tree_below(tree, child, "site-packages");
        if (!str_starts(name, "python") || !site || (found && strcmp(found->path, site->path) > 0))
            continue;
        found = site;
        free(*version);
        *version = mem_strdup(name + strlen("python"));
    }
    return found;
}

void wheels_read(const struct image_tree *tree, const struct tree_node **nodes, const char *prefix,
                 struct wheels *out)
{
    char *version = NULL;
    *out = (struct wheels){.prefix = mem_strdup(prefix)};
    out->root = image_tree_find(tree, prefix, true);
    out->site = out->root ? find_site(tree, out->root, &version) : NULL;
    out->version = version ? version : mem_strdup("");
    const char *config = tree_text(image_tree_below(tree, out->root, "pyvenv.cfg"));
    out->full_version = config ? wheel_venv_value(config, "version_info") : NULL;
    if (!out->full_version && config)
        out->full_version = wheel_venv_value(config, "version");
    if (!out->full_version)
        out->full_version = mem_strdup(out->version);
    for (size_t i = 0; out->site && i + 1 < tree->node_count; i++) {
        const struct tree_node *node = nodes[i];
        if (node->parent != out->site)
            continue;
        if (str_ends(node->path, ".dist-info") && S_ISDIR(tree_mode(node)))
            read_wheel(tree, node, out);
        else if (str_ends(node->path, ".pth") && tree_text(node))
            read_pth(out, tree_text(node), &out->paths);
    }
}

static void wheel_free(struct wheel *w)
{
    free(w->name);
    free(w->version);
    free(w->shown);
    free(w->source);
    strv_release(&w->extras);
    for (size_t i = 0; i < w->requirement_count; i++) {
        free(w->requirements[i].name);
        free(w->requirements[i].specifiers);
        free(w->requirements[i].marker);
        strv_release(&w->requirements[i].extras);
    }
    free(w->requirements);
    for (size_t i = 0; i < w->entry_count; i++) {
        free(w->entries[i].group);
        free(w->entries[i].name);
        free(w->entries[i].module);
        free(w->entries[i].attribute);
    }
    free(w->entries);
}

void wheels_release(struct wheels *wheels)
{
    for (size_t i = 0; i < wheels->count; i++)
        wheel_free(&wheels->items[i]);
    free(wheels->items);
    free(wheels->prefix);
    free(wheels->version);
    free(wheels->full_version);
    strv_release(&wheels->paths);
    *wheels = (struct wheels){0};
}

const struct wheel *wheels_find(const struct wheels *wheels, const char *name)
{
    for (size_t i = 0; i < wheels->count; i++)
        if (!strcmp(wheels->items[i].name, name))
            return &wheels->items[i];
    return NULL;
}

bool wheels_is_project(const struct wheels *wheels, const struct wheel *wheel)
{
    static const char *const installers[] = {"pip", "setuptools", "wheel", "uv", "virtualenv"};
    for (size_t i = 0; i < COUNT_OF(installers); i++)
        if (!strcmp(wheel->name, installers[i]))
            return false;
    if (wheel->direct)
        return true;
    for (size_t i = 0; i < wheels->count; i++)
        for (size_t k = 0; k < wheels->items[i].requirement_count; k++)
            if (&wheels->items[i] != wheel &&
                !strcmp(wheels->items[i].requirements[k].name, wheel->name))
                return false;
    return true;
}

void wheels_environments(const struct image_tree *tree, const struct tree_node **nodes,
                         struct strv *out)
{
    for (size_t i = 0; i + 1 < tree->node_count; i++) {
        const struct tree_node *node = nodes[i];
        if (strcmp(path_base(node->path), "pyvenv.cfg") != 0 || !S_ISREG(tree_mode(node)))
            continue;
        if (image_tree_below(tree, node->parent, "lib"))
            strv_add(out, node->parent->path);
    }
}
