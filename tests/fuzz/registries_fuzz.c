/* A registries.conf of any bytes: an error with its place, or places for a name that are names, the
 * registry itself last. And the credentials file of any bytes, whose secrets stay out of errors. */
#include "registry/credentials.h"
#include "registry/registries.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static void check_places(const struct registries *r, const char *name)
{
    autoerror err = ERROR_INIT;
    autoreference ref = {0};
    struct registry_place *places;
    size_t count;
    if (reference_parse(name, false, &ref, &err))
        abort();
    if (registries_places(r, &ref, &places, &count, &err)) {
        if (!err.message)
            abort();
        return;
    }
    if (!count || places[count - 1].mirror)
        abort();
    for (size_t i = 0; i < count; i++)
        if (!places[i].ref.host || !places[i].ref.repository)
            abort();
    registry_places_free(places, count);
}

static void check_credentials(const void *bytes, size_t n)
{
    autoerror err = ERROR_INIT;
    autojson *config = NULL;
    autocredentials c = {0};
    if (json_parse(bytes, n, "config.json", &config, &err) || !json_is_object(config))
        return;
    int found = credentials_in(config, "config.json", "ghcr.io", "o/n", false, &c, &err);
    if (found > 0 && !c.user && !c.identity_token)
        abort();
    if (found < 0 && (!err.message || err.source_line))
        abort();
    credentials_helper_for(config, "ghcr.io");
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    autoerror err = ERROR_INIT;
    if (n > 65536)
        return 0;
    check_credentials(bytes, n);
    autoregistries *r = registries_new();
    if (registries_add(r, bytes, n, "registries.conf", &err)) {
        if (!err.message || err.kind != ERROR_INPUT)
            abort();
        return 0;
    }
    check_places(r, "debian:12");
    check_places(r, "ghcr.io/o/n:1");
    check_places(r, "x.corp.example/n:1");
    return 0;
}
