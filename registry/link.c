#include "link.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

char *link_parse(const char *header)
{
    const char *at = header;
    while ((at = strchr(at, '<'))) {
        const char *end = strchr(at, '>');
        if (!end)
            return NULL;
        size_t n = strcspn(end, ",");
        autofree char *parameters = str_lower(mem_strndup(end + 1, n - 1));
        if (strstr(parameters, "rel=\"next\"") || strstr(parameters, "rel=next"))
            return mem_strndup(at + 1, (size_t)(end - at - 1));
        at = end;
    }
    return NULL;
}

char *link_next(const struct http_exchange *x)
{
    autourl next = {0};
    autoerror bad = ERROR_INIT;
    const char *header = http_header(x, "Link");
    autofree char *target = header ? link_parse(header) : NULL;
    if (!target)
        return NULL;
    if (url_resolve(http_url(x), target, &next, &bad)) {
        error_ignore(&bad, "a list that leads nowhere ends here");
        return NULL;
    }
    const char *below = strstr(next.text, "/v2/");
    if (!url_same_origin(&next, http_url(x)) || !below || !str_starts(next.path, "/v2/"))
        return NULL;
    return mem_strdup(below + strlen("/v2/"));
}
