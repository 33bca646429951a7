/* What differs between two images: config, packages, files, sizes. */
#ifndef VERIFY_DIFF_H
#define VERIFY_DIFF_H

#include "inventory.h"
#include "unpacked.h"

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum diff_kind { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };

/* One thing that differs. */
struct diff_item {
    enum diff_kind kind;
    char *name;           /* "Env PATH", "deb bash", "usr/bin/x" */
    char *before, *after; /* as people read them; NULL where it is not there */
    int64_t bytes;        /* of a file: how much larger it got */
};

struct diff_list {
    struct diff_item *items; /* by name */
    size_t count, cap;
};

/* One side. */
struct diff_side {
    const char *reference; /* borrowed */
    struct digest digest;
    char platform[48];
    struct inventory inventory;
};

struct image_diff {
    struct diff_side sides[2];
    struct diff_list config, packages, files;
};

/* Zero it first; form: of the store's layers; the caller releases it whatever came. Files are
 * compared by type, mode, owner, link target, device and content; not by time. ERROR_HOST. */
int image_diff_make(const struct unpacked sides[2], const char *const references[2],
                    const struct inventory_form *form, struct image_diff *out, struct error *err);
bool image_diff_is_empty(const struct image_diff *d);
void image_diff_release(struct image_diff *d);

/* "added", "removed", "changed". */
const char *diff_kind_name(enum diff_kind kind);
/* A fresh item at the end; strings are copied and may be NULL. */
struct diff_item *diff_list_add(struct diff_list *list, enum diff_kind kind, const char *name,
                                const char *before, const char *after);

#endif
