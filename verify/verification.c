#include "verification.h"

#include "blame.h"
#include "check_file.h"
#include "check_license.h"
#include "check_metadata.h"
#include "check_run.h"
#include "static_verification.h"
#include "unpacked.h"
#include "verdict.h"

#include <base/mem.h>

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* An image that lies unpacked, and what its checks share. */
struct verification {
    const struct verification_options *options;
    struct image_result *result;
    struct unpacked unpacked;
    struct blame_layers layers;
    struct image_view view; /* where static checks are among them */
    struct static_image seen;
    struct strv env;
    char *no_programs;
    struct check_ground ground;
};

/* One check's job. */
struct job {
    const struct verification *verification;
    const struct check *check;
    struct check_result *result;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one check ---- */

static int evaluate(const struct verification *v, const struct check *check,
                    struct check_result *out, struct error *err)
{
    const struct check_ground *ground = &v->ground;
    switch (check->kind) {
    case CHECK_FILE:
        out->verdict = file_rule_holds(ground->look_fd, store_owners(ground->store), &check->look,
                                       &out->detail)
                           ? VERDICT_PASSED
                           : VERDICT_FAILED;
        return 0;
    case CHECK_METADATA:
        out->verdict = metadata_rules_hold(ground->config, &check->metadata, &out->detail)
                           ? VERDICT_PASSED
                           : VERDICT_FAILED;
        return 0;
    case CHECK_LICENSE:
        out->verdict = license_rule_holds(ground->look_fd, &check->license, &out->detail)
                           ? VERDICT_PASSED
                           : VERDICT_FAILED;
        return 0;
    case CHECK_STATIC:
        static_check(&v->seen, &check->fixed, out);
        return 0;
    case CHECK_COMMAND:
    case CHECK_START:
    default:
        return check_run(check, ground, out, err);
    }
}

/* Name the layer that a failed check is about: of its file, or of the code that a traceback ends
 * in.
 */
static void blame(const struct verification *v, const struct check *check, struct check_result *r)
{
    if (r->verdict != VERDICT_FAILED)
        return;
    autofree char *file = NULL;
    if (check->kind == CHECK_FILE && !check->look.is_glob)
        file = mem_strdup(check->look.path);
    else if (r->traceback.len)
        file = output_traceback_file(r->traceback.data);
    if (file)
        blame_find(r, &v->layers, v->unpacked.look.root_fd, v->unpacked.layer_fds, file);
}

static int run_job(void *context, struct error *err)
{
    static const enum progress_end ends[] = {[VERDICT_NONE] = PROGRESS_FAILED,
                                             [VERDICT_PASSED] = PROGRESS_DONE,
                                             [VERDICT_FAILED] = PROGRESS_FAILED,
                                             [VERDICT_SKIPPED] = PROGRESS_SKIPPED};
    struct job *job = context;
    struct check_result *result = job->result;
    struct progress_task *task =
        progress_start(job->verification->options->progress, job->check->name, 0);
    double start = now();
    int failed = evaluate(job->verification, job->check, result, err);
    blame(job->verification, job->check, result);
    output_cut(&result->output);
    result->seconds = now() - start;
    progress_end(task, ends[result->verdict], result->detail.len ? result->detail.data : NULL);
    return failed ? error_wrap(err, "check “%s”", job->check->name) : 0;
}

static int run_jobs(const struct verification *v, struct error *err)
{
    struct image_result *r = v->result;
    r->results = mem_zalloc(r->checks.count + 1, sizeof *r->results);
    autofree struct job *jobs = mem_zalloc(r->checks.count + 1, sizeof *jobs);
    struct pool_group *group = pool_group_new(v->options->pool);
    for (size_t i = 0; i < r->checks.count; i++) {
        jobs[i] = (struct job){v, &r->checks.items[i], &r->results[i]};
        pool_run(group, run_job, &jobs[i]);
    }
    int failed = pool_wait(group, err);
    pool_group_free(group);
    return failed;
}

/* ---- the image ---- */

static int make_environment(struct verification *v, const json_t *run, const char *where,
                            struct error *err)
{
    if (json_get_strings(run, "Env", where, &v->env, err))
        return -1;
    if (!env_get(&v->env, "PATH"))
        env_set(&v->env, "PATH", DEFAULT_PATH);
    const struct strv *more = v->options->env;
    for (size_t i = 0; more && i < more->count; i++) {
        const char *value = strchr(more->items[i], '=');
        autofree char *name = mem_strndup(more->items[i], (size_t)(value - more->items[i]));
        env_set(&v->env, name, value + 1);
    }
    return 0;
}

/* A host without any network but loopback can't give one to a check. */
static bool host_has_network(void)
{
    struct ifaddrs *list = NULL;
    bool found = false;
    if (getifaddrs(&list))
        return true; /* unknown: let the check find out */
    for (const struct ifaddrs *i = list; i; i = i->ifa_next)
        found |= i->ifa_addr && (i->ifa_flags & IFF_UP) && !(i->ifa_flags & IFF_LOOPBACK);
    freeifaddrs(list);
    return found;
}

/* How the image's programs run here; NULL: natively, or not at all, which no_programs then says. */
static const struct emulation *find_emulation(struct verification *v)
{
    const struct platform *platform = &v->unpacked.image.platform;
    const struct emulation *found = NULL;
    struct platform host;
    char theirs[48], ours[48];
    autoerror why = ERROR_INIT;
    const struct mode *mode = store_mode(v->options->store);
    platform_host(&host);
    platform_text(platform, '/', theirs);
    if (mode->view == MODE_VIEW_NONE) {
        v->no_programs = mem_printf("no program of an image can run here: %s", mode->missing);
        return NULL;
    }
    if (platform_runs_on(platform, &host))
        return NULL;
    if (strcmp(platform->os, host.os) != 0)
        v->no_programs = mem_printf("needs a host that runs %s; this one is %s", theirs,
                                    platform_text(&host, '/', ours));
    else if (emulators_find(v->options->emulators, platform->arch, &found, &why))
        v->no_programs = mem_printf("%s (%s)", why.message, why.hint ? why.hint : theirs);
    return found;
}

static int make_ground(struct verification *v, struct error *err)
{
    const struct verification_options *o = v->options;
    const char *where = v->result->reference;
    json_t *run = NULL;
    const char *user, *workdir;
    if (json_get_object(v->unpacked.image.config, "config", where, &run, err) ||
        json_get_string(run, "User", "", where, &user, err) ||
        json_get_string(run, "WorkingDir", "", where, &workdir, err) ||
        make_environment(v, run, where, err))
        return -1;
    const struct emulation *emulation = find_emulation(v);
    v->ground = (struct check_ground){
        .store = o->store,
        .layer_fds = v->unpacked.layer_fds,
        .layer_count = v->unpacked.image.layer_count,
        .look_fd = v->unpacked.look.root_fd,
        .config = v->unpacked.image.config,
        .user = o->user ? o->user : user,
        .workdir = workdir,
        .env = &v->env,
        .network = o->network,
        .timeout_ms = o->timeout_ms,
        .emulation = emulation,
        .limiter = o->limiter,
        .limits = o->limits,
        .mounts = o->mounts,
        .mount_count = o->mount_count,
        .ca_bundle_fd = o->ca_bundle_fd,
        .cancel_fd = o->cancel_fd,
        .gpu = o->gpu,
        .all_gpus = o->all_gpus,
        .no_programs = v->no_programs,
        .no_network = host_has_network() ? NULL : "needs a network, and this host has none",
    };
    return 0;
}

static void describe(struct verification *v)
{
    blame_layers_init(&v->layers, v->unpacked.image.config, v->unpacked.image.layers,
                      v->unpacked.image.layer_count);
    static_describe(&v->unpacked.image, &v->layers, v->result);
    v->result->emulated = v->ground.emulation;
}

/* Scan the files for static checks, and derive what the image itself asks for. */
static int take_view(struct verification *v, const struct reference *ref, struct error *err)
{
    const struct verification_options *o = v->options;
    const struct inventory_form form = {.owners = store_owners(o->store),
                                        .whiteouts = store_form(o->store)};
    if (!static_is_wanted(o, v->result))
        return 0;
    if (image_view_unpacked(v->unpacked.layer_fds, v->unpacked.image.layer_count, &form, o->pool,
                            &v->view, err))
        return -1;
    static_image_init(&v->seen, o, v->result, ref, &v->unpacked.image, &v->view, &v->layers);
    return static_derive(o, &v->view, v->result, err);
}

static int take_inventory(const struct verification *v, struct error *err)
{
    if (!v->options->inventory)
        return 0;
    v->result->inventory = mem_zalloc(1, sizeof *v->result->inventory);
    const struct inventory_form form = {.owners = store_owners(v->options->store),
                                        .whiteouts = store_form(v->options->store)};
    return inventory_take(v->unpacked.layer_fds, v->unpacked.image.layer_count, &form,
                          v->unpacked.look.root_fd, v->result->inventory, err);
}

static void verification_release(struct verification *v)
{
    image_view_release(&v->view);
    unpacked_release(&v->unpacked);
    blame_layers_release(&v->layers);
    strv_release(&v->env);
    free(v->no_programs);
}

int image_verify(const struct reference *ref, const struct verification_options *options,
                 struct image_result *r, struct error *err)
{
    struct verification v = {.options = options, .result = r, .unpacked = UNPACKED_NONE};
    double start = now();
    int failed = unpacked_open(&v.unpacked, ref, options->store, options->transport,
                               options->platform, err) ||
                 make_ground(&v, err);
    if (!failed) {
        describe(&v);
        failed = take_view(&v, ref, err);
    }
    if (!failed && !options->plan_only)
        failed = run_jobs(&v, err) || take_inventory(&v, err);
    r->seconds = now() - start;
    verification_release(&v);
    return failed ? -1 : 0;
}
