/* Base64 (RFC 4648 section 4), as credentials are kept and sent. Private. */
#ifndef REGISTRY_BASE64_H
#define REGISTRY_BASE64_H

#include <base/error.h>
#include <base/str.h>

#include <stddef.h>

/* The caller frees it. */
char *base64_encode(const void *bytes, size_t n) __attribute__((returns_nonnull));
/* Padding may be missing, blanks at the ends are allowed. 0, or -1 where it is not Base64, is
 * longer than 1 MiB, or holds a NUL. */
int base64_decode(const char *text, struct str *out);

#endif
