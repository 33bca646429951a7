/* A manifest of any bytes, and, after a NUL, a config for it. */
#include "registry/image.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static void check_manifest(const struct manifest *m)
{
    struct digest d;
    for (size_t i = 0; i < m->item_count; i++)
        if (m->items[i].size < 0 || digest_parse(m->items[i].digest.text, &d, NULL))
            abort();
    if (!m->is_index && (m->config.size < 0 || digest_parse(m->config.digest.text, &d, NULL)))
        abort();
}

/* What is made of a manifest's parts is read as the same parts. */
static void check_made(const struct manifest *m)
{
    autoerror err = ERROR_INIT;
    automanifest made = {0};
    automanifest again = {0};
    if (m->is_index)
        index_make(m->items, m->item_count, m->annotations, false, &made);
    else
        manifest_make(&m->config, m->items, m->item_count, m->annotations, false, &made);
    if (manifest_parse(made.bytes, made.size, made.media_type, "made", &again, &err))
        abort();
    if (again.item_count != m->item_count || !digest_equal(&again.digest, &made.digest))
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    const unsigned char *end = n ? memchr(bytes, '\0', n) : NULL;
    size_t size = end ? (size_t)(end - bytes) : n;
    autoerror err = ERROR_INIT;
    automanifest m = {0};
    if (manifest_parse(bytes, size, NULL, "fuzz", &m, &err)) {
        if (err.kind != ERROR_INPUT || m.bytes)
            abort();
        return 0;
    }
    check_manifest(&m);
    check_made(&m);
    struct platform host;
    const struct descriptor *chosen;
    platform_host(&host);
    if (m.is_index)
        manifest_select(&m, &host, "fuzz", &chosen, &err);
    autoimage image = {0};
    if (end && !image_assemble(&m, end + 1, n - size - 1, "fuzz", &image, &err) &&
        image.layer_count != image.manifest.item_count)
        abort();
    return 0;
}
