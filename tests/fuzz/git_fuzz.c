/* The name of a git repository, of any bytes: what is one never gives git an option. */
#include "builder/git_reference.h"

#include <base/mem.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    autofree char *text = mem_strndup((const char *)bytes, n);
    for (int context = 0; context < 2; context++) {
        struct git_reference ref;
        autoerror err = ERROR_INIT;
        int found = git_reference_parse(text, context, &ref, &err);
        if (found < 0 && err.kind != ERROR_INPUT)
            abort();
        if (found != 1)
            continue;
        if (!*ref.remote || *ref.remote == '-' || (ref.ref && *ref.ref == '-') ||
            (ref.subdir && (*ref.subdir == '/' || !*ref.subdir)))
            abort();
        git_reference_release(&ref);
    }
    return 0;
}
