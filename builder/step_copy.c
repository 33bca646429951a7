#include "step_copy.h"

#include "copy_hash.h"
#include "copy_list.h"
#include "copy_write.h"
#include "history.h"
#include "step_add.h"
#include "step_meta.h"

#include <base/mem.h>
#include <base/path.h>
#include <rootfs/passwd.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* One COPY, from its flags to its layer. */
struct copy {
    struct step *step;
    struct copy_tree tree;
    struct context *context;          /* whose hashes serve; NULL: an image's files */
    struct stage_state image;         /* of --from=IMAGE, to be released */
    const struct stage_state *source; /* of --from; NULL: the context */
    struct snapshot source_root;
    struct copy_list list;
    struct ignore *exclude;
    struct copy_target target;
    struct snapshot root; /* the image so far, to look at */
    char *destination;
};

static void copy_release(struct copy *c)
{
    if (c->image.config)
        stage_state_release(&c->image);
    snapshot_release(&c->source_root);
    copy_list_release(&c->list);
    ignore_free(c->exclude);
    snapshot_release(&c->root);
    free(c->destination);
}

static int at_flag(const struct step *step, const struct flag *flag, struct error *err)
{
    return dockerfile_error_at(step->file, flag->at, err);
}

static int check(const struct step *step, struct error *err)
{
    static const char *const later[] = {"link", "parents", "keep-git-dir", "unpack"};
    if (step_refuse_flags(step, later, COUNT_OF(later), err))
        return -1;
    if (!step->in->heredoc_count)
        return 0;
    error_set(err, ERROR_INPUT, "a heredoc in %s is not supported yet",
              instruction_name(step->in->kind));
    return step_error(step, err);
}

/* Octal permission bits; symbolic modes belong to a later version. */
static int parse_mode(struct copy *c, struct error *err)
{
    const struct flag *flag = instruction_flag(c->step->in, "chmod");
    if (!flag)
        return 0;
    char *end;
    unsigned long mode = strtoul(flag->value, &end, 8);
    if (!*flag->value || *end || mode > 07777 || flag->value[0] == '-' || flag->value[0] == '+') {
        error_set(err, ERROR_INPUT, "--chmod=%s: only octal modes from 0 to 7777 are supported yet",
                  flag->value);
        return at_flag(c->step, flag, err);
    }
    c->target.has_mode = true;
    c->target.mode = (mode_t)mode;
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
    return 0;
}

static int open_tree_of(struct copy *c, struct error *err)
{
    struct build_session *s = c->step->session;
    const struct flag *from = instruction_flag(c->step->in, "from");
    if (c->step->downloads >= 0) {
        c->tree = (struct copy_tree){.root_fd = c->step->downloads, .what = "what was downloaded"};
        return 0;
    }
    if (!from) {
        c->context = &s->context;
        c->tree = context_tree(&s->context);
        if (c->tree.root_fd >= 0)
            return 0;
        error_set(err, ERROR_INPUT, "there is no build context to copy from");
        return step_error(c->step, err);
    }
    if (session_source(c->step, from->value, from->at, &c->image, &c->source, err))
        return -1;
    c->tree = (struct copy_tree){.root_fd = -1,
                                 .keep_xattrs = true,
                                 .owners = store_owners(s->options->store),
                                 .what = from->value};
    return 0;
}

/* Sources of another image are named by its key, so that a hit mounts and reads nothing. */
static int add_content(struct copy *c, struct cache_key *key, struct error *err)
{
    const struct instruction *in = c->step->in;
    for (size_t i = 0; i + 1 < in->arg_count; i++)
        cache_key_add(key, "source", in->args[i].text);
    for (size_t i = 0; i < in->flag_count; i++)
        if (!strcmp(in->flags[i].name, "exclude"))
            cache_key_add(key, "exclude", in->flags[i].value);
    if (c->source) {
        cache_key_add(key, "from", c->source->key.text);
        return 0;
    }
    for (size_t i = 0; i + 1 < in->arg_count; i++)
        if (copy_list_add(&c->list, &c->tree, in->args[i].text, c->exclude, err))
            return dockerfile_error_at(c->step->file, in->args[i].at, err);
    struct digest content;
    if (copy_hash(&c->list, &c->tree, c->context ? c->context->hashes : NULL,
                  c->step->session->options->pool, &content, err))
        return step_error(c->step, err);
    cache_key_add(key, "content", content.text);
    return 0;
}

static int make_key(struct copy *c, struct digest *out, struct error *err)
{
    static const char *const flags[] = {"chown", "chmod"};
    struct cache_key *key = cache_key_new(&c->step->state->key, "COPY");
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        const struct flag *flag = instruction_flag(c->step->in, flags[i]);
        cache_key_add(key, flags[i], flag ? flag->value : NULL);
    }
    cache_key_add(key, "destination", c->destination);
    int result = add_content(c, key, err);
    cache_key_finish(key, out);
    return result;
}

static int list_source(struct copy *c, struct error *err)
{
    struct build_session *s = c->step->session;
    const struct instruction *in = c->step->in;
    if (build_layers_snapshot(s->layers, c->source->layers, c->source->layer_count, 0,
                              &c->source_root, err))
        return step_error(c->step, err);
    c->tree.root_fd = c->source_root.root_fd;
    for (size_t i = 0; i + 1 < in->arg_count; i++)
        if (copy_list_add(&c->list, &c->tree, in->args[i].text, c->exclude, err))
            return dockerfile_error_at(c->step->file, in->args[i].at, err);
    return 0;
}

static int open_root(struct step *step, struct snapshot *root, struct error *err)
{
    if (build_layers_snapshot(step->session->layers, step->state->layers, step->state->layer_count,
                              0, root, err))
        return step_error(step, err);
    return 0;
}

static int resolve_owner(struct copy *c, struct error *err)
{
    const struct flag *flag = instruction_flag(c->step->in, "chown");
    bool given = flag && *flag->value;
    c->target.keep_owner = c->source && !given;
    if (!given)
        return 0;
    if (passwd_chown(c->root.root_fd, flag->value, &c->target.uid, &c->target.gid, err))
        return at_flag(c->step, flag, err);
    return 0;
}

static int write_layer(void *context, struct sink *to, struct error *err)
{
    struct copy *c = context;
    struct layer_tar *tar = layer_tar_new(to, c->step->session->options->source_date_epoch);
    int result =
        copy_write(&c->list, &c->tree, &c->target, tar, err) || layer_tar_finish(tar, err) ? -1 : 0;
    layer_tar_free(tar);
    return result;
}

static int copy_files(struct copy *c, const struct digest *key, const char *created_by,
                      struct error *err)
{
    struct build_session *s = c->step->session;
    if ((c->source && list_source(c, err)) || open_root(c->step, &c->root, err) ||
        resolve_owner(c, err))
        return -1;
    c->target.root_fd = c->root.root_fd;
    c->target.owners = store_owners(c->step->session->options->store);
    c->target.destination = c->destination;
    c->target.now.tv_sec = s->now;
    struct build_layer *layer =
        build_layers_add_tar(s->layers, c->step->files_needed_later, write_layer, c, err);
    if (!layer)
        return step_error(c->step, err);
    session_add(c->step, key, layer, created_by);
    return 0;
}

/* Absolute, with its trailing slash (or "/." or ".", which mean one) kept. */
static char *destination_of(const struct step *step)
{
    const char *text = step->in->args[step->in->arg_count - 1].text;
    autofree char *path = step_meta_workdir(step->state, text);
    autofree char *clean = path_clean(path);
    bool slash = str_ends(text, "/") || str_ends(text, "/.") || !strcmp(text, ".");
    return mem_printf("%s%s", clean, slash && strcmp(clean, "/") != 0 ? "/" : "");
}

static int several_need_directory(struct copy *c, struct error *err)
{
    if (c->step->in->arg_count <= 2 || str_ends(c->destination, "/"))
        return 0;
    error_set(err, ERROR_INPUT, "%s with several sources needs a directory as its destination",
              instruction_name(c->step->in->kind));
    error_hint(err, "end the destination with a slash: %s/", c->destination);
    return step_error(c->step, err);
}

static int copy_all(struct copy *c, struct error *err)
{
    if (several_need_directory(c, err) || parse_mode(c, err) || parse_exclude(c, err) ||
        open_tree_of(c, err))
        return -1;
    struct digest key;
    if (make_key(c, &key, err))
        return -1;
    if (c->step->in->kind == INSTRUCTION_ADD && c->step->downloads < 0 &&
        step_add_refuse_archives(c->step, &c->list, &c->tree, err))
        return -1;
    autofree char *created_by = history_of_copy(c->step->in);
    if (session_cached(c->step, &key, created_by))
        return 0;
    return copy_files(c, &key, created_by, err);
}

int step_copy(struct step *step, struct error *err)
{
    if (check(step, err))
        return -1;
    struct copy c = {.step = step, .source_root = SNAPSHOT_NONE, .root = SNAPSHOT_NONE};
    c.destination = destination_of(step);
    int result = copy_all(&c, err);
    copy_release(&c);
    return result;
}

/* WORKDIR */

struct workdir {
    struct step *step;
    struct copy_target target;
};

static int write_workdir(void *context, struct sink *to, struct error *err)
{
    struct workdir *w = context;
    struct layer_tar *tar = layer_tar_new(to, w->step->session->options->source_date_epoch);
    int result = copy_write_directory(&w->target, tar, err) || layer_tar_finish(tar, err) ? -1 : 0;
    layer_tar_free(tar);
    return result;
}

static int make_workdir(struct step *step, const char *path, const struct digest *key,
                        const char *created_by, struct error *err)
{
    autosnapshot root = SNAPSHOT_NONE;
    uint32_t uid = 0, gid = 0;
    if (open_root(step, &root, err))
        return -1;
    const char *name = stage_state_text(step->state, "User");
    if (*name && passwd_chown(root.root_fd, name, &uid, &gid, err))
        return step_error(step, err);
    struct workdir w = {.step = step,
                        .target = {.root_fd = root.root_fd,
                                   .owners = store_owners(step->session->options->store),
                                   .destination = path,
                                   .uid = uid,
                                   .gid = gid,
                                   .now.tv_sec = step->session->now}};
    struct build_layer *layer = build_layers_add_tar(
        step->session->layers, step->files_needed_later, write_workdir, &w, err);
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
