/* The value of a RUN --mount, of any bytes. */
#include "builder/mount_spec.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static const char *lookup(void *context, const char *name)
{
    return strcmp(name, "A") ? NULL : context;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    autofree char *text = mem_strndup((const char *)bytes, n);
    char value[] = "a,b=c";
    const struct expand how = {.lookup = lookup, .context = value, .escape = '\\'};
    struct mount_spec spec;
    autoerror err = ERROR_INIT;
    if (mount_spec_parse(text, &how, &spec, &err)) {
        if (err.kind != ERROR_INPUT)
            abort();
        return 0;
    }
    mount_spec_release(&spec);
    return 0;
}
