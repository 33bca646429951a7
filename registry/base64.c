#include "base64.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_CAP = 1 << 20 };

char *base64_encode(const void *bytes, size_t n)
{
    char *text = mem_alloc((n + 2) / 3 * 4 + 1);
    int length = EVP_EncodeBlock((unsigned char *)text, bytes, (int)n);
    text[length] = '\0';
    return text;
}

int base64_decode(const char *text, struct str *out)
{
    text += strspn(text, " \t\r\n");
    size_t n = strcspn(text, " \t\r\n=");
    size_t padding = strspn(text + n, "=");
    const char *end = text + n + padding;
    if (end[strspn(end, " \t\r\n")] || n > TEXT_CAP || n % 4 == 1 || padding > 2 ||
        (padding && (n + padding) % 4 != 0))
        return -1;
    size_t missing = (4 - n % 4) % 4;
    autofree char *whole = mem_printf("%.*s%.*s", (int)n, text, (int)missing, "==");
    autofree unsigned char *bytes = mem_alloc((n + missing) / 4 * 3 + 1);
    int got = EVP_DecodeBlock(bytes, (const unsigned char *)whole, (int)(n + missing));
    if (got < 0 || (size_t)got < missing)
        return -1;
    size_t size = (size_t)got - missing;
    int failed = size && memchr(bytes, 0, size) ? -1 : 0;
    str_clear(out);
    if (!failed)
        str_add_bytes(out, bytes, size);
    explicit_bzero(bytes, (size_t)got);
    explicit_bzero(whole, n + missing);
    return failed;
}
