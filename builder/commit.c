#include "commit.h"

#include "annotations.h"

#include <base/mem.h>
#include <registry/layout.h>

#include <stdlib.h>
#include <string.h>

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(object, key, json_from_text(text));
}

/* Object keys sorted, so that ports, volumes and labels don't depend on the order of writing. */
static json_t *sorted(const json_t *object)
{
    autostrv keys = STRV_INIT;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value)
        strv_add(&keys, key);
    strv_sort(&keys);
    json_t *out = json_object();
    for (size_t i = 0; i < keys.count; i++)
        json_object_set(out, keys.items[i], json_object_get(object, keys.items[i]));
    return out;
}

static void add_labels(struct build_session *s, json_t *config)
{
    const struct strv *labels = s->options->labels;
    if (!labels || !labels->count)
        return;
    json_t *object = json_object_get(config, "Labels");
    if (!object) {
        object = json_object();
        json_object_set_new(config, "Labels", object);
    }
    for (size_t i = 0; i < labels->count; i++) {
        const char *equals = strchr(labels->items[i], '=');
        autofree char *key =
            equals ? mem_strndup(labels->items[i], (size_t)(equals - labels->items[i]))
                   : mem_strdup(labels->items[i]);
        json_object_set_new(object, key, json_from_text(equals ? equals + 1 : ""));
    }
}

/* Nothing is said by false, "", [] or {}: left out, as Docker's builders do. */
static bool is_empty(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value) ||
           (json_is_string(value) && !json_string_length(value)) ||
           (json_is_array(value) && !json_array_size(value)) ||
           (json_is_object(value) && !json_object_size(value));
}

/* The container config in the order that Docker writes it. What the specifications don't know, as a
 * base of another builder may have it, is not handed on. */
static json_t *make_config(struct build_session *s, const struct stage_state *state)
{
    static const char *const order[] = {
        "User",    "ExposedPorts", "Env",    "Entrypoint", "Cmd",     "ArgsEscaped", "Healthcheck",
        "Volumes", "WorkingDir",   "Labels", "StopSignal", "OnBuild", "Shell"};
    autojson *from = json_deep_copy(state->config);
    json_object_set_new(from, "Env", json_from_strings(&state->env));
    add_labels(s, from);
    json_t *out = json_object();
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        json_t *value = json_object_get(from, order[i]);
        if (is_empty(value))
            continue;
        bool sort = json_is_object(value) && strcmp(order[i], "Healthcheck") != 0;
        json_object_set_new(out, order[i], sort ? sorted(value) : json_incref(value));
    }
    return out;
}

/* The image's part of the cache, for whoever takes it from the image. */
static int add_cache(struct build_session *s, const struct layer *layers, size_t count,
                     json_t *root, struct error *err)
{
    struct cache_entries entries = {.items = NULL};
    autofree struct descriptor *descriptors = mem_zalloc(count, sizeof *descriptors);
    for (size_t i = 0; i < count; i++)
        descriptors[i].digest = layers[i].digest;
    int code = session_gather(s, true, &entries, err);
    if (!code)
        json_object_set_new(root, CACHE_MEMBER,
                            cache_entries_json(&entries, false, descriptors, count));
    cache_entries_release(&entries);
    return code;
}

static json_t *make_root(struct build_session *s, const struct stage_state *state,
                         const struct layer *layers)
{
    char time[24];
    json_t *root = json_object();
    /* The newest step's time: a rebuild from the cache gives the same image. */
    const json_t *last = json_array_get(state->history, json_array_size(state->history) - 1);
    const char *created = json_string_value(json_object_get(last, "created"));
    json_object_set_new(root, "created",
                        json_string(created ? created : stage_state_time(time, s->now)));
    set_text(root, "author", stage_state_text(state, "Author"));
    json_object_set_new(root, "architecture", json_string(state->platform.arch));
    set_text(root, "variant", state->platform.variant);
    json_object_set_new(root, "os", json_string(state->platform.os));
    json_object_set_new(root, "config", make_config(s, state));
    json_t *diff_ids = json_array();
    for (size_t i = 0; i < state->layer_count; i++)
        json_array_append_new(diff_ids, json_string(layers[i].diff_id.text));
    json_object_set_new(root, "rootfs",
                        json_pack("{s:s, s:o}", "type", "layers", "diff_ids", diff_ids));
    json_object_set(root, "history", state->history);
    return root;
}

static void make_manifest(struct build_session *s, const struct stage_state *state,
                          const struct layer *layers, const char *config, struct manifest *out)
{
    struct descriptor config_descriptor = {.media_type = (char *)(uintptr_t)MEDIA_OCI_CONFIG,
                                           .size = (int64_t)strlen(config)};
    digest_bytes(config, strlen(config), &config_descriptor.digest);
    autofree struct descriptor *items = mem_zalloc(state->layer_count, sizeof *items);
    for (size_t i = 0; i < state->layer_count; i++)
        items[i] = (struct descriptor){.media_type = (char *)(uintptr_t)layers[i].media_type,
                                       .digest = layers[i].digest,
                                       .size = layers[i].size};
    autojson *annotations =
        annotations_for(s->options->annotations, ANNOTATION_MANIFEST, &state->platform);
    manifest_make(&config_descriptor, items, state->layer_count, annotations, false, out);
}

int commit_image(struct build_session *s, const struct stage_state *state, struct image *out,
                 struct error *err)
{
    autofree struct layer *layers = mem_zalloc(state->layer_count, sizeof *layers);
    for (size_t i = 0; i < state->layer_count; i++)
        if (build_layer_blob(state->layers[i], &layers[i], err))
            return -1;
    autojson *root = make_root(s, state, layers);
    if (s->options->inline_cache && add_cache(s, layers, state->layer_count, root, err))
        return -1;
    autofree char *config = json_text(root);
    automanifest manifest = {.bytes = NULL};
    make_manifest(s, state, layers, config, &manifest);
    int oci = store_oci_fd(s->options->store);
    if (layout_put_bytes(oci, config, strlen(config), NULL, err) ||
        layout_put_bytes(oci, manifest.bytes, manifest.size, NULL, err))
        return -1;
    return image_assemble(&manifest, config, strlen(config), "the image just built", out, err);
}

int commit_index(struct store *store, const struct image *const *images, size_t n,
                 const struct strv *annotations, struct manifest *out, struct error *err)
{
    autofree struct descriptor *items = mem_zalloc(n, sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] =
            (struct descriptor){.media_type = images[i]->manifest.media_type,
                                .digest = images[i]->manifest.digest,
                                .size = (int64_t)images[i]->manifest.size,
                                .has_platform = true,
                                .platform = images[i]->platform,
                                .annotations = annotations_for(annotations, ANNOTATION_DESCRIPTOR,
                                                               &images[i]->platform)};
    autojson *own = annotations_for(annotations, ANNOTATION_INDEX, NULL);
    automanifest index = {.bytes = NULL};
    index_make(items, n, own, false, &index);
    for (size_t i = 0; i < n; i++)
        json_decref(items[i].annotations);
    if (layout_put_bytes(store_oci_fd(store), index.bytes, index.size, NULL, err))
        return -1;
    *out = index;
    index = (struct manifest){.bytes = NULL};
    return 0;
}
