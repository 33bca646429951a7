#include "build_session.h"

#include "context_layer.h"
#include "store_name.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <registry/layout.h>
#include <registry/pull.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int step_error(const struct step *step, struct error *err)
{
    return dockerfile_error_at(step->file, step->original->at, err);
}

int step_refuse_flags(const struct step *step, const char *const *names, size_t n,
                      struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct flag *flag = instruction_flag(step->in, names[i]);
        if (!flag)
            continue;
        error_set(err, ERROR_INPUT, "%s --%s is not supported yet",
                  instruction_name(step->in->kind), flag->name);
        return dockerfile_error_at(step->file, flag->at, err);
    }
    return 0;
}

/* A record serves only where its layer is still there in one form or the other. */
static bool layer_is_there(const struct build_session *s, const struct cache_record *record)
{
    struct store *store = s->options->store;
    return store_has_layer(store, &record->layer.diff_id) ||
           (digest_is_set(&record->layer.digest) &&
            layout_has_blob(store_oci_fd(store), &record->layer.digest, record->layer.size));
}

/* --no-cache, and --no-cache-filter for this stage. */
static bool runs_anew(const struct step *step)
{
    const struct build_options *o = step->session->options;
    const struct strv *filter = o->no_cache_filter;
    if (o->no_cache)
        return true;
    for (size_t i = 0; filter && step->stage->name && i < filter->count; i++)
        if (!strcasecmp(filter->items[i], step->stage->name))
            return true;
    return false;
}

static int fetch_imported(const void *context, const struct layer *layer, struct error *err)
{
    return cache_imports_fetch(context, layer, err);
}

static void remember(struct build_session *s, const struct digest *key, struct build_layer *layer,
                     int64_t created)
{
    MEM_PUSH(s->pending, s->pending_count, s->pending_cap) =
        (struct pending_record){*key, layer, created};
}

/* The state goes on from this result; locked. */
static void go_on(struct step *step, const struct digest *key, struct build_layer *layer,
                  const char *created_by, int64_t created)
{
    struct build_session *s = step->session;
    stage_state_add(step->state, layer, created_by, created);
    step->state->key = *key;
    MEM_PUSH(s->used, s->used_count, s->used_cap) =
        (struct used_step){*key, layer, created, step->stage->index};
}

static bool is_open(const struct build_session *s, const struct digest *key)
{
    for (size_t i = 0; i < s->open_count; i++)
        if (digest_equal(&s->open[i], key))
            return true;
    return false;
}

/* A step of this very build: 1 its result; 0 there is none, and the key is open for this step now.
 * Locked. Whoever holds a key open is running, and waits for nobody. */
static int join(struct step *step, const struct digest *key, const char *created_by)
{
    struct build_session *s = step->session;
    while (is_open(s, key))
        pthread_cond_wait(&s->done, &s->lock);
    for (size_t i = 0; i < s->pending_count; i++) {
        const struct pending_record *p = &s->pending[i];
        if (!digest_equal(&p->key, key))
            continue;
        go_on(step, key, p->layer, created_by, p->created);
        return 1;
    }
    MEM_PUSH(s->open, s->open_count, s->open_cap) = *key;
    step->key = *key;
    step->open = true;
    return 0;
}

void session_close(struct step *step)
{
    struct build_session *s = step->session;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; step->open && i < s->open_count; i++)
        if (digest_equal(&s->open[i], &step->key)) {
            s->open[i] = s->open[--s->open_count];
            break;
        }
    step->open = false;
    pthread_cond_broadcast(&s->done);
    pthread_mutex_unlock(&s->lock);
}

/* What our own cache and the imported ones have. 1 and *layer (NULL: no file changed), *imported.
 */
static int look_up(struct step *step, const struct digest *key, struct build_layer **layer,
                   int64_t *created, bool *imported)
{
    struct build_session *s = step->session;
    const struct build_options *o = s->options;
    struct cache_record record;
    if (cache_find(store_cache_fd(o->store), key, &o->compression, &record) &&
        (record.empty || layer_is_there(s, &record))) {
        *layer = record.empty ? NULL : build_layers_add(s->layers, &record.layer);
    } else if (cache_imports_find(o->imports, key, &o->compression, &record)) {
        *layer = record.empty ? NULL
                              : build_layers_add_remote(s->layers, &record.layer, fetch_imported,
                                                        o->imports);
        *imported = true;
    } else {
        return 0;
    }
    *created = record.created;
    return 1;
}

int session_cached(struct step *step, const struct digest *key, const char *created_by)
{
    struct build_session *s = step->session;
    struct build_layer *layer = NULL;
    int64_t created = 0;
    bool imported = false;
    int found = runs_anew(step) ? 0 : look_up(step, key, &layer, &created, &imported);
    pthread_mutex_lock(&s->lock);
    s->steps++;
    if (found && imported)
        remember(s, key, layer, created);
    if (found)
        go_on(step, key, layer, created_by, created);
    else
        found = join(step, key, created_by);
    s->cached += (size_t)found;
    pthread_mutex_unlock(&s->lock);
    step->cached = found;
    return found;
}

void session_add(struct step *step, const struct digest *key, struct build_layer *layer,
                 const char *created_by)
{
    struct build_session *s = step->session;
    pthread_mutex_lock(&s->lock);
    go_on(step, key, layer, created_by, s->now);
    remember(s, key, layer, s->now);
    pthread_mutex_unlock(&s->lock);
}

/* Is the stage part of the image, the target or what it is built from? */
static bool of_image(const struct build_session *s, size_t stage)
{
    for (int i = (int)s->stages->target; i >= 0; i = s->stages->items[i].base)
        if ((size_t)i == stage)
            return true;
    return false;
}

/* A step's record, where it counts. */
static int gather_step(struct build_session *s, const struct used_step *used, bool image_alone,
                       struct cache_entries *out, struct error *err)
{
    struct cache_entry entry = {.key = used->key,
                                .created = used->created,
                                .empty = !used->layer,
                                .of_image = of_image(s, used->stage)};
    if (image_alone && !entry.of_image)
        return 0;
    if (used->layer && build_layer_blob(used->layer, &entry.layer, err))
        return -1;
    cache_entries_add(out, &entry);
    return 0;
}

int session_gather(struct build_session *s, bool image_alone, struct cache_entries *out,
                   struct error *err)
{
    out->compression = cache_compression_text(&s->options->compression);
    /* By stage: which of them was first to do a step is not to be seen. */
    for (size_t stage = 0; stage < s->stages->count; stage++)
        for (size_t i = 0; i < s->used_count; i++)
            if (s->used[i].stage == stage && gather_step(s, &s->used[i], image_alone, out, err))
                return -1;
    return 0;
}

struct build_layer *session_find_layer(struct build_session *s, const struct digest *key)
{
    struct cache_record record;
    struct build_layer *layer = NULL;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->pending_count && !layer; i++)
        if (digest_equal(&s->pending[i].key, key))
            layer = s->pending[i].layer;
    pthread_mutex_unlock(&s->lock);
    if (layer)
        return layer;
    if (!cache_find(store_cache_fd(s->options->store), key, &s->options->compression, &record) ||
        record.empty || !layer_is_there(s, &record))
        return NULL;
    return build_layers_add(s->layers, &record.layer);
}

void session_remember(struct build_session *s, const struct digest *key, struct build_layer *layer)
{
    pthread_mutex_lock(&s->lock);
    remember(s, key, layer, s->now);
    pthread_mutex_unlock(&s->lock);
}

int session_context(struct build_session *s, const char *name, struct context **out,
                    struct error *err)
{
    const struct named_contexts *contexts = s->options->contexts;
    const struct named_context *found = named_contexts_find(contexts, name);
    if (!found || !found->directory)
        return 0;
    struct context *context = &s->named[found - contexts->items];
    int failed = 0;
    pthread_mutex_lock(&s->lock);
    if (context->fd < 0)
        failed = found->fetched ? context_open_fetched(found->directory, context, err)
                                : context_open(found->directory, NULL,
                                               store_cache_fd(s->options->store), context, err);
    pthread_mutex_unlock(&s->lock);
    if (failed)
        return error_wrap(err, "--build-context %s", found->name);
    *out = context;
    return 1;
}

/* The files of a directory as an image that has nothing else. */
static int state_of_context(struct build_session *s, struct context *context,
                            const struct platform *platform, struct stage_state *out,
                            struct error *err)
{
    struct context_layer layer = {.path = NULL};
    if (context_layer_look(s, context, ".", &layer, err))
        return -1;
    struct build_layer *made = context_layer_make(s, &layer, err);
    if (made) {
        stage_state_init_scratch(out, &s->stages->global, platform);
        out->key = layer.content;
        MEM_PUSH(out->layers, out->layer_count, out->layer_cap) = made;
    }
    context_layer_release(&layer);
    return made ? 0 : -1;
}

/* From the store where it is named there, else from where it is. A file is always looked at: its
 * name says nothing of its content, and layers that are there aren't unpacked again. */
static int fetch(struct build_session *s, const struct reference *ref,
                 const struct platform *platform, struct image *image, struct error *err)
{
    struct store *store = s->options->store;
    autofree char *name = store_name(ref, platform);
    bool registry = ref->transport == REFERENCE_REGISTRY;
    autoerror local = ERROR_INIT;
    autofree char *full = reference_text(ref);
    /* What was built here has one name for all its platforms. */
    const char *const names[] = {name, full};
    for (size_t i = 0; registry && !s->options->pull && i < COUNT_OF(names); i++) {
        if (!image_load(store_oci_fd(store), names[i], platform, image, &local))
            return 0;
        if (local.kind != ERROR_MISSING)
            log_debug("%s in the store: %s", names[i], local.message);
        error_release(&local);
    }
    struct pull_options options = {.transport = s->options->transport,
                                   .platform = platform,
                                   .keep_layout_fd = store_oci_fd(store),
                                   .keep_name = registry ? name : NULL};
    return image_pull(ref, &options, store_layer_sink(store), image, err);
}

int session_image(struct build_session *s, const char *name, const struct platform *platform,
                  struct stage_state *out, struct error *err)
{
    struct context *context = NULL;
    int directory = session_context(s, name, &context, err);
    if (directory)
        return directory < 0 ? -1 : state_of_context(s, context, platform, out, err);
    const struct named_context *named = named_contexts_find(s->options->contexts, name);
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    if (reference_parse(named ? named->image : name, false, &ref, err))
        return -1;
    autofree char *text = reference_text(&ref);
    autoimage image = {.config = NULL};
    pthread_mutex_lock(&s->pulls);
    int failed = fetch(s, &ref, platform, &image, err);
    pthread_mutex_unlock(&s->pulls);
    if (failed || stage_state_init_image(out, &s->stages->global, &image, s->layers, text, err))
        return -1;
    out->base_reference = mem_strdup(text);
    return 0;
}

int session_source(struct step *step, const char *name, struct position at,
                   struct stage_state *image_state, const struct stage_state **state,
                   struct error *err)
{
    struct build_session *s = step->session;
    size_t index;
    bool named = named_contexts_find(s->options->contexts, name);
    int found = named ? 1 : stages_find(s->stages, step->stage->index, name, &index, err);
    if (!found) {
        *state = &s->states[index];
        return 0;
    }
    if (found < 0 || session_image(s, name, &step->state->platform, image_state, err))
        return dockerfile_error_at(step->file, at, err);
    *state = image_state;
    return 0;
}
