#include "store_name.h"

#include <base/mem.h>

char *store_name(const struct reference *ref, const struct platform *platform)
{
    struct platform host;
    char text[48];
    platform_host(&host);
    autofree char *full = reference_text(ref);
    if (platform_equal(platform, &host))
        return mem_strdup(full);
    return mem_printf("%s (%s)", full, platform_text(platform, '/', text));
}
