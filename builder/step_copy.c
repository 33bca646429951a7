#include "step_copy.h"

#include "copy_part.h"
#include "history.h"
#include "step_meta.h"

#include <base/mem.h>
#include <base/path.h>
#include <rootfs/passwd.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* One COPY or ADD, from its flags to its layer. */
struct copy {
    struct step *step;
    struct copy_shared shared;
    struct copy_target target;
    struct copy_mode mode;
    struct stage_state image;         /* of --from=IMAGE, to be released */
    const struct stage_state *source; /* of --from; NULL: the context */
    struct snapshot source_root;
    struct ignore *exclude;
    struct snapshot root; /* the image so far, to look at */
    char *destination;
    struct copy_part **parts;
    size_t part_count, part_cap;
    bool link; /* the layer is made on nothing, whatever lies below it */
};

static void copy_release(struct copy *c)
{
    for (size_t i = 0; i < c->part_count; i++)
        copy_part_free(c->parts[i]);
    free(c->parts);
    if (c->image.config)
        stage_state_release(&c->image);
    snapshot_release(&c->source_root);
    ignore_free(c->exclude);
    copy_mode_release(&c->mode);
    snapshot_release(&c->root);
    free(c->destination);
}

static int at_flag(const struct step *step, const struct flag *flag, struct error *err)
{
    return dockerfile_error_at(step->file, flag->at, err);
}

static int parse_mode(struct copy *c, struct error *err)
{
    const struct flag *flag = instruction_flag(c->step->in, "chmod");
    if (!flag || !*flag->value)
        return 0;
    if (copy_mode_parse(flag->value, &c->mode, err))
        return at_flag(c->step, flag, err);
    c->target.mode = &c->mode;
    return 0;
}

static int parse_exclude(struct copy *c, struct error *err)
{
    autostrv patterns = STRV_INIT;
    const struct flag *first = NULL;
    for (size_t i = 0; i < c->step->in->flag_count; i++) {
        const struct flag *flag = &c->step->in->flags[i];
        if (strcmp(flag->name, "exclude") != 0)
            continue;
        strv_add(&patterns, flag->value);
        if (!first)
            first = flag;
    }
    if (first && ignore_from_patterns(&patterns, "--exclude", &c->exclude, err))
        return at_flag(c->step, first, err);
    c->shared.exclude = c->exclude;
    return 0;
}

/* Names mean something in the image alone, and a linked layer has none below it. */
static int check_link(const struct copy *c, struct error *err)
{
    const struct flag *chown = instruction_flag(c->step->in, "chown");
    if (!instruction_switch(c->step->in, "link") || !chown)
        return 0;
    bool number = *chown->value >= '0' && *chown->value <= '9';
    const char *colon = strchr(chown->value, ':');
    if (number && (!colon || (colon[1] >= '0' && colon[1] <= '9')))
        return 0;
    error_set(err, ERROR_INPUT, "--chown=%s: with --link it takes numbers alone", chown->value);
    return at_flag(c->step, chown, err);
}

static int check_checksum(struct copy *c, struct error *err)
{
    const struct flag *flag = instruction_flag(c->step->in, "checksum");
    if (!flag || !*flag->value)
        return 0;
    c->shared.checksum = flag->value;
    if (c->step->in->arg_count == 2)
        return 0;
    error_set(err, ERROR_INPUT, "--checksum is of one source");
    return at_flag(c->step, flag, err);
}

static int parse_flags(struct copy *c, struct error *err)
{
    const struct instruction *in = c->step->in;
    const struct flag *unpack = instruction_flag(in, "unpack");
    struct copy_shared *s = &c->shared;
    s->parents = instruction_switch(in, "parents");
    s->keep_git_dir = instruction_switch(in, "keep-git-dir");
    s->keep_git_dir_given = instruction_flag(in, "keep-git-dir") != NULL;
    s->unpack_files = in->kind == INSTRUCTION_ADD && (!unpack || instruction_switch(in, "unpack"));
    s->unpack_downloads = instruction_switch(in, "unpack");
    /* --chmod and --link together make an ordinary layer, as with BuildKit. */
    c->link = instruction_switch(in, "link");
    if (parse_mode(c, err) || parse_exclude(c, err) || check_link(c, err) || check_checksum(c, err))
        return -1;
    c->link = c->link && !c->target.mode;
    return 0;
}

static int find_tree(struct copy *c, struct error *err)
{
    const struct flag *from = instruction_flag(c->step->in, "from");
    struct context *context = &c->step->session->context;
    int named = from ? session_context(c->step->session, from->value, &context, err) : 1;
    if (named < 0)
        return at_flag(c->step, from, err);
    if (named) {
        c->shared.tree = context_tree(context);
        c->shared.memory = context->hashes;
        if (from)
            c->shared.tree.what = from->value;
        return 0;
    }
    if (session_source(c->step, from->value, from->at, &c->image, &c->source, err))
        return -1;
    c->shared.from_stage = true;
    c->shared.tree = (struct copy_tree){.root_fd = -1,
                                        .keep_xattrs = true,
                                        .owners = store_owners(c->step->session->options->store),
                                        .what = from->value};
    return 0;
}

static int look_at_parts(struct copy *c, struct error *err)
{
    for (size_t i = 0; i + 1 < c->step->in->arg_count; i++) {
        struct copy_part *part = NULL;
        if (copy_part_look(&c->shared, i, &part, err))
            return -1;
        MEM_PUSH(c->parts, c->part_count, c->part_cap) = part;
    }
    return 0;
}

/* Sources of another image are named by its key, so that a hit mounts and reads nothing. */
static void make_key(struct copy *c, const struct digest *parent, struct digest *out)
{
    static const char *const flags[] = {"chown", "chmod"};
    const struct instruction *in = c->step->in;
    struct cache_key *key = cache_key_new(parent, "COPY");
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        const struct flag *flag = instruction_flag(in, flags[i]);
        cache_key_add(key, flags[i], flag ? flag->value : NULL);
    }
    for (size_t i = 0; i < in->flag_count; i++)
        if (!strcmp(in->flags[i].name, "exclude"))
            cache_key_add(key, "exclude", in->flags[i].value);
    cache_key_add(key, "destination", c->destination);
    cache_key_add(key, "from", c->source ? c->source->key.text : NULL);
    cache_key_add(key, "parents", c->shared.parents ? "yes" : NULL);
    cache_key_add(key, "link", c->link ? "yes" : NULL);
    cache_key_add(key, "unpack",
                  c->shared.unpack_files       ? "files"
                  : c->shared.unpack_downloads ? "downloads"
                                               : NULL);
    for (size_t i = 0; i < c->part_count; i++)
        copy_part_key(c->parts[i], key);
    cache_key_finish(key, out);
}

static int open_root(const struct copy *c, const struct stage_state *state, struct snapshot *root,
                     struct error *err)
{
    if (build_layers_snapshot(c->step->session->layers, state->layers, state->layer_count, 0, root,
                              err))
        return step_error(c->step, err);
    return 0;
}

static int resolve_owner(struct copy *c, struct error *err)
{
    const struct flag *flag = instruction_flag(c->step->in, "chown");
    c->target.has_owner = flag && *flag->value;
    c->target.keep_owner = c->source && !c->target.has_owner;
    if (c->target.has_owner &&
        passwd_chown(c->root.root_fd, flag->value, &c->target.uid, &c->target.gid, err))
        return at_flag(c->step, flag, err);
    return 0;
}

/* Heredocs come last, wherever they stand. */
static int apply_parts(struct copy *c, struct copy_plan *plan, struct error *err)
{
    for (int documents = 0; documents < 2; documents++)
        for (size_t i = 0; i < c->part_count; i++)
            if (copy_part_is_document(c->parts[i]) == (documents == 1) &&
                copy_part_apply(c->parts[i], plan, err))
                return -1;
    return 0;
}

struct writing {
    struct copy_plan *plan;
    int64_t clamp;
};

static int write_layer(void *context, struct sink *to, struct error *err)
{
    struct writing *w = context;
    struct layer_tar *tar = layer_tar_new(to, w->clamp);
    layer_tar_limit(tar);
    int result = copy_plan_write(w->plan, tar, err) || layer_tar_finish(tar, err) ? -1 : 0;
    layer_tar_free(tar);
    return result;
}

/* A plan over the image so far; -1: over nothing. */
static struct copy_plan *new_plan(const struct step *step, int root_fd)
{
    const struct build_session *s = step->session;
    const struct copy_tree image = {.root_fd = root_fd,
                                    .keep_xattrs = true,
                                    .owners = store_owners(s->options->store),
                                    .what = "the image"};
    return copy_plan_new(&image, (struct timespec){.tv_sec = s->now});
}

/* The plan as a layer. NULL with *err. */
static struct build_layer *make_layer(const struct step *step, struct copy_plan *plan,
                                      struct error *err)
{
    struct build_session *s = step->session;
    struct writing w = {plan, s->options->source_date_epoch};
    return build_layers_add_tar(s->layers, step->files_needed_later, write_layer, &w, err);
}

static struct build_layer *copy_files(struct copy *c, struct error *err)
{
    struct step *step = c->step;
    if ((c->source && open_root(c, c->source, &c->source_root, err)) ||
        open_root(c, step->state, &c->root, err) || resolve_owner(c, err))
        return NULL;
    if (c->source)
        c->shared.tree.root_fd = c->source_root.root_fd;
    c->target.destination = c->destination;
    struct copy_plan *plan = new_plan(step, c->link ? -1 : c->root.root_fd);
    struct build_layer *layer = apply_parts(c, plan, err) ? NULL : make_layer(step, plan, err);
    copy_plan_free(plan);
    if (!layer)
        step_error(step, err);
    return layer;
}

/* Absolute, with its trailing slash (or "/.", "." and nothing, which mean one) kept. */
static char *destination_of(const struct step *step)
{
    const char *text = step->in->args[step->in->arg_count - 1].text;
    autofree char *path = step_meta_workdir(step->state, text);
    autofree char *clean = path_clean(path);
    bool slash = !*text || str_ends(text, "/") || str_ends(text, "/.") || !strcmp(text, ".");
    return mem_printf("%s%s", clean, slash && strcmp(clean, "/") != 0 ? "/" : "");
}

static int several_need_directory(struct copy *c, struct error *err)
{
    const struct instruction *in = c->step->in;
    if (in->arg_count <= 2 || str_ends(c->destination, "/"))
        return 0;
    error_set(err, ERROR_INPUT, "%s with several sources needs a directory as its destination",
              instruction_name(in->kind));
    error_hint(err, "end the destination with a slash: %s/", c->destination);
    return step_error(c->step, err);
}

/* A linked layer is the same on every base, and is found again there. */
static int copy_linked(struct copy *c, const struct digest *key, const char *created_by,
                       struct error *err)
{
    struct build_session *s = c->step->session;
    struct digest nothing, own;
    digest_bytes("link", 4, &nothing);
    make_key(c, &nothing, &own);
    struct build_layer *layer = s->options->no_cache ? NULL : session_find_layer(s, &own);
    if (!layer && (layer = copy_files(c, err)))
        session_remember(s, &own, layer);
    if (!layer)
        return -1;
    session_add(c->step, key, layer, created_by);
    return 0;
}

static int copy_all(struct copy *c, struct error *err)
{
    if (several_need_directory(c, err) || parse_flags(c, err) || find_tree(c, err) ||
        look_at_parts(c, err))
        return -1;
    struct digest key;
    make_key(c, &c->step->state->key, &key);
    autofree char *created_by = history_of_copy(c->step->in);
    if (session_cached(c->step, &key, created_by))
        return 0;
    if (c->link)
        return copy_linked(c, &key, created_by, err);
    struct build_layer *layer = copy_files(c, err);
    if (!layer)
        return -1;
    session_add(c->step, &key, layer, created_by);
    return 0;
}

int step_copy(struct step *step, struct error *err)
{
    struct copy c = {.step = step, .source_root = SNAPSHOT_NONE, .root = SNAPSHOT_NONE};
    c.shared.step = step;
    c.shared.target = &c.target;
    c.destination = destination_of(step);
    int result = copy_all(&c, err);
    copy_release(&c);
    return result;
}

/* WORKDIR */

static int plan_workdir(struct step *step, int root_fd, const char *path, struct copy_plan *plan,
                        struct error *err)
{
    const char *user = stage_state_text(step->state, "User");
    uint32_t uid = 0, gid = 0;
    if (*user && passwd_chown(root_fd, user, &uid, &gid, err))
        return -1;
    return copy_apply_directory(plan, path, uid, gid, err);
}

static int make_workdir(struct step *step, const char *path, const struct digest *key,
                        const char *created_by, struct error *err)
{
    struct copy c = {.step = step};
    autosnapshot root = SNAPSHOT_NONE;
    if (open_root(&c, step->state, &root, err))
        return -1;
    struct copy_plan *plan = new_plan(step, root.root_fd);
    struct build_layer *layer =
        plan_workdir(step, root.root_fd, path, plan, err) ? NULL : make_layer(step, plan, err);
    copy_plan_free(plan);
    if (!layer)
        return step_error(step, err);
    session_add(step, key, layer, created_by);
    return 0;
}

int step_workdir(struct step *step, struct error *err)
{
    autofree char *path = step_meta_workdir(step->state, step->in->args[0].text);
    autofree char *created_by = history_of_workdir(path);
    struct digest key;
    struct cache_key *hash = cache_key_new(&step->state->key, "WORKDIR");
    cache_key_add(hash, "path", path);
    cache_key_add(hash, "user", stage_state_text(step->state, "User"));
    cache_key_finish(hash, &key);
    if (!strcmp(path, "/"))
        stage_state_add(step->state, NULL, created_by, step->session->options->source_date_epoch);
    else if (!session_cached(step, &key, created_by) &&
             make_workdir(step, path, &key, created_by, err))
        return -1;
    json_object_set_new(step->state->config, "WorkingDir", json_from_text(path));
    return 0;
}
