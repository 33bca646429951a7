#include "step_run.h"

#include "debug_shell.h"
#include "history.h"
#include "run_mounts.h"
#include "run_script.h"

#include <base/log.h>
#include <base/mem.h>
#include <rootfs/ca_certs.h>
#include <rootfs/layer_diff.h>
#include <rootfs/layer_prune.h>
#include <rootfs/mount_stub.h>
#include <rootfs/passwd.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_LINES = 20 };

/* How the image's programs run here; NULL in *out: natively. */
static int find_emulation(const struct step *step, const struct emulation **out, struct error *err)
{
    const struct platform *platform = &step->state->platform;
    struct platform host;
    char text[48];
    platform_host(&host);
    *out = NULL;
    if (platform_runs_on(platform, &host))
        return 0;
    if (strcmp(platform->os, host.os) != 0) {
        error_set(err, ERROR_INPUT, "RUN in an image for %s: only Linux programs can run here",
                  platform_text(platform, '/', text));
        error_hint(err, "COPY, ADD and what sets the config work for any platform");
        return step_error(step, err);
    }
    if (emulators_find(step->session->options->emulators, platform->arch, out, err))
        return step_error(step, err);
    return 0;
}

/* One RUN being carried out. */
struct run {
    struct step *step;
    struct strv argv, env;
    enum sandbox_network network;
    bool insecure;
    struct run_mounts mounts;
    const struct heredoc *document; /* that is a program */
    struct instruction in;          /* with the command line that its heredocs come to */
};

/* What only the command line may grant. */
static int check_allowed(const struct step *step, const struct flag *flag, bool allowed,
                         const char *what, struct error *err)
{
    if (allowed)
        return 0;
    error_set(err, ERROR_INPUT, "%s is not allowed", what);
    error_hint(err, "the command line must say --allow %s", what);
    return dockerfile_error_at(step->file, flag->at, err);
}

/* A wish for isolation is granted or refused. */
static int check_network(const struct run *r, struct error *err)
{
    const struct mode *mode = store_mode(r->step->session->options->store);
    if (r->network != SANDBOX_NETWORK_NONE || mode->view != MODE_VIEW_CHROOT)
        return 0;
    error_set(err, ERROR_HOST, "--network=none: no network namespace can be made in mode %s",
              mode_text(mode->name));
    error_hint(err, "imgbuild doctor says which modes this host allows");
    return step_error(r->step, err);
}

static int check(struct run *r, struct error *err)
{
    static const char *const later[] = {"device"};
    const struct step *step = r->step;
    const struct build_options *o = step->session->options;
    const struct flag *network = instruction_flag(step->in, "network");
    const struct flag *security = instruction_flag(step->in, "security");
    if (step_refuse_flags(step, later, COUNT_OF(later), err))
        return -1;
    r->network = o->network;
    if (network && !strcmp(network->value, "none"))
        r->network = SANDBOX_NETWORK_NONE;
    if (network && !strcmp(network->value, "host")) {
        r->network = SANDBOX_NETWORK_HOST;
        if (check_allowed(step, network, o->allow_host_network, "network.host", err))
            return -1;
    }
    if (check_network(r, err))
        return -1;
    r->insecure = security && !strcmp(security->value, "insecure");
    return r->insecure ? check_allowed(step, security, o->allow_insecure, "security.insecure", err)
                       : 0;
}

static void make_argv(struct run *r)
{
    if (!r->in.json)
        strv_add_all(&r->argv, &r->step->state->shell);
    for (size_t i = 0; i < r->in.arg_count; i++)
        strv_add(&r->argv, r->in.args[i].text);
}

/* Everything that the result may depend on; proxies and CAs are not part of it, on purpose. */
static void make_key(const struct run *r, struct digest *out)
{
    const struct step *step = r->step;
    const struct build_options *o = step->session->options;
    char platform[48];
    struct cache_key *key = cache_key_new(&step->state->key, "RUN");
    for (size_t i = 0; i < r->argv.count; i++)
        cache_key_add(key, "argv", r->argv.items[i]);
    for (size_t i = 0; i < r->env.count; i++)
        cache_key_add(key, "env", r->env.items[i]);
    cache_key_add(key, "user", stage_state_text(step->state, "User"));
    cache_key_add(key, "cwd", stage_state_cwd(step->state));
    cache_key_add(key, "network", r->network == SANDBOX_NETWORK_NONE ? "none" : "host");
    if (r->insecure)
        cache_key_add(key, "security", "insecure");
    if (r->document)
        cache_key_add(key, "document", r->document->content);
    run_mounts_key(&r->mounts, key);
    for (size_t i = 0; o->add_hosts && i < o->add_hosts->count; i++)
        cache_key_add(key, "host", o->add_hosts->items[i]);
    cache_key_add(key, "platform", platform_text(&step->state->platform, '/', platform));
    if (o->source_date_epoch >= 0) {
        autofree char *epoch = mem_printf("%lld", (long long)o->source_date_epoch);
        cache_key_add(key, "epoch", epoch);
    }
    cache_key_finish(key, out);
}

/* What the process sees beyond what the image records. */
static void add_outer_env(const struct step *step, const struct user_ids *user, struct strv *env)
{
    const struct build_options *o = step->session->options;
    scope_proxy_env(&step->state->scope, env);
    if (!env_get(env, "HOME"))
        env_set(env, "HOME", user->home);
    if (o->ca_bundle_fd >= 0)
        ca_certs_environment(env);
    if (o->source_date_epoch >= 0 && !env_get(env, "SOURCE_DATE_EPOCH")) {
        autofree char *epoch = mem_printf("%lld", (long long)o->source_date_epoch);
        env_set(env, "SOURCE_DATE_EPOCH", epoch);
    }
}

static void show(void *context, enum sandbox_stream stream, const char *bytes, size_t n)
{
    (void)stream;
    progress_output(context, bytes, n);
}

/* "exited with 9", "exited with 137 (128 + 9: Killed)", "was killed by signal 9 (Killed)". */
static void describe_end(const char *text, const struct sandbox_result *result, struct error *err)
{
    int code = result->exit_code, signal = result->signal;
    if (signal)
        error_set(err, ERROR_STEP, "%s was killed by signal %d (%s)", text, signal,
                  strsignal(signal));
    else if (code > 128 && code < 128 + NSIG)
        error_set(err, ERROR_STEP, "%s exited with %d (128 + %d: %s)", text, code, code - 128,
                  strsignal(code - 128));
    else
        error_set(err, ERROR_STEP, "%s exited with %d", text, code);
    if (result->out_of_memory)
        error_hint(err, "it needed more memory than --memory allows");
    else if (result->out_of_pids)
        error_hint(err, "it wanted more processes than --pids-limit allows");
    if (signal == SIGKILL || code == 128 + SIGKILL)
        error_hint(err, "SIGKILL often means that memory ran out: see the kernel's log");
    else if (code == 127)
        error_hint(err, "127: the shell did not find the command in the image");
}

static int failed(const struct step *step, const struct sandbox_result *result, struct error *err)
{
    describe_end(step->in->text, result, err);
    autofree char *tail = progress_tail(step->task, TAIL_LINES);
    size_t n = strlen(tail);
    while (n && tail[n - 1] == '\n')
        tail[--n] = '\0';
    if (err && n) {
        char *message = mem_printf("%s; the last lines of its output:\n%s", err->message, tail);
        free(err->message);
        err->message = message;
    }
    return step_error(step, err);
}

/* A shell over the files as the failed process left them: its sandbox is gone, but its upper
 * directory is one more layer. */
static int shell_over(struct run *r, const struct snapshot *failed, const struct sandbox_spec *spec,
                      struct error *err)
{
    const struct stage_state *state = r->step->state;
    struct store *store = r->step->session->options->store;
    autosnapshot snapshot = SNAPSHOT_NONE;
    autofree int *fds = mem_zalloc(state->layer_count + 1, sizeof *fds);
    for (size_t i = 0; i < state->layer_count; i++)
        if ((fds[i] = build_layer_directory(state->layers[i], err)) < 0)
            return -1;
    fds[state->layer_count] = failed->upper_fd;
    if (snapshot_new(store, fds, state->layer_count + 1, SNAPSHOT_WRITABLE | SNAPSHOT_MOUNT_POINTS,
                     &snapshot, err))
        return -1;
    struct sandbox_spec shell = *spec;
    shell.root_fd = snapshot.root_fd;
    shell.upper_fd = snapshot.upper_fd;
    return debug_shell_run(&shell, state->shell.count ? state->shell.items[0] : "/bin/sh", err);
}

/* That it can't be had is no second failure. */
static void offer_shell(struct run *r, const struct snapshot *failed,
                        const struct sandbox_spec *spec, const struct sandbox_result *result)
{
    struct progress *progress = r->step->session->options->progress;
    autoerror what = ERROR_INIT, problem = ERROR_INIT;
    describe_end(r->step->in->text, result, &what);
    log_warning("%s; a shell in its sandbox follows, and leaving it ends the build", what.message);
    progress_hold(progress);
    int code = shell_over(r, failed, spec, &problem);
    progress_resume(progress);
    if (code)
        log_warning("--debug-shell: %s", problem.message);
}

static int run_in(struct run *r, struct snapshot *snapshot, struct sandbox_result *result,
                  struct error *err)
{
    struct step *step = r->step;
    const struct build_options *o = step->session->options;
    const struct emulation *emulation;
    struct user_ids user = {.uid = 0};
    if (find_emulation(step, &emulation, err))
        return -1;
    if (passwd_lookup(snapshot->root_fd, stage_state_text(step->state, "User"), &user, err))
        return step_error(step, err);
    add_outer_env(step, &user, &r->env);
    struct strv hosts = STRV_INIT;
    if (o->add_hosts)
        strv_add_all(&hosts, o->add_hosts);
    struct sandbox_spec spec = {.root_fd = snapshot->root_fd,
                                .mode = store_mode(o->store),
                                .owners = store_owners(step->session->options->store),
                                .upper_fd = snapshot->upper_fd,
                                .argv = (const char *const *)strv_argv(&r->argv),
                                .env = &r->env,
                                .cwd = stage_state_cwd(step->state),
                                .user = &user,
                                .network = r->network,
                                .add_hosts = (const char *const *)strv_argv(&hosts),
                                .mounts = r->mounts.shown,
                                .mount_count = r->mounts.shown_count,
                                .rlimits = o->rlimits,
                                .rlimit_count = o->rlimit_count,
                                .shm_size = o->shm_size,
                                .limiter = o->limiter,
                                .limits = o->limits,
                                .ca_bundle_fd = o->ca_bundle_fd,
                                .insecure = r->insecure,
                                .cancel_fd = step->session->cancel_fd,
                                .emulation = emulation,
                                .output = show,
                                .context = step->task};
    int code = sandbox_run(&spec, result, err);
    if (!code && result->exit_code && o->debug_shell)
        offer_shell(r, snapshot, &spec, result);
    strv_release(&hosts);
    user_ids_release(&user);
    if (code)
        return step_error(step, err);
    return result->exit_code ? failed(step, result, err) : 0;
}

static int remove_stubs(const struct run *r, const struct snapshot *snapshot,
                        const struct strv *created, struct error *err)
{
    const struct stage_state *state = r->step->state;
    autosnapshot before = SNAPSHOT_NONE;
    if (snapshot->view == SNAPSHOT_OVERLAY &&
        build_layers_snapshot(r->step->session->layers, state->layers, state->layer_count, 0,
                              &before, err))
        return -1;
    const struct mount_stub_roots roots = {snapshot->root_fd, snapshot->upper_fd, before.root_fd,
                                           store_form(r->step->session->options->store)};
    return mount_stubs_remove(&roots, created, err);
}

/* Where no step can run, all else is built. */
static int check_mode(const struct step *step, struct error *err)
{
    const struct mode *mode = store_mode(step->session->options->store);
    if (mode->view != MODE_VIEW_NONE)
        return 0;
    error_set(err, ERROR_HOST, "RUN can't be carried out on this host: %s", mode->missing);
    error_hint(err, "imgbuild doctor says what would change it; stages without RUN are built here");
    return step_error(step, err);
}

/* Keep of the upper directory what the step changed. */
static int prune(const struct run *r, struct snapshot *snapshot, struct error *err)
{
    struct build_session *s = r->step->session;
    const struct stage_state *state = r->step->state;
    static const char *const none[] = {NULL};
    struct owners *owners = store_owners(s->options->store);
    enum whiteout_form form = store_form(s->options->store);
    struct layer_diff_options options = {.skip = none, .clamp = -1, .owners = owners, .form = form};
    bool empty;
    if (layer_diff_empty(snapshot->upper_fd, &options, &empty, err))
        return -1;
    if (empty)
        return 0;
    autosnapshot before = SNAPSHOT_NONE;
    if (build_layers_snapshot(s->layers, state->layers, state->layer_count, 0, &before, err))
        return -1;
    if (snapshot->view == SNAPSHOT_OVERLAY)
        mem_close_at(&snapshot->root_fd); /* unmounts it */
    return layer_prune(snapshot->upper_fd, before.root_fd, owners, form, err);
}

static int run_and_keep(struct run *r, const struct digest *key, const char *created_by,
                        struct error *err)
{
    struct step *step = r->step;
    struct build_session *s = step->session;
    autosnapshot snapshot = SNAPSHOT_NONE;
    if (build_layers_snapshot(s->layers, step->state->layers, step->state->layer_count,
                              SNAPSHOT_WRITABLE | SNAPSHOT_MOUNT_POINTS, &snapshot, err))
        return step_error(step, err);
    struct sandbox_result result = {.exit_code = 0};
    if (run_mounts_open(step, &r->mounts, r->document, &r->env, err))
        return -1;
    int code = run_in(r, &snapshot, &result, err);
    if (!code && result.created.count)
        code = remove_stubs(r, &snapshot, &result.created, err);
    if (!code)
        code = snapshot_settle(&snapshot, &result.created, err);
    sandbox_result_release(&result);
    if (code || prune(r, &snapshot, err))
        return -1;
    struct strv skip = STRV_INIT;
    struct build_layer *layer = build_layers_add_snapshot(s->layers, &snapshot, &skip);
    session_add(step, key, layer, created_by);
    return 0;
}

static int run(struct run *r, struct error *err)
{
    struct step *step = r->step;
    r->document = run_script_resolve(&r->in);
    if (check(r, err) || run_mounts_prepare(step, &r->mounts, err))
        return -1;
    make_argv(r);
    scope_run_env(&step->state->scope, &r->env);
    struct digest key;
    make_key(r, &key);
    autofree char *created_by = history_of_run(step->state, &r->argv);
    if (session_cached(step, &key, created_by))
        return 0;
    if (check_mode(step, err))
        return -1;
    return run_and_keep(r, &key, created_by, err);
}

int step_run(struct step *step, struct error *err)
{
    struct run r = {.step = step};
    instruction_copy(&r.in, step->in);
    int result = run(&r, err);
    run_mounts_release(&r.mounts);
    strv_release(&r.argv);
    /* It may hold a secret. */
    for (size_t i = 0; i < r.env.count; i++)
        explicit_bzero(r.env.items[i], strlen(r.env.items[i]));
    strv_release(&r.env);
    instruction_release(&r.in);
    return result;
}
