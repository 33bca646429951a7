/* The Debian packages of an image, from dpkg's status file (or status.d, as in distroless images).
 */
#ifndef VERIFY_DPKG_H
#define VERIFY_DPKG_H

#include "image_tree.h"

#include <stddef.h>

struct dpkg_package {
    char *name, *version;
};

struct dpkg_packages {
    struct dpkg_package *items;
    size_t count, cap;
};

/* Append those that are installed. */
void dpkg_read(const struct image_tree *tree, struct dpkg_packages *out);
/* The same from a status file's text. */
void dpkg_parse(const char *text, struct dpkg_packages *out);
/* The version of a package, NULL where it is not installed; owned by the list. */
const char *dpkg_version(const struct dpkg_packages *packages, const char *name);
void dpkg_release(struct dpkg_packages *packages);

#endif
