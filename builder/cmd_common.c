#include "cmd_common.h"

#include <base/interrupt.h>
#include <base/log.h>
#include <base/mem.h>
#include <registry/layout.h>

#include <stdlib.h>
#include <string.h>

static enum progress_mode mode_of(const struct common_values *values)
{
    static const char *const names[] = {[PROGRESS_AUTO] = "auto",
                                        [PROGRESS_PLAIN] = "plain",
                                        [PROGRESS_TTY] = "tty",
                                        [PROGRESS_JSON] = "json",
                                        [PROGRESS_QUIET] = "quiet"};
    if (values->quiet || str_eq(values->progress, "none"))
        return PROGRESS_QUIET;
    for (size_t i = 0; values->progress && i < COUNT_OF(names); i++)
        if (!strcmp(values->progress, names[i]))
            return (enum progress_mode)i;
    return PROGRESS_AUTO;
}

int common_init(struct common *c, const struct common_values *values, struct error *err)
{
    *c = (struct common){.store = NULL};
    if (values->jobs > 256)
        return error_set(err, ERROR_USAGE, "--jobs %lld: at most 256", values->jobs);
    if (str_eq(values->progress, "rawjson")) {
        error_set(err, ERROR_USAGE,
                  "--progress rawjson is not supported: it is BuildKit's own form");
        return error_hint(err, "--progress json has an object a line too");
    }
    if (values->quiet)
        log_set_level(LOG_WARNING);
    c->progress = progress_new(mode_of(values), stderr);
    strv_add_all(&c->insecure, &values->insecure);
    c->transport =
        (struct transport_options){.insecure_hosts = (const char *const *)strv_argv(&c->insecure),
                                   .tls_ca = values->tls_ca,
                                   .jobs = (unsigned)values->jobs,
                                   .progress = c->progress,
                                   .cancel = interrupt_flag(),
                                   .budgets = rate_budgets_new(interrupt_flag())};
    return 0;
}

int common_open_store(struct common *c, const struct common_values *values, struct error *err)
{
    const char *root = values->root ? values->root : getenv("IMGBUILD_ROOT");
    enum mode_name wanted;
    if (mode_parse(values->isolation, &wanted, err) || mode_enter(wanted, &c->mode, err))
        return -1;
    return store_open(root && *root ? root : NULL, &c->mode, &c->store, err) ||
                   layout_init(store_oci_fd(c->store), err)
               ? -1
               : 0;
}

void common_release(struct common *c)
{
    store_close(c->store);
    mode_release(&c->mode);
    progress_free(c->progress);
    rate_budgets_free(c->transport.budgets);
    strv_release(&c->insecure);
    *c = (struct common){.store = NULL};
}

void common_store_reference(const struct common *c, const struct digest *digest,
                            struct reference *out)
{
    *out = (struct reference){.transport = REFERENCE_OCI_LAYOUT,
                              .path = mem_printf("%s/oci", store_path(c->store)),
                              .digest = *digest};
}

int common_store_manifest(const struct common *c, const struct digest *digest, struct manifest *out,
                          struct error *err)
{
    autoreference ref = {.transport = REFERENCE_OCI_LAYOUT};
    struct image_source *source = NULL;
    common_store_reference(c, digest, &ref);
    if (image_source_open(&ref, &c->transport, &source, err))
        return -1;
    int code = image_source_manifest(source, out, err);
    image_source_close(source);
    return code;
}
