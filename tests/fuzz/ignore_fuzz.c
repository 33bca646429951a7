/* An ignore file of any bytes before the first NUL, and a path after it. */
#include "builder/ignore.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    const unsigned char *nul = n ? memchr(bytes, 0, n) : NULL;
    if (!nul || n > 4096)
        return 0;
    autoignore *ignore = NULL;
    autoerror err = ERROR_INIT;
    if (ignore_parse((const char *)bytes, (size_t)(nul - bytes), "x", &ignore, &err)) {
        if (err.kind != ERROR_INPUT || !err.line)
            abort();
        return 0;
    }
    autofree char *rest = mem_strndup((const char *)nul + 1, n - 1 - (size_t)(nul - bytes));
    autofree char *path = path_clean(rest);
    bool wanted = !ignore_matches(ignore, path);
    /* A walk that skips what it may skip meets every path that is wanted. */
    for (char *slash; (slash = strrchr(path, '/')) && slash > path;) {
        *slash = '\0';
        if (wanted && ignore_matches(ignore, path) && !ignore_may_descend(ignore, path))
            abort();
    }
    return 0;
}
