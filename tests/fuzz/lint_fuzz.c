/* The build checks of a Dockerfile of any bytes. */
#include "builder/lint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    autodockerfile *file = NULL;
    autoerror err = ERROR_INIT;
    if (dockerfile_parse((const char *)bytes, n, "Dockerfile", &file, &err))
        return 0;
    struct lint lint = {.file = file};
    if (lint_run(&lint, &err) && (err.kind != ERROR_INPUT || !err.file))
        abort();
    for (size_t i = 0; i < lint.count; i++)
        if (!lint.items[i].line || !*lint.items[i].detail)
            abort();
    lint_release(&lint);
    return 0;
}
