/* Registries, which are not written yet. */
#include "transport_ops.h"

#define PENDING __attribute__((weak))

static int pending(struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "this transport is not supported yet");
}

PENDING int registry_source_open(const struct reference *ref,
                                 const struct transport_options *options, struct image_source **out,
                                 struct error *err)
{
    (void)ref, (void)options, (void)out;
    return pending(err);
}

PENDING int registry_target_open(const struct reference *ref,
                                 const struct transport_options *options, struct image_target **out,
                                 struct error *err)
{
    (void)ref, (void)options, (void)out;
    return pending(err);
}
