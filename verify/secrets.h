/* Secrets that must not be in an image: private keys, tokens of well-known services, and files that
 * hold credentials by their name. */
#ifndef VERIFY_SECRETS_H
#define VERIFY_SECRETS_H

#include <stddef.h>

enum { SECRETS_FILE_MAX = 1024 * 1024 /* larger files are not looked into */ };

/* What secret the bytes hold ("a private key", "a GitHub token"), NULL where none is seen. path (or
 * NULL: no file) is what some are known by. The text is not ours to free. */
const char *secrets_find(const char *path, const char *bytes, size_t n);

#endif
