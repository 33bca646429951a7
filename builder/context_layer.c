#include "context_layer.h"

#include "copy_hash.h"
#include "copy_write.h"

#include <base/mem.h>

#include <stdlib.h>

void context_layer_release(struct context_layer *layer)
{
    copy_list_release(&layer->list);
    free(layer->path);
    *layer = (struct context_layer){.path = NULL};
}

int context_layer_look(struct build_session *s, struct context *from, const char *source,
                       struct context_layer *out, struct error *err)
{
    struct context_layer layer = {.from = from};
    struct copy_tree tree = context_tree(from);
    if (tree.root_fd < 0)
        return error_set(err, ERROR_INPUT, "there is no build context to mount");
    if (copy_list_add(&layer.list, &tree, source, NULL, err) ||
        copy_hash(&layer.list, &tree, from->hashes, s->options->pool, &layer.content, err)) {
        context_layer_release(&layer);
        return -1;
    }
    bool file = layer.list.count == 1 && layer.list.items[0].single;
    layer.path = mem_strdup(file ? layer.list.items[0].name : "");
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
    struct copy_target target = {.root_fd = -1, .destination = "/", .now.tv_sec = w->session->now};
    struct layer_tar *tar = layer_tar_new(to, w->session->options->source_date_epoch);
    int result = copy_write(&w->layer->list, &tree, &target, tar, err) || layer_tar_finish(tar, err)
                     ? -1
                     : 0;
    layer_tar_free(tar);
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
