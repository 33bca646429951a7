#include "means.h"

#include "derive.h"

#include <base/interrupt.h>
#include <base/log.h>
#include <base/mem.h>
#include <rootfs/ca_certs.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_store(struct means *m, const struct option_values *values, struct error *err)
{
    const char *root = values->root ? values->root : getenv("IMGBUILD_ROOT");
    enum mode_name wanted;
    if (values->statics) /* what only reads keeps nothing, and needs no rights */
        return 0;
    if (mode_parse(values->isolation, &wanted, err) || mode_enter(wanted, &m->mode, err))
        return -1;
    return store_open(root && *root ? root : NULL, &m->mode, &m->options.store, err);
}

int means_init(struct means *m, const struct option_values *values, struct error *err)
{
    bool one_platform = values->platform && strcmp(values->platform, "all") != 0;
    m->ca_bundle = -1;
    m->mount_count = values->volume.count;
    m->mounts = mem_zalloc(m->mount_count + 1, sizeof *m->mounts);
    for (size_t i = 0; i < m->mount_count; i++)
        m->mounts[i].source_fd = -1;
    struct limits limits;
    if (limits_parse(values->memory, values->cpus, values->pids_limit, &limits, err) ||
        open_store(m, values, err) || gpu_find(values->gpus, &m->gpu, err) ||
        options_mounts(values, m->mounts, err) ||
        (one_platform && platform_parse(values->platform, &m->platform, err)))
        return -1;
    if (values->ca_certs && (m->ca_bundle = ca_certs_open(NULL, err)) < 0)
        return -1;
    strv_add_all(&m->insecure, &values->insecure);
    m->transport = (struct transport_options){
        .insecure_hosts = (const char *const *)strv_argv(&m->insecure),
        .tls_ca = values->tls_ca,
        .jobs = (unsigned)values->jobs,
        .cancel = interrupt_flag(),
    };
    bool host = str_eq(values->network, "host");
    if (!host && m->mode.view == MODE_VIEW_CHROOT)
        log_warning("checks see the container's network: none of their own can be made here");
    m->options = (struct verification_options){
        .store = m->options.store,
        .transport = &m->transport,
        .platform = one_platform ? &m->platform : NULL,
        .user = values->user,
        .env = &values->env,
        .network = host ? SANDBOX_NETWORK_HOST : SANDBOX_NETWORK_NONE,
        .timeout_ms = (unsigned)values->timeout * 1000,
        .mounts = m->mounts,
        .mount_count = m->mount_count,
        .ca_bundle_fd = m->ca_bundle,
        .cancel_fd = interrupt_fd(),
        .gpu = &m->gpu,
        .all_gpus = values->gpus != NULL,
        .driver = m->gpu.driver,
        .static_only = values->statics,
        .plan_only = values->list,
        .derive = derive_wishes(values->automatic, values->statics),
        .venvs = &values->venv,
        .only = &values->only,
        .skip = &values->skip,
        .limits = limits,
        .inventory = options_want_inventory(values),
    };
    m->options.pool = pool_new((size_t)values->jobs);
    m->options.emulators = emulators_new();
    m->options.progress = progress_new(options_progress(values), stderr);
    m->transport.progress = m->options.progress;
    return 0;
}

void means_release(struct means *m)
{
    progress_free(m->options.progress);
    if (m->options.pool)
        pool_free(m->options.pool);
    emulators_free(m->options.emulators);
    limiter_free(m->options.limiter);
    store_close(m->options.store);
    mode_release(&m->mode);
    for (size_t i = 0; i < m->mount_count; i++)
        if (m->mounts[i].source_fd >= 0)
            close(m->mounts[i].source_fd);
    free(m->mounts);
    mem_close_at(&m->ca_bundle);
    gpu_release(&m->gpu);
    strv_release(&m->insecure);
}
