/* The answer of a token server, or an error of a registry, of any bytes: a token is one that can
 * stand in a header, a reason is a short line, a wait has an end. */
#include "registry/response_error.h"
#include "registry/retry.h"
#include "registry/token.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 400 };

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static void check_token(const void *bytes, size_t n)
{
    autoerror err = ERROR_INIT;
    struct token token = {0};
    if (token_parse(bytes, n, 1000, &token, &err)) {
        if (token.value || !err.message || err.source_line)
            abort();
        return;
    }
    if (!*token.value || strlen(token.value) > TOKEN_CAP || token.expires_at < 1000)
        abort();
    for (const char *c = token.value; *c; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
            abort();
    token_release(&token);
}

static void check_wait(int64_t ms)
{
    if (ms < -1 || ms > RETRY_AFTER_CAP_MS + 1)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    if (n > 65536)
        return 0;
    check_token(bytes, n);
    autofree char *text = mem_strndup((const char *)bytes, n);
    autofree char *reason = response_reason(text);
    if (reason) {
        if (!*reason || strlen(reason) > REASON_MAX)
            abort();
        for (const char *c = reason; *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                abort();
    }
    response_has_code(text, "BLOB_UNKNOWN");
    check_wait(retry_after_parse(text, 784111777));
    check_wait(retry_after_find(text));
    return 0;
}
