#include "run_mounts.h"

#include "cache_mount.h"
#include "context_layer.h"
#include "copy_resolve.h"
#include "mount_spec.h"
#include "run_script.h"
#include "secrets.h"
#include "ssh_forward.h"
#include "step_meta.h"
#include "tree_copy.h"

#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct run_mount {
    struct mount_spec spec;
    struct position at;               /* of its flag */
    char *target;                     /* absolute; NULL for a secret that is a variable alone */
    char *id;                         /* of a cache, secret or agent */
    struct stage_state image;         /* of from=IMAGE, to be released */
    const struct stage_state *source; /* of from; NULL: the context, or nothing */
    struct context_layer context;
    struct snapshot snapshot;
    struct cache_mount cache;
    struct str secret;
    struct ssh_forward *forward;
    char *path; /* within what is mounted, without symlinks */
    int fd;     /* of what is bound */
};

static void mount_release(struct run_mount *m)
{
    mount_spec_release(&m->spec);
    if (m->image.config)
        stage_state_release(&m->image);
    context_layer_release(&m->context);
    snapshot_release(&m->snapshot);
    cache_mount_release(&m->cache);
    secret_wipe(&m->secret);
    ssh_forward_stop(m->forward);
    mem_close_at(&m->fd);
    free(m->target);
    free(m->id);
    free(m->path);
}

void run_mounts_release(struct run_mounts *mounts)
{
    for (size_t i = 0; i < mounts->count; i++)
        mount_release(&mounts->items[i]);
    free(mounts->items);
    free(mounts->shown);
    free(mounts->document);
    *mounts = (struct run_mounts){.items = NULL};
}

static bool given(const char *text)
{
    return text && *text;
}

/* Where a secret goes, and under which id it is known. */
static void place_secret(struct run_mount *m)
{
    const struct mount_spec *spec = &m->spec;
    const char *id = given(spec->source) ? spec->source : spec->id;
    m->id = mem_strdup(given(id) ? id : path_base(spec->target));
    if (given(spec->target))
        m->target = mem_strdup(spec->target);
    else if (!spec->env)
        m->target = mem_printf("/run/secrets/%s", path_base(m->id));
}

static int place(const struct step *step, struct run_mount *m, size_t index, struct error *err)
{
    const struct mount_spec *spec = &m->spec;
    if (spec->type == MOUNT_SECRET)
        place_secret(m);
    else if (spec->type == MOUNT_SSH && !given(spec->target))
        m->target = mem_printf("/run/buildkit/ssh_agent.%zu", index);
    else
        m->target = mem_strdup(spec->target ? spec->target : "");
    if (m->target) {
        char *absolute = step_meta_workdir(step->state, m->target);
        free(m->target);
        m->target = absolute;
        if (!strcmp(absolute, "/"))
            return error_set(err, ERROR_INPUT, "--mount: a mount can't replace the whole root");
    }
    if (spec->type == MOUNT_SSH)
        m->id = mem_strdup(given(spec->id) ? spec->id : "default");
    if (spec->type == MOUNT_CACHE)
        m->id = given(spec->id) ? mem_strdup(spec->id)
                                : path_clean(given(spec->target) ? spec->target : ".");
    return 0;
}

/* from=NAME: a stage, or an image; a number is no stage here. */
static int find_source(struct step *step, struct run_mount *m, struct error *err)
{
    const struct mount_spec *spec = &m->spec;
    bool takes = spec->type == MOUNT_BIND || spec->type == MOUNT_CACHE;
    if (!takes)
        return 0;
    struct context *context = &step->session->context;
    int named = given(spec->from) && spec->type == MOUNT_BIND
                    ? session_context(step->session, spec->from, &context, err)
                    : 0;
    if (named < 0)
        return dockerfile_error_at(step->file, m->at, err);
    if (!named && given(spec->from) && strcmp(spec->from, "scratch") != 0)
        return session_source(step, spec->from, m->at, &m->image, &m->source, err);
    if (spec->type == MOUNT_CACHE || (given(spec->from) && !named))
        return 0;
    const char *source = given(spec->source) ? spec->source : ".";
    if (context_layer_look(step->session, context, source, &m->context, err))
        return dockerfile_error_at(step->file, m->at, err);
    return 0;
}

static int prepare_one(struct step *step, struct run_mount *m, const struct flag *flag,
                       size_t *agents, struct error *err)
{
    const struct expand how = {
        .lookup = scope_lookup, .context = &step->state->scope, .escape = step->file->escape};
    m->at = flag->at;
    if (mount_spec_parse(flag->value, &how, &m->spec, err) || place(step, m, *agents, err))
        return dockerfile_error_at(step->file, flag->at, err);
    *agents += m->spec.type == MOUNT_SSH;
    return find_source(step, m, err);
}

int run_mounts_prepare(struct step *step, struct run_mounts *out, struct error *err)
{
    size_t agents = 0;
    for (size_t i = 0; i < step->in->flag_count; i++) {
        const struct flag *flag = &step->in->flags[i];
        if (strcmp(flag->name, "mount") != 0)
            continue;
        MEM_PUSH(out->items, out->count, out->cap) =
            (struct run_mount){.snapshot = SNAPSHOT_NONE, .cache = CACHE_MOUNT_NONE, .fd = -1};
        if (prepare_one(step, &out->items[out->count - 1], flag, &agents, err))
            return -1;
    }
    return 0;
}

static void add_number(struct cache_key *key, const char *name, bool has, unsigned value)
{
    autofree char *text = has ? mem_printf("%u", value) : NULL;
    cache_key_add(key, name, text);
}

void run_mounts_key(const struct run_mounts *mounts, struct cache_key *key)
{
    for (size_t i = 0; i < mounts->count; i++) {
        const struct run_mount *m = &mounts->items[i];
        const struct mount_spec *spec = &m->spec;
        cache_key_add(key, "mount", mount_type_name(spec->type));
        cache_key_add(key, "target", m->target);
        cache_key_add(key, "id", m->id);
        cache_key_add(key, "source", spec->type == MOUNT_SECRET ? NULL : spec->source);
        cache_key_add(key, "env", spec->env);
        cache_key_add(key, "from", m->source ? m->source->key.text : NULL);
        cache_key_add(key, "content", m->context.path ? m->context.content.text : NULL);
        cache_key_add(key, "access", spec->read_only ? "ro" : "rw");
        add_number(key, "mode", spec->has_mode, spec->mode);
        add_number(key, "uid", spec->has_uid, spec->uid);
        add_number(key, "gid", spec->has_gid, spec->gid);
    }
}

/* Resolve the source's path in the tree; *directory: what lies there. */
static int find_path(struct run_mount *m, const char *source, bool *directory, struct error *err)
{
    size_t existing = 0;
    autofree char *rooted = mem_printf("/%s", source);
    if (copy_resolve(m->snapshot.root_fd, rooted, &m->path, &existing, err))
        return -1;
    struct stat st;
    autoclose int fd = path_open_beneath(m->snapshot.root_fd, *m->path ? m->path : ".", O_PATH, 0);
    if (existing < strlen(m->path) || fd < 0 || fstat(fd, &st))
        return error_set(err, ERROR_INPUT, "--mount: “%s” is not in %s", source,
                         given(m->spec.from) ? m->spec.from : "the build context");
    *directory = S_ISDIR(st.st_mode);
    return 0;
}

/* The tree that a bind mount or a new cache takes from. */
static int open_tree(struct step *step, struct run_mount *m, struct error *err)
{
    struct build_session *s = step->session;
    bool writable = m->spec.type == MOUNT_BIND && !m->spec.read_only;
    struct build_layer *layer = NULL;
    struct build_layer *const *layers = m->source ? m->source->layers : &layer;
    size_t count = m->source ? m->source->layer_count : m->context.path ? 1 : 0;
    if (!m->source && m->context.path && !(layer = context_layer_make(s, &m->context, err)))
        return -1;
    return build_layers_snapshot(s->layers, layers, count, writable ? SNAPSHOT_WRITABLE : 0,
                                 &m->snapshot, err);
}

static int show_bind(struct step *step, struct run_mount *m, struct sandbox_mount *shown,
                     struct error *err)
{
    const char *source = m->source         ? m->spec.source
                         : m->context.path ? m->context.path
                                           : m->spec.source;
    bool directory = true;
    if (open_tree(step, m, err) || find_path(m, source ? source : "", &directory, err))
        return -1;
    *shown = (struct sandbox_mount){.kind = SANDBOX_MOUNT_TREE,
                                    .source_fd = m->snapshot.root_fd,
                                    .path = m->path,
                                    .directory = directory};
    return 0;
}

/* What a cache begins with. */
static int fill_cache(struct step *step, struct run_mount *m, struct error *err)
{
    bool directory = false;
    const char *source = m->spec.source ? m->spec.source : "";
    if (open_tree(step, m, err) || find_path(m, source, &directory, err))
        return -1;
    if (!directory)
        return error_set(err, ERROR_INPUT, "--mount: “%s” is no directory", source);
    autoclose int from =
        path_open_beneath(m->snapshot.root_fd, *m->path ? m->path : ".", O_RDONLY | O_DIRECTORY, 0);
    if (from < 0)
        return error_errno(err, ERROR_HOST, "open what a cache mount begins with");
    int result =
        tree_copy(from, m->cache.data_fd, store_owners(step->session->options->store), err);
    snapshot_release(&m->snapshot);
    return result;
}

static int begin_cache(struct step *step, struct run_mount *m, bool filled, struct error *err)
{
    struct owners *owners = store_owners(step->session->options->store);
    if (owners_give(owners, m->cache.data_fd, "", m->spec.uid, m->spec.gid))
        return error_errno(err, ERROR_HOST, "give a cache mount to its owner");
    return filled ? fill_cache(step, m, err) : 0;
}

static int show_cache(struct step *step, struct run_mount *m, struct sandbox_mount *shown,
                      struct error *err)
{
    const struct mount_spec *spec = &m->spec;
    bool own = spec->has_mode || spec->has_uid || spec->has_gid;
    bool filled = given(spec->source) || (m->source && !own);
    autofree char *base = mem_printf("%s %s %s", m->source ? m->source->key.text : "",
                                     given(spec->source) ? spec->source : "", own ? "owned" : "");
    autofree char *owner = own ? mem_printf("%s %u:%u %o", base, spec->uid, spec->gid,
                                            spec->has_mode ? spec->mode : 0755)
                               : mem_strdup(base);
    if (cache_mount_open(store_cache_fd(step->session->options->store), m->id, owner, spec,
                         &m->cache, err))
        return -1;
    if (m->cache.fresh && begin_cache(step, m, filled, err))
        return -1;
    *shown = (struct sandbox_mount){
        .kind = SANDBOX_MOUNT_BIND, .source_fd = m->cache.data_fd, .read_only = spec->read_only};
    return 0;
}

/* 1: there is nothing to show. */
static int show_secret(struct step *step, struct run_mount *m, struct strv *env,
                       struct sandbox_mount *shown, struct error *err)
{
    const struct mount_spec *spec = &m->spec;
    int found = secrets_read(step->session->options->secrets, m->id, &m->secret, err);
    if (found < 0)
        return -1;
    if (!found && spec->required) {
        error_set(err, ERROR_INPUT, "secret %s: not found", m->id);
        return error_hint(err, "give it with --secret id=%s,src=FILE", m->id);
    }
    if (!found)
        return 1;
    if (spec->env && strlen(str_text(&m->secret)) != m->secret.len)
        return error_set(err, ERROR_INPUT, "secret %s holds a NUL byte and can't be a variable",
                         m->id);
    if (spec->env)
        env_set(env, *spec->env ? spec->env : m->id, str_text(&m->secret));
    *shown = (struct sandbox_mount){.kind = SANDBOX_MOUNT_FILE,
                                    .read_only = true,
                                    .mode = spec->has_mode ? spec->mode & 07777 : 0400,
                                    .uid = spec->uid,
                                    .gid = spec->gid,
                                    .bytes = str_text(&m->secret),
                                    .byte_count = m->secret.len};
    return m->target ? 0 : 1;
}

static int show_agent(struct step *step, struct run_mount *m, struct strv *env,
                      struct sandbox_mount *shown, struct error *err)
{
    const struct mount_spec *spec = &m->spec;
    const struct ssh_source *source = ssh_sources_find(step->session->options->ssh, m->id);
    struct store *store = step->session->options->store;
    if (!env_get(env, "SSH_AUTH_SOCK"))
        env_set(env, "SSH_AUTH_SOCK", m->target); /* with or without an agent, as BuildKit does */
    if (!source && spec->required) {
        error_set(err, ERROR_INPUT, "SSH agent “%s”: not found", m->id);
        return error_hint(err, "give it with --ssh %s", m->id);
    }
    if (!source)
        return 1;
    autofree char *name = store_tmp_name(store, "ssh");
    struct ssh_place place = {.dir_fd = store_tmp_fd(store),
                              .name = name,
                              .mode = spec->has_mode ? spec->mode : 0600,
                              .uid = spec->uid,
                              .gid = spec->gid,
                              .owners = store_owners(store)};
    if (ssh_forward_start(source, &place, &m->forward, err))
        return -1;
    m->fd = openat(place.dir_fd, name, O_PATH | O_CLOEXEC);
    if (m->fd < 0)
        return error_errno(err, ERROR_HOST, "open a step's socket");
    *shown = (struct sandbox_mount){.kind = SANDBOX_MOUNT_BIND, .source_fd = m->fd};
    return 0;
}

static int show(struct step *step, struct run_mount *m, struct strv *env,
                struct sandbox_mount *shown, struct error *err)
{
    switch (m->spec.type) {
    case MOUNT_CACHE:
        return show_cache(step, m, shown, err);
    case MOUNT_SECRET:
        return show_secret(step, m, env, shown, err);
    case MOUNT_SSH:
        return show_agent(step, m, env, shown, err);
    case MOUNT_TMPFS:
        *shown = (struct sandbox_mount){
            .kind = SANDBOX_MOUNT_TMPFS, .size = m->spec.size, .read_only = m->spec.read_only};
        return 0;
    case MOUNT_BIND:
        break;
    }
    return show_bind(step, m, shown, err);
}

static void add_shown(struct run_mounts *mounts, struct sandbox_mount shown, const char *target)
{
    shown.target = target;
    MEM_PUSH(mounts->shown, mounts->shown_count, mounts->shown_cap) = shown;
}

/* Parents before what lies in them; of one target the later wins. */
static void sort_shown(struct run_mounts *mounts)
{
    for (size_t i = 1; i < mounts->shown_count; i++)
        for (size_t k = i; k && strcmp(mounts->shown[k - 1].target, mounts->shown[k].target) > 0;
             k--) {
            struct sandbox_mount other = mounts->shown[k];
            mounts->shown[k] = mounts->shown[k - 1];
            mounts->shown[k - 1] = other;
        }
}

static void show_document(struct run_mounts *mounts, const struct heredoc *document)
{
    mounts->document = mem_printf("%s/%s", RUN_SCRIPT_FOLDER, document->name);
    add_shown(mounts,
              (struct sandbox_mount){.kind = SANDBOX_MOUNT_FILE,
                                     .read_only = true,
                                     .mode = 0755,
                                     .bytes = document->content,
                                     .byte_count = strlen(document->content)},
              mounts->document);
}

int run_mounts_open(struct step *step, struct run_mounts *mounts, const struct heredoc *document,
                    struct strv *env, struct error *err)
{
    if (document)
        show_document(mounts, document);
    for (size_t i = 0; i < mounts->count; i++) {
        struct run_mount *m = &mounts->items[i];
        struct sandbox_mount shown = {.kind = SANDBOX_MOUNT_BIND};
        int nothing = show(step, m, env, &shown, err);
        if (nothing < 0)
            return dockerfile_error_at(step->file, m->at, err);
        if (!nothing)
            add_shown(mounts, shown, m->target);
    }
    sort_shown(mounts);
    return 0;
}
