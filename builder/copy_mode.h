/* --chmod: an octal mode, or a symbolic one as chmod(1) takes it ("u=rwX,go=rX", "g=u-w"), without
 * a umask. */
#ifndef BUILDER_COPY_MODE_H
#define BUILDER_COPY_MODE_H

#include <base/error.h>

#include <stdbool.h>
#include <sys/types.h>

struct copy_mode {
    bool octal;
    mode_t bits; /* where it is octal */
    char *text;  /* else */
};

/* ERROR_INPUT, without a place. */
int copy_mode_parse(const char *text, struct copy_mode *out, struct error *err);
void copy_mode_release(struct copy_mode *mode);
/* The mode that a file of this mode (type included) gets; the type stays. */
mode_t copy_mode_apply(const struct copy_mode *mode, mode_t old);
/* Permissions of directories that have to be made: an octal mode's, without its set-id bits, else
 * 0755. mode may be NULL. */
mode_t copy_mode_made(const struct copy_mode *mode);

#endif
