/* Platforms, "linux/arm64/v8" (OCI image-index, "platform"; Go's names; containerd's normal forms).
 */
#ifndef REGISTRY_PLATFORM_H
#define REGISTRY_PLATFORM_H

#include <base/error.h>

#include <stdbool.h>

/* A plain value: copy freely. */
struct platform {
    char os[16];
    char arch[16];
    char variant[8]; /* "" for none; arm64's v8 is normalised to "" */
};

/* "linux/amd64", "linux/arm/v7", "arm64" (then linux); aliases x86_64, aarch64. ERROR_INPUT. */
int platform_parse(const char *text, struct platform *out, struct error *err);
/* The normal form of what an index or a config says; too long words are cut, variant may be NULL.
 */
void platform_from(const char *os, const char *arch, const char *variant, struct platform *out);
/* This machine's. */
void platform_host(struct platform *out);
bool platform_equal(const struct platform *a, const struct platform *b);
/* True where an image for `image` runs natively on a machine that is `host`. */
bool platform_runs_on(const struct platform *image, const struct platform *host);
/* "linux/arm/v7" into a buffer of 48 bytes; returned. separator is '/' or, for tags, '-'. */
char *platform_text(const struct platform *p, char separator, char buffer[48]);

#endif
