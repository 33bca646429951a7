#include "step_run.h"

#include "step_meta.h"

#include <base/mem.h>
#include <rootfs/ca_certs.h>
#include <rootfs/layer_diff.h>
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

/* What can't be done yet is refused by name. */
static int check(const struct step *step, enum sandbox_network *network, struct error *err)
{
    static const char *const later[] = {"mount", "security", "device"};
    if (step_refuse_flags(step, later, COUNT_OF(later), err))
        return -1;
    if (step->in->heredoc_count) {
        error_set(err, ERROR_INPUT, "a heredoc in RUN is not supported yet");
        error_hint(err, "write the commands with && and continued lines");
        return step_error(step, err);
    }
    *network = step->session->options->network;
    const struct flag *flag = instruction_flag(step->in, "network");
    if (!flag || !strcmp(flag->value, "default"))
        return 0;
    if (!strcmp(flag->value, "host"))
        *network = SANDBOX_NETWORK_HOST;
    else if (!strcmp(flag->value, "none"))
        *network = SANDBOX_NETWORK_NONE;
    else {
        error_set(err, ERROR_INPUT, "--network=%s: it is one of default, host, none", flag->value);
        return dockerfile_error_at(step->file, flag->at, err);
    }
    return 0;
}

static void make_argv(const struct step *step, struct strv *argv)
{
    if (!step->in->json)
        strv_add_all(argv, &step->state->shell);
    for (size_t i = 0; i < step->in->arg_count; i++)
        strv_add(argv, step->in->args[i].text);
}

/* Everything that the result may depend on; proxies and CAs are not part of it, on purpose. */
static void make_key(const struct step *step, const struct strv *argv, const struct strv *env,
                     enum sandbox_network network, struct digest *out)
{
    const struct build_options *o = step->session->options;
    char platform[48];
    struct cache_key *key = cache_key_new(&step->state->key, "RUN");
    for (size_t i = 0; i < argv->count; i++)
        cache_key_add(key, "argv", argv->items[i]);
    for (size_t i = 0; i < env->count; i++)
        cache_key_add(key, "env", env->items[i]);
    cache_key_add(key, "user", stage_state_text(step->state, "User"));
    cache_key_add(key, "cwd", stage_state_cwd(step->state));
    cache_key_add(key, "network", network == SANDBOX_NETWORK_NONE ? "none" : "host");
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

static int run_in(struct step *step, struct snapshot *snapshot, struct strv *argv, struct strv *env,
                  enum sandbox_network network, struct sandbox_result *result, struct error *err)
{
    const struct build_options *o = step->session->options;
    const struct emulation *emulation;
    struct user_ids user = {.uid = 0};
    if (find_emulation(step, &emulation, err))
        return -1;
    if (passwd_lookup(snapshot->root_fd, stage_state_text(step->state, "User"), &user, err))
        return step_error(step, err);
    add_outer_env(step, &user, env);
    struct strv hosts = STRV_INIT;
    if (o->add_hosts)
        strv_add_all(&hosts, o->add_hosts);
    struct sandbox_spec spec = {.root_fd = snapshot->root_fd,
                                .argv = (const char *const *)strv_argv(argv),
                                .env = env,
                                .cwd = stage_state_cwd(step->state),
                                .user = &user,
                                .network = network,
                                .add_hosts = (const char *const *)strv_argv(&hosts),
                                .rlimits = o->rlimits,
                                .rlimit_count = o->rlimit_count,
                                .shm_size = o->shm_size,
                                .ca_bundle_fd = o->ca_bundle_fd,
                                .cancel_fd = o->cancel_fd,
                                .emulation = emulation,
                                .output = show,
                                .context = step->task};
    int code = sandbox_run(&spec, result, err);
    strv_release(&hosts);
    user_ids_release(&user);
    if (code)
        return step_error(step, err);
    return result->exit_code ? failed(step, result, err) : 0;
}

static int run_and_keep(struct step *step, struct strv *argv, struct strv *env,
                        enum sandbox_network network, const struct digest *key,
                        const char *created_by, struct error *err)
{
    struct build_session *s = step->session;
    autosnapshot snapshot = SNAPSHOT_NONE;
    if (build_layers_snapshot(s->layers, step->state->layers, step->state->layer_count,
                              SNAPSHOT_WRITABLE | SNAPSHOT_MOUNT_POINTS, &snapshot, err))
        return step_error(step, err);
    struct sandbox_result result = {.exit_code = 0};
    int code = run_in(step, &snapshot, argv, env, network, &result, err);
    struct strv skip = result.created;
    result.created = STRV_INIT;
    sandbox_result_release(&result);
    bool empty = false;
    struct layer_diff_options diff = {.skip = (const char *const *)strv_argv(&skip),
                                      .clamp = -1,
                                      .owners = store_owners(s->options->store)};
    if (code || layer_diff_empty(snapshot.upper_fd, &diff, &empty, err)) {
        strv_release(&skip);
        return -1;
    }
    struct build_layer *layer =
        empty ? NULL : build_layers_add_snapshot(s->layers, &snapshot, &skip);
    strv_release(&skip);
    session_add(step, key, layer, created_by);
    return 0;
}

int step_run(struct step *step, struct error *err)
{
    enum sandbox_network network = SANDBOX_NETWORK_HOST;
    if (check(step, &network, err))
        return -1;
    autostrv argv = STRV_INIT;
    autostrv env = STRV_INIT;
    make_argv(step, &argv);
    scope_run_env(&step->state->scope, &env);
    struct digest key;
    make_key(step, &argv, &env, network, &key);
    autofree char *created_by = step_meta_created_by(step->state, step->in);
    if (session_cached(step, &key, created_by))
        return 0;
    return run_and_keep(step, &argv, &env, network, &key, created_by, err);
}
