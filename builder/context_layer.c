#include "context_layer.h"

#include "copy_apply.h"
#include "copy_hash.h"
#include "copy_plan.h"
#include "copy_resolve.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

void context_layer_release(struct context_layer *layer)
{
    copy_list_release(&layer->list);
    free(layer->path);
    *layer = (struct context_layer){.path = NULL};
}

/* A path as a pattern that means it alone, below the whole context. The caller frees it. */
static char *pattern_of(const char *path)
{
    autostr out = STR_INIT;
    str_add(&out, "/./");
    for (const char *p = path; *p; p++) {
        if (strchr("*?[]\\!#", *p))
            str_add_char(&out, '\\');
        str_add_char(&out, *p);
    }
    return str_take(&out);
}

static int list_source(struct context_layer *layer, const struct copy_tree *tree,
                       const char *source, struct error *err)
{
    autofree char *rooted = mem_printf("/%s", source);
    size_t existing = 0;
    if (copy_resolve(tree->root_fd, rooted, &layer->path, &existing, err))
        return -1;
    if (!*layer->path)
        return copy_list_add(&layer->list, tree, ".", NULL, err);
    autofree char *pattern = pattern_of(layer->path);
    if (existing == strlen(layer->path) && !ignore_matches(tree->ignore, layer->path))
        return copy_list_add_parents(&layer->list, tree, pattern, NULL, err);
    return error_set(err, ERROR_INPUT, "“%s” is not in %s", source, tree->what);
}

int context_layer_look(struct build_session *s, struct context *from, const char *source,
                       struct context_layer *out, struct error *err)
{
    struct context_layer layer = {.from = from};
    struct copy_tree tree = context_tree(from);
    if (tree.root_fd < 0)
        return error_set(err, ERROR_INPUT, "there is no build context to mount");
    if (list_source(&layer, &tree, source, err) ||
        copy_hash(&layer.list, &tree, from->hashes, s->options->pool, &layer.content, err)) {
        context_layer_release(&layer);
        return -1;
    }
    *out = layer;
    return 0;
}

/* What a writer needs. */
struct writing {
    struct build_session *session;
    struct context_layer *layer;
};

static int write_layer(void *context, struct sink *to, struct error *err)
{
    struct writing *w = context;
    struct copy_tree tree = context_tree(w->layer->from);
    const struct copy_target target = {.destination = "/", .contents_only = true};
    const struct copy_tree nothing = {.root_fd = -1, .what = "nothing"};
    struct copy_plan *plan = copy_plan_new(&nothing, (struct timespec){.tv_sec = w->session->now});
    struct layer_tar *tar = layer_tar_new(to, w->session->options->source_date_epoch);
    int result = copy_apply(plan, &w->layer->list, &tree, &target, err) ||
                         copy_plan_write(plan, tar, err) || layer_tar_finish(tar, err)
                     ? -1
                     : 0;
    layer_tar_free(tar);
    copy_plan_free(plan);
    return result;
}

struct build_layer *context_layer_make(struct build_session *s, struct context_layer *layer,
                                       struct error *err)
{
    struct digest key;
    struct cache_key *hash = cache_key_new(&layer->content, "CONTEXT");
    cache_key_finish(hash, &key);
    struct build_layer *made = session_find_layer(s, &key);
    if (made)
        return made;
    struct writing w = {s, layer};
    made = build_layers_add_tar(s->layers, true, write_layer, &w, err);
    if (made)
        session_remember(s, &key, made);
    return made;
}
