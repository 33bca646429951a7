/* The name of an image of any bytes: what is taken has a full form that means the same. */
#include "registry/reference.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    if (n > 8192)
        return 0;
    autofree char *text = mem_strndup((const char *)bytes, n);
    autoerror err = ERROR_INIT;
    autoreference ref = {0};
    if (reference_parse(text, false, &ref, &err)) {
        if (err.kind != ERROR_INPUT || ref.host || ref.path)
            abort();
        return 0;
    }
    autofree char *full = reference_text(&ref);
    autoreference again = {0};
    if (reference_parse(full, false, &again, &err))
        abort();
    autofree char *same = reference_text(&again);
    if (strcmp(full, same) != 0)
        abort();
    if (ref.host) {
        /* None of these may ever part a URL or a path in an unexpected place. */
        if (strpbrk(ref.repository, "@:?#% \\\n") || strstr(ref.repository, "..") ||
            strpbrk(ref.host, "@/?#% \\\n"))
            abort();
        reference_host_is_loopback(ref.host);
    }
    return 0;
}
