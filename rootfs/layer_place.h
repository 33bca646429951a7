/* Where an entry of a layer belongs: beneath one directory, found by descriptors and never by text,
 * with the descriptors of the last entry's directories kept, since the next entry's are mostly the
 * same. */
#ifndef ROOTFS_LAYER_PLACE_H
#define ROOTFS_LAYER_PLACE_H

#include "whiteout.h"

#include <base/error.h>

#include <stdbool.h>

enum { LAYER_DEPTH_MAX = 256, LAYER_PATH_MAX = 4096 };

struct layer_place;

/* root_fd stays the caller's. form: the layer's. */
struct layer_place *layer_place_new(int root_fd, enum whiteout_form form);
void layer_place_free(struct layer_place *place);

/* What to do about a directory on the way that isn't there. */
enum layer_place_missing {
    LAYER_PLACE_MAKE, /* 0755, owned by root, as other tools do */
    LAYER_PLACE_FAIL, /* ERROR_MISSING */
};

/* Find the directory that path's last component is in: *dir_fd (O_PATH, valid until the next call)
 * and *name ("" for the root itself), both the place's. "./", leading and doubled slashes mean
 * nothing. ERROR_INPUT for "..", for what is too long or too deep, and where a file is in the way.
 * Symlinks on the way are followed within the root. */
int layer_place_find(struct layer_place *place, const char *path, enum layer_place_missing missing,
                     int *dir_fd, const char **name, struct error *err);

#endif
