#include "stage_state.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What Docker's builders give an image that says nothing else. */
static const char DEFAULT_PATH[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

char *stage_state_time(char buffer[24], int64_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(buffer, 24, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return buffer;
}

static void set_shell(struct stage_state *s)
{
    const json_t *shell = json_object_get(s->config, "Shell");
    for (size_t i = 0; i < json_array_size(shell); i++)
        if (json_is_string(json_array_get(shell, i)))
            strv_add(&s->shell, json_string_value(json_array_get(shell, i)));
    if (s->shell.count)
        return;
    strv_add(&s->shell, "/bin/sh");
    strv_add(&s->shell, "-c");
}

void stage_state_init_scratch(struct stage_state *s, const struct scope *global,
                              const struct platform *platform)
{
    *s = (struct stage_state){.platform = *platform};
    env_set(&s->env, "PATH", DEFAULT_PATH);
    scope_init_stage(&s->scope, global, NULL, &s->env);
    s->config = json_object();
    json_object_set_new(s->config, "WorkingDir", json_string("/"));
    s->history = json_array();
    digest_bytes("scratch", 7, &s->key);
    set_shell(s);
}

/* Without a shape that can be relied on, later code would have to look at every turn. */
static int check_config(const json_t *config, const char *where, struct error *err)
{
    static const char *const objects[] = {"Labels", "ExposedPorts", "Volumes"};
    static const char *const texts[] = {"User", "WorkingDir", "StopSignal"};
    json_t *object;
    const char *text;
    for (size_t i = 0; i < COUNT_OF(objects); i++)
        if (json_get_object(config, objects[i], where, &object, err))
            return -1;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (json_get_string(config, texts[i], "", where, &text, err))
            return -1;
    return 0;
}

/* "srv" of a base is "/srv" in what is built on it. */
static void clean_workdir(struct stage_state *s)
{
    const char *path = stage_state_text(s, "WorkingDir");
    if (!*path || *path == '/')
        return;
    autofree char *rooted = mem_printf("/%s", path);
    autofree char *clean = path_clean(rooted);
    json_object_set_new(s->config, "WorkingDir", json_from_text(clean));
}

static int take_config(struct stage_state *s, const struct scope *global, const json_t *root,
                       const char *where, struct error *err)
{
    json_t *config = NULL, *history = NULL;
    if (json_get_object(root, "config", where, &config, err) ||
        json_get_array(root, "history", where, &history, err))
        return -1;
    s->config = config ? json_deep_copy(config) : json_object();
    s->history = history ? json_deep_copy(history) : json_array();
    if (check_config(s->config, where, err) ||
        json_get_strings(s->config, "Env", where, &s->env, err) ||
        json_get_strings(s->config, "OnBuild", where, &s->on_build, err))
        return -1;
    json_object_del(s->config, "OnBuild");
    json_object_del(s->config, "Env");
    if (json_is_string(json_object_get(root, "author")))
        json_object_set(s->config, "Author", json_object_get(root, "author"));
    clean_workdir(s);
    if (!env_get(&s->env, "PATH"))
        env_set(&s->env, "PATH", DEFAULT_PATH);
    scope_init_stage(&s->scope, global, NULL, &s->env);
    set_shell(s);
    return 0;
}

int stage_state_init_image(struct stage_state *s, const struct scope *global, struct image *image,
                           struct build_layers *set, const char *where, struct error *err)
{
    *s = (struct stage_state){.platform = image->platform};
    if (take_config(s, global, image->config, where, err)) {
        stage_state_release(s);
        return -1;
    }
    autodigester struct digester *h = digester_new();
    for (size_t i = 0; i < image->layer_count; i++) {
        digester_add(h, image->layers[i].diff_id.text, sizeof image->layers[i].diff_id.text);
        MEM_PUSH(s->layers, s->layer_count, s->layer_cap) =
            build_layers_add(set, &image->layers[i]);
    }
    digester_finish(h, &s->key);
    s->base_layers = s->layer_count;
    return 0;
}

void stage_state_init_stage(struct stage_state *s, const struct scope *global,
                            const struct stage_state *base)
{
    *s = (struct stage_state){
        .platform = base->platform, .key = base->key, .base_layers = base->base_layers};
    strv_add_all(&s->env, &base->env);
    scope_init_stage(&s->scope, global, &base->scope, &s->env);
    s->config = json_deep_copy(base->config);
    s->history = json_deep_copy(base->history);
    for (size_t i = 0; i < base->layer_count; i++)
        MEM_PUSH(s->layers, s->layer_count, s->layer_cap) = base->layers[i];
    strv_add_all(&s->shell, &base->shell);
    s->base_reference = mem_strdup_null(base->base_reference);
    /* ONBUILD of the stage itself becomes a trigger here, as it would in an image built from it. */
    const json_t *triggers = json_object_get(s->config, "OnBuild");
    for (size_t i = 0; i < json_array_size(triggers); i++)
        strv_add(&s->on_build, json_string_value(json_array_get(triggers, i)));
    json_object_del(s->config, "OnBuild");
}

void stage_state_release(struct stage_state *s)
{
    scope_release(&s->scope);
    strv_release(&s->env);
    json_decref(s->config);
    json_decref(s->history);
    free(s->layers);
    strv_release(&s->shell);
    strv_release(&s->on_build);
    free(s->base_reference);
    *s = (struct stage_state){.config = NULL};
}

void stage_state_add(struct stage_state *s, struct build_layer *layer, const char *created_by,
                     int64_t created)
{
    if (layer)
        MEM_PUSH(s->layers, s->layer_count, s->layer_cap) = layer;
    char time[24];
    const json_t *last = json_array_get(s->history, json_array_size(s->history) - 1);
    const char *before = json_string_value(json_object_get(last, "created"));
    const char *when =
        created < 0 && before ? before : stage_state_time(time, created < 0 ? 0 : created);
    json_t *entry = json_pack("{s:s, s:o, s:s}", "created", when, "created_by",
                              json_from_text(created_by), "comment", "buildkit.dockerfile.v0");
    if (!layer)
        json_object_set_new(entry, "empty_layer", json_true());
    json_array_append_new(s->history, entry);
}

const char *stage_state_text(const struct stage_state *s, const char *key)
{
    const char *text = json_string_value(json_object_get(s->config, key));
    return text ? text : "";
}

const char *stage_state_cwd(const struct stage_state *s)
{
    const char *cwd = stage_state_text(s, "WorkingDir");
    return *cwd ? cwd : "/";
}
