#include "packages.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_CAP = 64 * 1024 * 1024 };

static void add(struct inventory *inventory, const char *kind, const char *name,
                const char *version, const char *place)
{
    MEM_PUSH(inventory->packages, inventory->package_count, inventory->package_cap) =
        (struct inventory_package){kind, mem_strdup(name), mem_strdup(version), mem_strdup(place)};
}

/* A text file of the image; "" where there is none. */
static void read_record(int root_fd, const char *path, struct str *out)
{
    autoerror ignored = ERROR_INIT;
    autoclose int fd = path_open_in_root(root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0 || io_read_fd(fd, path, RECORD_CAP, out, &ignored)) {
        error_ignore(&ignored, "an image without that record has no such packages");
        str_clear(out);
    }
}

/* How a manager writes a package down: paragraphs of lines that begin with a key. */
struct paragraph_form {
    const char *kind, *name, *version, *status;
};

/* The value where line begins with key; it points into line. */
static const char *value_of(const char *line, const char *key)
{
    size_t n = strlen(key);
    if (!key[0] || strncmp(line, key, n) != 0)
        return NULL;
    return line + n + strspn(line + n, " \t");
}

static void add_paragraphs(struct inventory *inventory, const struct paragraph_form *form,
                           struct str *text, const char *place)
{
    const char *name = NULL, *version = NULL, *status = NULL;
    char *rest = text->data, *line;
    while ((line = strsep(&rest, "\n"))) {
        const char *value;
        if ((value = value_of(line, form->name)))
            name = value;
        else if ((value = value_of(line, form->version)))
            version = value;
        else if ((value = value_of(line, form->status)))
            status = value;
        if (*line && rest)
            continue;
        if (name && version && (!status || strstr(status, " installed")))
            add(inventory, form->kind, name, version, place);
        name = version = status = NULL;
    }
}

/* NAME-VERSION.dist-info; names have no hyphen there (PEP 376, and the recording format of
 * packaging.python.org). */
static void add_distribution(struct inventory *inventory, const char *path)
{
    const char *base = path_base(path);
    autofree char *name = mem_strndup(base, strlen(base) - strlen(".dist-info"));
    char *version = strchr(name, '-');
    if (!version)
        return;
    *version++ = '\0';
    autofree char *place = path_dir(path);
    add(inventory, "python", name, version, place);
}

static int compare_packages(const void *a, const void *b)
{
    const struct inventory_package *x = a, *y = b;
    int r = strcmp(x->kind, y->kind);
    r = r ? r : strcmp(x->name, y->name);
    r = r ? r : strcmp(x->place, y->place);
    return r ? r : strcmp(x->version, y->version);
}

void packages_find(int root_fd, struct inventory *inventory)
{
    static const struct paragraph_form deb = {"deb", "Package:", "Version:", "Status:"};
    static const struct paragraph_form apk = {"apk", "P:", "V:", ""};
    static const char status[] = "var/lib/dpkg/status", status_parts[] = "var/lib/dpkg/status.d/";
    static const char apk_database[] = "lib/apk/db/installed";
    for (size_t i = 0; i < inventory->file_count; i++) {
        const struct inventory_file *f = &inventory->files[i];
        bool part = str_starts(f->path, status_parts) && !str_ends(f->path, ".md5sums");
        if (S_ISREG(f->mode) && (part || !strcmp(f->path, status))) {
            autostr text = STR_INIT;
            read_record(root_fd, f->path, &text);
            add_paragraphs(inventory, &deb, &text, f->path);
        } else if (S_ISREG(f->mode) && str_ends(f->path, apk_database)) {
            autostr text = STR_INIT;
            read_record(root_fd, f->path, &text);
            add_paragraphs(inventory, &apk, &text, f->path);
        } else if (S_ISDIR(f->mode) && str_ends(f->path, ".dist-info")) {
            add_distribution(inventory, f->path);
        }
    }
    if (inventory->package_count)
        qsort(inventory->packages, inventory->package_count, sizeof *inventory->packages,
              compare_packages);
}
