#include "cache_spec.h"

#include "csv.h"

#include <base/mem.h>
#include <base/str.h>
#include <registry/reference.h>

#include <stdlib.h>
#include <string.h>

/* What was read of one. */
struct reading {
    struct cache_spec spec;
    const char *option, *text;
    bool to;
    char *type, *ref, *dir, *tag, *digest, *level;
};

void cache_spec_release(struct cache_spec *spec)
{
    free(spec->reference);
    free(spec->compression);
    *spec = (struct cache_spec){.reference = NULL};
}

static int refuse(const struct reading *r, const char *why, struct error *err)
{
    return error_set(err, ERROR_USAGE, "%s %s: %s", r->option, r->text, why);
}

static int set_bool(const struct reading *r, const char *value, bool *out, struct error *err)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return refuse(r, "it is neither true nor false", err);
    *out = *value == 't';
    return 0;
}

static int set_mode(struct reading *r, const char *value, struct error *err)
{
    r->spec.all = !strcmp(value, "max");
    return r->spec.all || !strcmp(value, "min") ? 0 : refuse(r, "mode is one of min, max", err);
}

static int set_key(struct reading *r, const char *key, const char *value, struct error *err)
{
    const struct {
        const char *name;
        char **text;
        bool to, from;
    } texts[] = {{"type", &r->type, true, true},
                 {"ref", &r->ref, true, true},
                 {"src", &r->dir, false, true},
                 {"dest", &r->dir, true, false},
                 {"tag", &r->tag, true, true},
                 {"digest", &r->digest, false, true},
                 {"compression", &r->spec.compression, true, false},
                 {"compression-level", &r->level, true, false}};
    bool taken;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (strcmp(texts[i].name, key) != 0 || !(r->to ? texts[i].to : texts[i].from))
            continue;
        free(*texts[i].text);
        *texts[i].text = mem_strdup(value);
        return 0;
    }
    if (r->to && !strcmp(key, "mode"))
        return set_mode(r, value, err);
    if (!strcmp(key, "mounts"))
        return set_bool(r, value, &r->spec.mounts, err);
    if (r->to && !strcmp(key, "ignore-error"))
        return set_bool(r, value, &r->spec.ignore_error, err);
    /* What it always is. */
    if (r->to && (!strcmp(key, "image-manifest") || !strcmp(key, "oci-mediatypes")) &&
        !set_bool(r, value, &taken, err) && taken)
        return 0;
    return error_set(err, ERROR_USAGE, "%s %s: “%s=%s” is not supported", r->option, r->text, key,
                     value);
}

static int set_registry(struct reading *r, struct error *err)
{
    autoreference ref = {.transport = REFERENCE_REGISTRY};
    if (!r->ref)
        return refuse(r, "ref= is missing", err);
    if (reference_parse(r->ref, false, &ref, err) || ref.transport != REFERENCE_REGISTRY) {
        if (err && err->kind == ERROR_INPUT)
            err->kind = ERROR_USAGE;
        return err && err->kind ? error_wrap(err, "%s", r->option)
                                : refuse(r, "ref names no image of a registry", err);
    }
    r->spec.reference = mem_strdup(r->ref);
    return 0;
}

static int set_local(struct reading *r, struct error *err)
{
    if (!r->dir)
        return refuse(r, r->to ? "dest= is missing" : "src= is missing", err);
    r->spec.place = CACHE_LOCAL;
    r->spec.reference = r->digest ? mem_printf("oci:%s@%s", r->dir, r->digest)
                                  : mem_printf("oci:%s:%s", r->dir, r->tag ? r->tag : "latest");
    return 0;
}

static int settle(struct reading *r, struct error *err)
{
    const char *type = r->type ? r->type : "";
    if (r->spec.compression && r->level) {
        char *both = mem_printf("%s:%s", r->spec.compression, r->level);
        free(r->spec.compression);
        r->spec.compression = both;
    }
    if (!strcmp(type, "registry"))
        return set_registry(r, err);
    if (!strcmp(type, "local"))
        return set_local(r, err);
    if (!strcmp(type, "inline") && r->to) {
        r->spec.place = CACHE_INLINE;
        return r->spec.all || r->spec.mounts
                   ? refuse(r, "an inline cache has the image's own steps alone", err)
                   : 0;
    }
    if (strcmp(type, "gha") && strcmp(type, "s3") && strcmp(type, "azblob"))
        return refuse(
            r, r->to ? "type is one of registry, local, inline" : "type is one of registry, local",
            err);
    refuse(r, "this type is not supported", err);
    if (!strcmp(type, "gha"))
        return error_hint(err, "type=registry,ref=ghcr.io/OWNER/NAME:cache works in a GitHub job; "
                               "or type=local with actions/cache");
    return error_hint(err, "type=registry and type=local are");
}

static int read_fields(struct reading *r, struct error *err)
{
    autostrv fields = STRV_INIT;
    if (csv_fields(r->text, &fields, err)) {
        if (err)
            err->kind = ERROR_USAGE;
        return error_wrap(err, "%s %s", r->option, r->text);
    }
    if (fields.count == 1 && !strchr(fields.items[0], '=')) {
        r->type = mem_strdup("registry");
        r->ref = mem_strdup(fields.items[0]);
        return settle(r, err);
    }
    for (size_t i = 0; i < fields.count; i++) {
        char *equals = strchr(fields.items[i], '=');
        if (!equals)
            return refuse(r, "it reads KEY=VALUE,…", err);
        *equals = '\0';
        if (set_key(r, str_lower(fields.items[i]), equals + 1, err))
            return -1;
    }
    return settle(r, err);
}

static int parse(struct reading *r, struct cache_spec *out, struct error *err)
{
    int code = read_fields(r, err);
    free(r->type);
    free(r->ref);
    free(r->dir);
    free(r->tag);
    free(r->digest);
    free(r->level);
    if (code)
        cache_spec_release(&r->spec);
    else
        *out = r->spec;
    return code;
}

int cache_spec_parse_from(const char *text, struct cache_spec *out, struct error *err)
{
    struct reading r = {.option = "--cache-from", .text = text};
    return parse(&r, out, err);
}

int cache_spec_parse_to(const char *text, struct cache_spec *out, struct error *err)
{
    struct reading r = {.option = "--cache-to", .text = text, .to = true};
    return parse(&r, out, err);
}
