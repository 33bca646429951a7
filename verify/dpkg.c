#include "dpkg.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

/* The value of a field where the line is one of it; the caller frees it. */
static char *field(const char *line, size_t n, const char *name)
{
    size_t length = strlen(name);
    if (n < length || strncmp(line, name, length) != 0)
        return NULL;
    autofree char *value = mem_strndup(line + length, n - length);
    return mem_strdup(str_trim(value));
}

/* One paragraph; p is moved behind it. */
static const char *paragraph(const char *p, struct dpkg_packages *out)
{
    autofree char *name = NULL, *version = NULL, *status = NULL;
    while (*p && *p != '\n') {
        size_t n = strcspn(p, "\n");
        char *found;
        if ((found = field(p, n, "Package: "))) {
            free(name);
            name = found;
        } else if ((found = field(p, n, "Version: "))) {
            free(version);
            version = found;
        } else if ((found = field(p, n, "Status: "))) {
            free(status);
            status = found;
        }
        p += n + (p[n] == '\n');
    }
    bool installed = !status || strstr(status, " installed");
    if (name && version && installed)
        MEM_PUSH(out->items, out->count, out->cap) =
            (struct dpkg_package){take(&name), take(&version)};
    return p;
}

void dpkg_parse(const char *text, struct dpkg_packages *out)
{
    while (*text) {
        text += strspn(text, "\n");
        text = paragraph(text, out);
    }
}

void dpkg_read(const struct image_tree *tree, struct dpkg_packages *out)
{
    const char *text = tree_text(image_tree_find(tree, "/var/lib/dpkg/status", true));
    if (text)
        dpkg_parse(text, out);
    const struct tree_node *folder = image_tree_find(tree, "/var/lib/dpkg/status.d", true);
    for (const struct tree_node *c = folder ? folder->child : NULL; c; c = c->next)
        if (tree_text(c) && !str_ends(c->path, ".md5sums"))
            dpkg_parse(tree_text(c), out);
}

const char *dpkg_version(const struct dpkg_packages *packages, const char *name)
{
    for (size_t i = 0; i < packages->count; i++)
        if (!strcmp(packages->items[i].name, name))
            return packages->items[i].version;
    return NULL;
}

void dpkg_release(struct dpkg_packages *packages)
{
    for (size_t i = 0; i < packages->count; i++) {
        free(packages->items[i].name);
        free(packages->items[i].version);
    }
    free(packages->items);
    *packages = (struct dpkg_packages){0};
}
