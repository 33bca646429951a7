#include "mount_spec.h"

#include "csv.h"

#include <base/cli.h>
#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const types[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
static const char *const sharings[] = {"shared", "private", "locked"};

const char *mount_type_name(enum mount_type type)
{
    return types[type];
}

void mount_spec_release(struct mount_spec *spec)
{
    free(spec->from);
    free(spec->source);
    free(spec->target);
    free(spec->id);
    free(spec->env);
    *spec = (struct mount_spec){0};
}

/* What a value is parsed into, and what was said of ro and rw. */
struct parse {
    struct mount_spec *spec;
    bool said_read_only, sharing_given;
};

static int refuse_value(const char *key, const char *value, const char *what, struct error *err)
{
    error_set(err, ERROR_INPUT, "--mount: %s=%s is no %s", key, value, what);
    return -1;
}

static int take_word(const char *key, const char *value, const char *const *words, size_t n,
                     int *out, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(value, words[i]) != 0)
            continue;
        *out = (int)i;
        return 0;
    }
    error_set(err, ERROR_INPUT, "--mount: there is no %s=%s", key, value);
    const char *near = cli_nearest(value, words, n);
    return near ? error_hint(err, "did you mean %s?", near) : -1;
}

static int take_bool(const char *key, const char *value, bool *out, struct error *err)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        if (strcmp(value, yes[i]) != 0 && strcmp(value, no[i]) != 0)
            continue;
        *out = !strcmp(value, yes[i]);
        return 0;
    }
    return refuse_value(key, value, "yes or no (true, false)", err);
}

static int take_number(const char *key, const char *value, int base, uint32_t *out,
                       struct error *err)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, base);
    if (!*value || strchr("+- \t", *value) || *end || errno || number > UINT32_MAX)
        return refuse_value(key, value, base == 8 ? "octal mode" : "number", err);
    *out = (uint32_t)number;
    return 0;
}

/* "64m", "1.5GiB": units are powers of 1024. */
static int take_size(const char *value, int64_t *out, struct error *err)
{
    static const char units[] = "kmgtp";
    char *end;
    double size = strtod(value, &end);
    while (*end == ' ')
        end++;
    autofree char *unit = str_lower(mem_strdup(end));
    const char *known = *unit ? strchr(units, *unit) : NULL;
    const char *rest = unit + (known != NULL);
    for (const char *u = units; known && u <= known; u++)
        size *= 1024;
    bool good = !*rest || !strcmp(rest, "b") || (known && !strcmp(rest, "ib"));
    if (end == value || !good || !(size >= 0) || size > (double)INT64_MAX / 2)
        return refuse_value("size", value, "size such as 64m", err);
    *out = (int64_t)size;
    return 0;
}

static void take_text(char **to, const char *value)
{
    free(*to);
    *to = mem_strdup(value);
}

static int wrong_for_type(const struct mount_spec *spec, const char *key, struct error *err)
{
    return error_set(err, ERROR_INPUT, "--mount: a mount of type %s takes no %s", types[spec->type],
                     key);
}

static int take_required(struct mount_spec *spec, const char *value, struct error *err)
{
    if (spec->type != MOUNT_SECRET && spec->type != MOUNT_SSH)
        return wrong_for_type(spec, "required", err);
    return take_bool("required", value, &spec->required, err);
}

static int take_read_only(struct parse *p, const char *key, const char *value, struct error *err)
{
    bool on;
    if (take_bool(key, value, &on, err))
        return -1;
    bool writable = !strcmp(key, "rw") || !strcmp(key, "readwrite");
    p->spec->read_only = writable ? !on : on;
    p->said_read_only = true;
    return 0;
}

/* The keys whose values are texts. */
static char **text_of(struct mount_spec *spec, const char *key)
{
    static const char *const keys[] = {"from", "source", "src",         "target",
                                       "dst",  "id",     "destination", "env"};
    char **const texts[] = {&spec->from,   &spec->source, &spec->source, &spec->target,
                            &spec->target, &spec->id,     &spec->target, &spec->env};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!strcmp(key, keys[i]))
            return texts[i];
    return NULL;
}

static int take_owner(struct mount_spec *spec, const char *key, const char *value,
                      struct error *err)
{
    if (!strcmp(key, "mode")) {
        spec->has_mode = true;
        return take_number(key, value, 8, &spec->mode, err);
    }
    bool uid = !strcmp(key, "uid");
    *(uid ? &spec->has_uid : &spec->has_gid) = true;
    return take_number(key, value, 10, uid ? &spec->uid : &spec->gid, err);
}

static int unknown_key(const char *key, struct error *err)
{
    static const char *const known[] = {
        "type", "from", "source", "target", "readonly", "id", "sharing", "required", "size",
        "mode", "uid",  "gid",    "src",    "dst",      "ro", "rw",      "env"};
    error_set(err, ERROR_INPUT, "--mount: there is no key \"%s\"", key);
    const char *near = cli_nearest(key, known, COUNT_OF(known));
    return near ? error_hint(err, "did you mean %s?", near) : -1;
}

static int take_value(struct parse *p, const char *key, const char *value, struct error *err)
{
    struct mount_spec *spec = p->spec;
    int word = 0;
    char **text = text_of(spec, key);
    if (text) {
        take_text(text, value);
        return 0;
    }
    if (!strcmp(key, "type")) {
        int failed = take_word(key, value, types, COUNT_OF(types), &word, err);
        spec->type = (enum mount_type)word;
        return failed;
    }
    if (!strcmp(key, "sharing")) {
        p->sharing_given = true;
        int failed = take_word(key, value, sharings, COUNT_OF(sharings), &word, err);
        spec->sharing = (enum mount_sharing)word;
        return failed;
    }
    if (!strcmp(key, "required"))
        return take_required(spec, value, err);
    if (!strcmp(key, "readonly") || !strcmp(key, "ro") || !strcmp(key, "readwrite") ||
        !strcmp(key, "rw"))
        return take_read_only(p, key, value, err);
    if (!strcmp(key, "size"))
        return spec->type == MOUNT_TMPFS ? take_size(value, &spec->size, err)
                                         : wrong_for_type(spec, key, err);
    if (!strcmp(key, "mode") || !strcmp(key, "uid") || !strcmp(key, "gid"))
        return take_owner(spec, key, value, err);
    return unknown_key(key, err);
}

static int take_field(struct parse *p, const char *field, const struct expand *how,
                      struct error *err)
{
    static const char *const switches[] = {"readonly", "ro", "readwrite", "rw", "required"};
    size_t n = strcspn(field, "=");
    autofree char *key = str_lower(mem_strndup(field, n));
    if (!field[n]) {
        for (size_t i = 0; i < COUNT_OF(switches); i++)
            if (!strcmp(key, switches[i]))
                return take_value(p, key, "true", err);
        error_set(err, ERROR_INPUT, "--mount: \"%s\" is not KEY=VALUE", field);
        return -1;
    }
    autofree char *value = NULL;
    if (expand_word(how, field + n + 1, &value, NULL, err))
        return -1;
    return take_value(p, key, value, err);
}

static bool given(const char *text)
{
    return text && *text;
}

static int check_secret(const struct mount_spec *spec, struct error *err)
{
    if (given(spec->from))
        return wrong_for_type(spec, "from", err);
    if (!given(spec->source) && !given(spec->id) && !given(spec->target))
        return error_set(err, ERROR_INPUT, "--mount: a secret needs an id, a source or a target");
    if (given(spec->source) && given(spec->id))
        return error_set(err, ERROR_INPUT, "--mount: a secret has an id or a source, not both");
    return 0;
}

/* What fits together only when all is known. */
static int check(const struct parse *p, struct error *err)
{
    const struct mount_spec *spec = p->spec;
    bool owned = spec->type != MOUNT_BIND && spec->type != MOUNT_TMPFS;
    const char *owner = spec->has_mode  ? "mode"
                        : spec->has_uid ? "uid"
                        : spec->has_gid ? "gid"
                                        : NULL;
    if (!owned && owner)
        return wrong_for_type(spec, owner, err);
    if (p->sharing_given && spec->type != MOUNT_CACHE)
        return wrong_for_type(spec, "sharing", err);
    if (spec->type == MOUNT_SSH && given(spec->source))
        return wrong_for_type(spec, "source", err);
    return spec->type == MOUNT_SECRET ? check_secret(spec, err) : 0;
}

int mount_spec_parse(const char *text, const struct expand *how, struct mount_spec *out,
                     struct error *err)
{
    autostrv fields = STRV_INIT;
    struct mount_spec spec = {.type = MOUNT_BIND};
    struct parse p = {.spec = &spec};
    int failed = csv_fields(text, &fields, err);
    for (size_t i = 0; i < fields.count && !failed; i++)
        failed = take_field(&p, fields.items[i], how, err);
    if (!failed)
        failed = check(&p, err);
    if (failed) {
        mount_spec_release(&spec);
        return -1;
    }
    if (!p.said_read_only)
        spec.read_only = spec.type != MOUNT_CACHE && spec.type != MOUNT_TMPFS;
    *out = spec;
    return 0;
}
