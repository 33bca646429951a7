#include "output_spec.h"

#include "csv.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What was read of one --output. */
struct reading {
    struct output out;
    const char *text;
    bool typed;
    char *compression, *level;
};

void output_release(struct output *out)
{
    free(out->dest);
    strv_release(&out->names);
    image_variant_release(&out->variant);
    *out = (struct output){.dest = NULL};
}

bool output_is_stdout(const struct output *output)
{
    return output->dest && !strcmp(output->dest, "-");
}

static int set_type(struct output *out, const char *value, struct error *err)
{
    static const struct {
        const char *name;
        enum output_kind kind;
    } types[] = {{"local", OUTPUT_LOCAL},   {"tar", OUTPUT_TAR},     {"oci", OUTPUT_OCI},
                 {"docker", OUTPUT_DOCKER}, {"image", OUTPUT_IMAGE}, {"registry", OUTPUT_IMAGE}};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(types[i].name, value) != 0)
            continue;
        out->kind = types[i].kind;
        out->push |= !strcmp(value, "registry");
        return 0;
    }
    return error_set(err, ERROR_USAGE,
                     "--output type=%s: it is one of local, tar, oci, docker, image, registry",
                     value);
}

static int bool_of(const char *key, const char *value, bool *out, struct error *err)
{
    bool yes = !strcmp(value, "true") || !strcmp(value, "1");
    if (!yes && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        return error_set(err, ERROR_USAGE, "--output: “%s=%s” is neither true nor false", key,
                         value);
    *out = yes;
    return 0;
}

static int set_bool(struct output *out, const char *key, const char *value, struct error *err)
{
    bool yes;
    if (bool_of(key, value, &yes, err))
        return -1;
    if (!strcmp(key, "tar"))
        out->directory = !yes;
    else if (!strcmp(key, "push"))
        out->push = yes;
    else if (!strcmp(key, "push-by-digest"))
        out->push_by_digest = yes;
    else if (!strcmp(key, "force-compression"))
        out->variant.force = yes;
    else if (!strcmp(key, "oci-mediatypes"))
        out->variant.docker_types = !yes;
    else if (!strcmp(key, "platform-split"))
        out->split = yes ? EXPORT_SPLIT_YES : EXPORT_SPLIT_NO;
    else if (!strcmp(key, "rewrite-timestamp"))
        out->keep_times = !yes;
    else if (!strcmp(key, "registry.insecure") && yes)
        return error_set(err, ERROR_USAGE,
                         "--output registry.insecure=true is not supported: name the registry "
                         "with --insecure HOST");
    return 0; /* name-canonical: see docs/outputs.md */
}

static void set_text(char **to, const char *value)
{
    free(*to);
    *to = mem_strdup(value);
}

static int set_mode(struct output *out, const char *value, struct error *err)
{
    out->delete_others = !strcmp(value, "delete");
    if (out->delete_others || !strcmp(value, "copy"))
        return 0;
    return error_set(err, ERROR_USAGE, "--output mode=%s: it is one of copy, delete", value);
}

/* Which kinds know which key, as BuildKit's exporters do: a key that is ignored misleads. */
enum {
    FILES = 1 << OUTPUT_LOCAL | 1 << OUTPUT_TAR,
    IMAGES = 1 << OUTPUT_OCI | 1 << OUTPUT_DOCKER | 1 << OUTPUT_IMAGE,
    ARCHIVES = 1 << OUTPUT_OCI | 1 << OUTPUT_DOCKER,
};
static const struct {
    const char *name;
    unsigned kinds;
    bool boolean;
} keys[] = {{"dest", FILES | ARCHIVES, false},
            {"mode", 1 << OUTPUT_LOCAL, false},
            {"platform-split", FILES, true},
            {"tar", ARCHIVES, true},
            {"name", IMAGES, false},
            {"push", 1 << OUTPUT_IMAGE, true},
            {"push-by-digest", 1 << OUTPUT_IMAGE, true},
            {"name-canonical", 1 << OUTPUT_IMAGE, true},
            {"registry.insecure", 1 << OUTPUT_IMAGE, true},
            {"compression", IMAGES, false},
            {"compression-level", IMAGES, false},
            {"force-compression", IMAGES, true},
            {"oci-mediatypes", IMAGES, true},
            {"rewrite-timestamp", IMAGES, true}};

static int set_value(struct reading *r, const char *key, const char *value, struct error *err)
{
    if (!strcmp(key, "dest"))
        set_text(&r->out.dest, value);
    else if (!strcmp(key, "mode"))
        return set_mode(&r->out, value, err);
    else if (!strcmp(key, "name"))
        strv_split(&r->out.names, value, ',');
    else if (!strcmp(key, "compression"))
        set_text(&r->compression, value);
    else
        set_text(&r->level, value);
    return 0;
}

static int set_key(struct reading *r, const char *key, const char *value, struct error *err)
{
    unsigned kind = 1U << r->out.kind;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (strcmp(keys[i].name, key) != 0)
            continue;
        if (!(keys[i].kinds & kind))
            return error_set(err, ERROR_USAGE, "--output %s: this type has no “%s”", r->text, key);
        return keys[i].boolean ? set_bool(&r->out, key, value, err) : set_value(r, key, value, err);
    }
    if (kind & IMAGES && image_variant_annotate(&r->out.variant, key, value))
        return 0;
    return error_set(err, ERROR_USAGE, "--output %s: “%s” is not supported", r->text, key);
}

/* compression=KIND and compression-level=N, together as --compression reads them. */
static int set_compression(struct reading *r, struct error *err)
{
    if (!r->compression && !r->level && !r->out.variant.force)
        return 0;
    const char *kind = r->compression ? r->compression : "gzip";
    if (!strcmp(kind, "uncompressed"))
        kind = "none";
    else if (!strcmp(kind, "estargz"))
        return error_set(err, ERROR_USAGE, "--output compression=estargz is not supported");
    autofree char *text = mem_printf("%s%s%s", kind, r->level ? ":" : "", r->level ? r->level : "");
    if (compression_parse(text, &r->out.variant.compression, err))
        return error_wrap(err, "--output %s", r->text);
    r->out.variant.recompress = true;
    return 0;
}

/* Found now rather than after a long build. */
static int check_dest(const char *dest, struct error *err)
{
    struct stat st;
    autofree char *dir = path_dir(dest);
    if (!stat(dir, &st) && S_ISDIR(st.st_mode))
        return 0;
    error_set(err, ERROR_MISSING, "--output dest=%s: there is no directory %s", dest, dir);
    return error_hint(err, "make it first: mkdir -p %s", dir);
}

static int refuse(const struct reading *r, const char *why, struct error *err)
{
    return error_set(err, ERROR_USAGE, "--output %s: %s", r->text, why);
}

static int check(const struct reading *r, struct error *err)
{
    const struct output *out = &r->out;
    if (out->kind == OUTPUT_IMAGE)
        return out->push_by_digest && !out->push ? refuse(r, "push-by-digest needs push=true", err)
                                                 : 0;
    if (out->directory && out->kind == OUTPUT_DOCKER)
        return refuse(r, "type=docker has no directory form", err);
    if (!out->dest)
        return out->kind == OUTPUT_DOCKER ? 0 : refuse(r, "dest= is missing", err);
    if (!*out->dest)
        return refuse(r, "dest= is empty", err);
    bool directory = out->directory || out->kind == OUTPUT_LOCAL;
    if (output_is_stdout(out))
        return directory ? refuse(r, "a directory can't be standard output", err) : 0;
    return directory ? 0 : check_dest(out->dest, err);
}

/* The type decides what the keys mean, wherever it stands. */
static int read_fields(struct reading *r, const struct strv *fields, struct error *err)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (!str_starts(fields->items[i], "type="))
            continue;
        r->typed = true;
        if (set_type(&r->out, fields->items[i] + strlen("type="), err))
            return -1;
    }
    if (!r->typed)
        return error_set(err, ERROR_USAGE, "--output %s: type= is missing", r->text);
    for (size_t i = 0; i < fields->count; i++) {
        char *equals = strchr(fields->items[i], '=');
        if (!equals)
            return error_set(err, ERROR_USAGE, "--output %s: “%s” reads KEY=VALUE", r->text,
                             fields->items[i]);
        if (str_starts(fields->items[i], "type="))
            continue;
        *equals = '\0';
        autofree char *key =
            str_lower(mem_strndup(fields->items[i], strcspn(fields->items[i], ".")));
        autofree char *full = mem_printf("%s%s", key, fields->items[i] + strlen(key));
        if (set_key(r, full, equals + 1, err))
            return -1;
    }
    return set_compression(r, err) || check(r, err) ? -1 : 0;
}

static int read_text(struct reading *r, struct error *err)
{
    autostrv fields = STRV_INIT;
    if (csv_fields(r->text, &fields, err)) {
        if (err)
            err->kind = ERROR_USAGE;
        return error_wrap(err, "--output %s", r->text);
    }
    if (fields.count == 1 && !strchr(fields.items[0], '=')) {
        r->out.kind = strcmp(fields.items[0], "-") ? OUTPUT_LOCAL : OUTPUT_TAR;
        set_text(&r->out.dest, fields.items[0]);
        return check(r, err);
    }
    return read_fields(r, &fields, err);
}

int output_parse(const char *text, struct output *out, struct error *err)
{
    struct reading r = {.text = text};
    int code = read_text(&r, err);
    free(r.compression);
    free(r.level);
    if (code)
        output_release(&r.out);
    else
        *out = r.out;
    return code;
}
