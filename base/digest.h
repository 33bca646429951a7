/* Content digests, "sha256:HEX" (OCI image-spec, descriptor.md, "Digests").
 *
 * A digest that comes from outside is parsed, and so checked, before it meets a path or a URL. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

/* "sha512:" and 128 digits is the longest; text[0] == '\0' means none. A plain value: copy freely.
 */
struct digest {
    char text[7 + 128 + 1];
};
#define DIGEST_NONE ((struct digest){{0}})

/* sha256 or sha512 with lower-case hexadecimal digits of the right number; ERROR_INPUT otherwise.
 */
int digest_parse(const char *text, struct digest *out, struct error *err);
bool digest_is_set(const struct digest *d);
bool digest_equal(const struct digest *a, const struct digest *b);
/* The digits alone, pointing into d. */
const char *digest_hex(const struct digest *d);

/* A running hash. */
struct digester;
struct digester *digester_new(void);                        /* sha256 */
struct digester *digester_new_like(const struct digest *d); /* that digest's algorithm */
void digester_add(struct digester *h, const void *bytes, size_t n);
/* The digest of all that was added; the hash is then empty and can be used again. */
void digester_finish(struct digester *h, struct digest *out);
void digester_free(struct digester *h);
void digester_free_at(struct digester **h);
#define autodigester __attribute__((cleanup(digester_free_at)))

/* sha256 of n bytes. */
void digest_bytes(const void *bytes, size_t n, struct digest *out);

#endif
