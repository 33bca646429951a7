/* Image definitions: images/NAME/image.yaml, which says what an image is called, built from, tagged
 * and checked by. */
#ifndef IMAGES_DEFINITION_H
#define IMAGES_DEFINITION_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

enum { DEFINITION_CAP = 256 * 1024 }; /* bytes of an image.yaml */

/* One way to build the image: from local code (dev) or from published packages (prod). */
struct definition_variant {
    bool present;
    char *dockerfile; /* as written: below the source tree, else beside image.yaml */
    char *target;     /* stage to stop at; NULL: the last */
    char *suffix;     /* of this variant's tags, "" for none */
    struct strv args; /* "NAME=TEMPLATE", in the order of the file */
};

struct definition {
    char *name;            /* the folder's name, "allocator" */
    char *directory;       /* the folder, as it was found */
    char *file;            /* directory/image.yaml, for messages */
    char *repository;      /* template, "ghcr.io/${owner}/lablink-allocator-image" */
    char *package;         /* what a release tag or a dispatch payload calls it; NULL: none */
    char *context;         /* below the source tree; "." by default */
    struct strv platforms; /* at least one; linux/amd64 by default */
    struct definition_variant prod, dev; /* at least one is present */
    struct strv tags;                    /* templates beside the computed ones */
    char *checks;                        /* below directory; NULL: none */
};

/* Parse an image.yaml of n bytes. ERROR_INPUT, with the place, for an unknown key, a missing
 * repository or variant, a bad platform, a template that names an unknown variable, or a path that
 * leaves its tree. */
int definition_parse(const void *bytes, size_t n, const char *name, const char *directory,
                     struct definition *out, struct error *err);
/* The folders in which definitions are looked up, first match wins: ./images, those of
 * images_variable ($IMGBUILD_IMAGES, separated by ':'; may be NULL), the installed one. */
void definition_folders(const char *images_variable, struct strv *out);
/* Find and parse NAME/image.yaml in the first of the folders that has it. ERROR_MISSING lists the
 * names there are; a name with '/' or a leading '.' is ERROR_USAGE. */
int definition_load(const struct strv *folders, const char *name, struct definition *out,
                    struct error *err);
/* Names of all definitions in the folders, sorted, each once. Folders that are absent hold none. */
int definition_list(const struct strv *folders, struct strv *names, struct error *err);
/* True where "host/owner/name" is this definition's repository: the part after the last '/' must be
 * the same; host and owner may differ, since --registry and the CI's owner replace them. */
bool definition_matches(const struct definition *d, const char *repository);
/* The definition in the folders that matches a repository; false (and *out untouched) where none
 * does. A definition that doesn't parse is skipped, with a warning. */
bool definition_find(const struct strv *folders, const char *repository, struct definition *out);

void definition_release(struct definition *d);
#define autodefinition __attribute__((cleanup(definition_release))) struct definition

#endif
