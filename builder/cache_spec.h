/* --cache-from and --cache-to, as text and as data. */
#ifndef BUILDER_CACHE_SPEC_H
#define BUILDER_CACHE_SPEC_H

#include <base/error.h>

#include <stdbool.h>

enum cache_place {
    CACHE_REGISTRY,
    CACHE_LOCAL,  /* a directory, an OCI layout */
    CACHE_INLINE, /* in the image itself */
};

struct cache_spec {
    enum cache_place place;
    char *reference; /* of REGISTRY and LOCAL, as reference_parse reads it; NULL of INLINE */
    bool all;        /* mode=max: the steps of all stages, not only of the image */
    bool mounts;     /* cache mounts too */
    bool ignore_error;
    char *compression; /* what it must be; NULL: any */
};

/* "type=registry,ref=REF", "type=local,src=DIR[,tag=TAG|,digest=D]", a REF alone. ERROR_USAGE. */
int cache_spec_parse_from(const char *text, struct cache_spec *out, struct error *err);
/* "type=registry,ref=REF[,mode=max]", "type=local,dest=DIR", "type=inline", a REF alone; with
 * mounts=true and ignore-error=true. ERROR_USAGE, with a hint for the kinds that there are not. */
int cache_spec_parse_to(const char *text, struct cache_spec *out, struct error *err);
void cache_spec_release(struct cache_spec *spec);

#endif
