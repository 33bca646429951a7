/* The packages installed in a Python environment, read from its *.dist-info folders. Packaging
 * specifications: "Recording installed projects", "Core metadata", "Entry points", "Direct URL". */
#ifndef VERIFY_WHEEL_H
#define VERIFY_WHEEL_H

#include "image_tree.h"

#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

/* An entry point: "name = module:attribute". */
struct wheel_entry {
    char *group, *name, *module, *attribute; /* attribute may be "" */
};

/* A requirement: "name[extras] specifiers; marker". */
struct wheel_requirement {
    char *name; /* normalised */
    struct strv extras;
    char *specifiers, *marker; /* "" where there is none */
};

struct wheel {
    char *name, *version; /* the name normalised */
    char *shown;          /* the name as it is written */
    const struct tree_node *info;
    struct wheel_requirement *requirements;
    size_t requirement_count, requirement_cap;
    struct strv extras; /* that it offers */
    struct wheel_entry *entries;
    size_t entry_count, entry_cap;
    bool direct, editable; /* installed from a URL or folder; and is that folder */
    char *source;          /* of an editable one: the folder */
};

/* A virtual environment. */
struct wheels {
    char *prefix;                 /* as it was asked for */
    const struct tree_node *root; /* its folder, NULL where it is not there */
    const struct tree_node *site; /* site-packages, NULL where it is not there */
    char *version;                /* of Python: "3.11" from the folder's name, "" unknown */
    char *full_version;           /* from pyvenv.cfg, else version */
    struct strv paths;            /* that .pth files add to those where modules are looked for */
    struct wheel *items;
    size_t count, cap;
};

/* Read an environment; what cannot be read is left out. */
void wheels_read(const struct image_tree *tree, const struct tree_node **nodes, const char *prefix,
                 struct wheels *out);
void wheels_release(struct wheels *wheels);
#define autowheels __attribute__((cleanup(wheels_release))) struct wheels
/* The package of a (normalised) name, NULL where it is not installed. */
const struct wheel *wheels_find(const struct wheels *wheels, const char *name);
/* True where no other package requires it, or it was installed from a folder: somebody wanted it
 * for itself. Installers (pip, setuptools, wheel, uv) are not meant. */
bool wheels_is_project(const struct wheels *wheels, const struct wheel *wheel);
/* Lower case with one dash for each run of "-", "_" and "." (PEP 503). The caller frees it. */
char *wheel_normalise(const char *name) __attribute__((returns_nonnull));
/* The value of a key of pyvenv.cfg, NULL where it is not there; the caller frees it. */
char *wheel_venv_value(const char *text, const char *key);
/* "dev", "test", "lint": an extra for those who work on a package. */
bool wheel_extra_is_dev(const char *extra);
/* All virtual environments of an image (folders with a pyvenv.cfg and site-packages), appended. */
void wheels_environments(const struct image_tree *tree, const struct tree_node **nodes,
                         struct strv *out);

#endif
