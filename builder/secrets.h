/* What --secret gives: values for RUN --mount=type=secret, git and downloads. They are read when a
 * step asks for them, kept in memory alone, and wiped. */
#ifndef BUILDER_SECRETS_H
#define BUILDER_SECRETS_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>

/* The most bytes a secret may have. */
#define SECRET_MAX ((size_t)500 * 1024)

struct secret {
    char *id;
    char *path;     /* the file it is in; NULL: */
    char *variable; /* the environment variable that it is */
};

struct secrets {
    struct secret *items;
    size_t count, cap;
};

/* "id=ID[,src=FILE|,env=VARIABLE][,type=file|env]"; with an ID alone it is the variable of that
 * name, else the file. ERROR_USAGE; ERROR_MISSING where the file isn't there. */
int secrets_add(struct secrets *secrets, const char *spec, struct error *err);
void secrets_release(struct secrets *secrets);

/* Read one into *out. 1; 0: there is none of this id; -1. secrets may be NULL. The caller wipes it.
 */
int secrets_read(const struct secrets *secrets, const char *id, struct str *out, struct error *err);
/* Overwrite and free. */
void secret_wipe(struct str *value);

#endif
