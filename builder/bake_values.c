#include "bake_values.h"

#include "bake_key.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *target, const char *key)
{
    return json_string_value(json_object_get(target, key));
}

static void set_text(char **to, const char *text)
{
    if (!text)
        return;
    free(*to);
    *to = mem_strdup(text);
}

static void add_texts(struct strv *to, const json_t *list)
{
    size_t i;
    json_t *one;
    json_array_foreach (list, i, one)
        strv_add(to, json_string_value(one));
}

static void add_map(struct strv *to, const json_t *map)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)map, name, value)
        strv_addf(to, "%s=%s", name, json_string_value(value));
}

static void add_entries(struct strv *to, const json_t *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry)
        strv_add_take(to, bake_entry_text(entry));
}

/* "default=/run/agent,/home/key", as --ssh has it. */
static void add_ssh(struct strv *to, const json_t *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry) {
        autostrv paths = STRV_INIT;
        add_texts(&paths, json_object_get(entry, "paths"));
        autofree char *joined = strv_join(&paths, ",");
        const char *id = text_of(entry, "id");
        strv_addf(to, "%s%s%s", id ? id : "default", *joined ? "=" : "", joined);
    }
}

/* What a target asks for beyond the sandbox must be granted by whoever runs it. */
static int add_entitlements(const json_t *list, const struct strv *granted, struct strv *to,
                            struct error *err)
{
    size_t i;
    json_t *one;
    json_array_foreach (list, i, one) {
        const char *name = json_string_value(one);
        if (!strv_contains(granted, name)) {
            error_set(err, ERROR_USAGE, "entitlements: %s was not allowed", name);
            return error_hint(err, "--allow %s allows it", name);
        }
        strv_add(to, name);
    }
    return 0;
}

/* "cwd://sub" is below the current directory, which is where a local path is anyhow. */
static char *local_path(const char *path)
{
    static const char scheme[] = "cwd://";
    if (!str_starts(path, scheme))
        return mem_strdup(path);
    path += strlen(scheme);
    return mem_strdup(*path ? path : ".");
}

static bool is_remote(const char *context)
{
    return strstr(context, "://") || str_starts(context, "git@") || !strcmp(context, "-");
}

/* The Dockerfile is looked up in the context, unlike -f's. */
static void set_dockerfile(const json_t *target, const char *context, struct build_values *out)
{
    const char *dockerfile = text_of(target, "dockerfile");
    if (!dockerfile)
        return;
    free(out->file);
    if (str_starts(dockerfile, "cwd://"))
        out->file = local_path(dockerfile);
    else
        out->file = is_remote(context) ? mem_strdup(dockerfile) : path_join(context, dockerfile);
}

/* Only what a build has anyhow: no attestations. */
static int check_attest(const json_t *list, struct error *err)
{
    size_t i;
    json_t *entry;
    json_array_foreach (list, i, entry) {
        const char *type = text_of(entry, "type");
        const json_t *flag = json_object_get(entry, "disabled");
        if (json_is_true(flag) ||
            (json_is_string(flag) && !strcmp(json_string_value(flag), "true")))
            continue;
        return error_set(err, ERROR_USAGE, "attest: an attestation of type %s is not supported",
                         type ? type : "?");
    }
    return 0;
}

static int add_contexts(const json_t *map, const struct strv *linked, struct strv *to,
                        struct error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)map, name, value) {
        const char *text = json_string_value(value);
        if (!str_starts(text, "target:")) {
            autofree char *path = local_path(text);
            strv_addf(to, "%s=%s", name, path);
            continue;
        }
        const char *source = env_get(linked, text + strlen("target:"));
        if (!source)
            return error_set(err, ERROR_INTERNAL, "context %s: %s was not built", name, text);
        strv_addf(to, "%s=%s", name, source);
    }
    return 0;
}

static int check_call(const char *call, struct error *err)
{
    if (!call || !strcmp(call, "build"))
        return 0;
    return error_set(err, ERROR_USAGE, "call: “%s” is not supported in a bake file", call);
}

/* "db=10.0.0.2" is --add-host's "db:10.0.0.2". */
static void add_hosts(const json_t *map, struct strv *to)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)map, name, value)
        strv_addf(to, "%s:%s", name, json_string_value(value));
}

int bake_values_from(const json_t *target, const struct bake_given *given, struct build_values *out,
                     struct strv *operands, const char **inline_text, struct error *err)
{
    autofree char *context = local_path(text_of(target, "context"));
    strv_add(operands, context);
    *inline_text = text_of(target, "dockerfile-inline");
    set_dockerfile(target, context, out);
    set_text(&out->target, text_of(target, "target"));
    set_text(&out->network, text_of(target, "network"));
    set_text(&out->shm_size, text_of(target, "shm-size"));
    add_texts(&out->tags, json_object_get(target, "tags"));
    add_texts(&out->platforms, json_object_get(target, "platforms"));
    add_texts(&out->annotations, json_object_get(target, "annotations"));
    add_texts(&out->ulimits, json_object_get(target, "ulimits"));
    add_map(&out->build_args, json_object_get(target, "args"));
    add_map(&out->labels, json_object_get(target, "labels"));
    add_hosts(json_object_get(target, "extra-hosts"), &out->add_hosts);
    add_entries(&out->outputs, json_object_get(target, "output"));
    add_entries(&out->secrets, json_object_get(target, "secret"));
    add_entries(&out->cache_from, json_object_get(target, "cache-from"));
    add_entries(&out->cache_to, json_object_get(target, "cache-to"));
    add_texts(&out->no_cache_filter, json_object_get(target, "no-cache-filter"));
    add_ssh(&out->ssh, json_object_get(target, "ssh"));
    out->no_cache |= json_is_true(json_object_get(target, "no-cache"));
    out->pull |= json_is_true(json_object_get(target, "pull"));
    if (out->network && strcmp(out->network, "default") != 0 && strcmp(out->network, "host") != 0 &&
        strcmp(out->network, "none") != 0)
        return error_set(err, ERROR_USAGE, "network: “%s” is none of default, host, none",
                         out->network);
    return check_call(text_of(target, "call"), err) ||
                   check_attest(json_object_get(target, "attest"), err) ||
                   add_entitlements(json_object_get(target, "entitlements"), given->allowed,
                                    &out->allow, err) ||
                   add_contexts(json_object_get(target, "contexts"), given->contexts,
                                &out->build_contexts, err)
               ? -1
               : 0;
}
