#include "digest.h"

#include "mem.h"
#include "str.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct digester {
    EVP_MD_CTX *context;
    const EVP_MD *algorithm;
    const char *name;
};

static bool lower_hex(const char *s, size_t n)
{
    return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

int digest_parse(const char *text, struct digest *out, struct error *err)
{
    bool good = (str_starts(text, "sha256:") && lower_hex(text + 7, 64)) ||
                (str_starts(text, "sha512:") && lower_hex(text + 7, 128));
    if (!good)
        return error_set(err, ERROR_INPUT,
                         "“%.160s” is not a digest (sha256: and 64 digits, or sha512: and 128)",
                         text);
    memset(out, 0, sizeof *out);
    memcpy(out->text, text, strlen(text));
    return 0;
}

bool digest_is_set(const struct digest *d)
{
    return d->text[0] != '\0';
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return !strcmp(a->text, b->text);
}

const char *digest_hex(const struct digest *d)
{
    const char *colon = strchr(d->text, ':');
    return colon ? colon + 1 : "";
}

/* OpenSSL fails here only where memory is short or a provider is broken: nothing a caller could
 * mend. */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

static struct digester *new_digester(const EVP_MD *algorithm, const char *name)
{
    struct digester *h = mem_zalloc(1, sizeof *h);
    h->context = EVP_MD_CTX_new();
    h->algorithm = algorithm;
    h->name = name;
    must(h->context && EVP_DigestInit_ex(h->context, algorithm, NULL));
    return h;
}

struct digester *digester_new(void)
{
    return new_digester(EVP_sha256(), "sha256");
}

struct digester *digester_new_like(const struct digest *d)
{
    return str_starts(d->text, "sha512:") ? new_digester(EVP_sha512(), "sha512") : digester_new();
}

void digester_add(struct digester *h, const void *bytes, size_t n)
{
    must(EVP_DigestUpdate(h->context, bytes, n));
}

void digester_finish(struct digester *h, struct digest *out)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    must(EVP_DigestFinal_ex(h->context, raw, &n));
    memset(out, 0, sizeof *out);
    char *p = stpcpy(out->text, h->name);
    *p++ = ':';
    for (unsigned i = 0; i < n; i++, p += 2) {
        p[0] = "0123456789abcdef"[raw[i] >> 4];
        p[1] = "0123456789abcdef"[raw[i] & 15];
    }
    must(EVP_DigestInit_ex(h->context, h->algorithm, NULL));
}

void digester_free(struct digester *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->context);
    free(h);
}

void digester_free_at(struct digester **h)
{
    digester_free(*h);
    *h = NULL;
}

void digest_bytes(const void *bytes, size_t n, struct digest *out)
{
    autodigester struct digester *h = digester_new();
    digester_add(h, bytes, n);
    digester_finish(h, out);
}
