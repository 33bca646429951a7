#include "registries.h"

#include "toml.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEM_CONF "/etc/containers/registries.conf"

/* Rules as the files have them: an object per [[registry]], by its prefix. */
struct registries {
    json_t *rules;   /* prefix -> table */
    json_t *aliases; /* short name -> full one */
};

struct registries *registries_new(void)
{
    struct registries *r = mem_zalloc(1, sizeof *r);
    r->rules = json_object();
    r->aliases = json_object();
    return r;
}

void registries_free(struct registries *r)
{
    if (!r)
        return;
    json_decref(r->rules);
    json_decref(r->aliases);
    free(r);
}

void registries_free_at(struct registries **r)
{
    registries_free(*r);
}

/* All that is used of a table has its type. */
static int check_table(const json_t *table, const char *name, bool mirror, struct error *err)
{
    const char *text;
    bool flag;
    static const char *const flags[] = {"insecure", "blocked", "mirror-by-digest-only"};
    static const char *const words[] = {"", "all", "digest-only", "tag-only"};
    if (!json_is_object(table))
        return error_set(err, ERROR_INPUT, "%s: a registry is a table", name);
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (json_get_bool(table, flags[i], false, name, &flag, err))
            return -1;
    if (json_get_string(table, "prefix", "", name, &text, err) ||
        json_get_string(table, "location", "", name, &text, err))
        return -1;
    if (mirror && !*text)
        return error_set(err, ERROR_INPUT, "%s: a mirror without its location", name);
    if (json_get_string(table, "pull-from-mirror", "", name, &text, err))
        return -1;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(text, words[i]))
            return 0;
    return error_set(err, ERROR_INPUT,
                     "%s: pull-from-mirror is one of all, digest-only, tag-only, not “%s”", name,
                     text);
}

/* "https://quay.io/" is taken for what it means by neither tool, so neither is it here. */
static int check_location(const char *text, const char *name, struct error *err)
{
    if (strstr(text, "://"))
        return error_set(err, ERROR_INPUT, "%s: “%s” has a scheme, and should have none", name,
                         text);
    return 0;
}

static const char *member(const json_t *table, const char *key)
{
    const char *text = json_string_value(json_object_get(table, key));
    return text ? text : "";
}

static bool flag(const json_t *table, const char *key)
{
    return json_is_true(json_object_get(table, key));
}

static int add_rule(struct registries *r, json_t *table, const char *name, struct error *err)
{
    json_t *mirrors, *mirror;
    size_t i;
    if (check_table(table, name, false, err) ||
        json_get_array(table, "mirror", name, &mirrors, err))
        return -1;
    json_array_foreach (mirrors, i, mirror)
        if (check_table(mirror, name, true, err) ||
            check_location(member(mirror, "location"), name, err))
            return -1;
    const char *prefix = member(table, "prefix"), *location = member(table, "location");
    if (!*prefix)
        prefix = location;
    if (!*prefix)
        return error_set(err, ERROR_INPUT, "%s: a registry without prefix and location", name);
    if (check_location(prefix, name, err) || check_location(location, name, err))
        return -1;
    if (str_starts(prefix, "*.") ? strpbrk(prefix, "/@") || strchr(prefix + 1, '*') != NULL
                                 : strchr(prefix, '*') != NULL)
        return error_set(err, ERROR_INPUT, "%s: “%s”: a wildcard reads *.example.com", name,
                         prefix);
    if (json_object_size(r->rules) >= REGISTRIES_CAP)
        return error_set(err, ERROR_INPUT, "%s: more than %d registries", name, REGISTRIES_CAP);
    json_object_set(r->rules, prefix, table);
    return 0;
}

static int add_aliases(struct registries *r, const json_t *root, const char *name,
                       struct error *err)
{
    json_t *aliases, *value;
    const char *key;
    if (json_get_object(root, "aliases", name, &aliases, err))
        return -1;
    json_object_foreach (aliases, key, value) {
        if (!json_is_string(value))
            return error_set(err, ERROR_INPUT, "%s: the alias “%s” is no string", name, key);
        json_object_set(r->aliases, key, value);
    }
    return 0;
}

int registries_add(struct registries *r, const void *bytes, size_t n, const char *name,
                   struct error *err)
{
    autojson *root = NULL;
    json_t *tables, *table;
    size_t i;
    if (toml_parse(bytes, n, name, &root, err))
        return -1;
    if (json_object_get(root, "registries")) {
        error_set(err, ERROR_INPUT, "%s is in version 1 of the format", name);
        return error_hint(err, "write it in version 2, with [[registry]]: see "
                               "containers-registries.conf(5)");
    }
    if (json_get_array(root, "registry", name, &tables, err))
        return -1;
    json_array_foreach (tables, i, table)
        if (add_rule(r, table, name, err))
            return -1;
    return add_aliases(r, root, name, err);
}

/* 1 where the file was there. */
static int load_file(struct registries *r, const char *path, struct error *err)
{
    autoerror absent = ERROR_INIT;
    autostr text = STR_INIT;
    if (io_read_file(AT_FDCWD, path, REGISTRIES_CONF_CAP, &text, &absent)) {
        if (absent.kind != ERROR_MISSING)
            return error_move(err, &absent);
        error_ignore(&absent, "most hosts have none");
        return 0;
    }
    return registries_add(r, str_text(&text), text.len, path, err) ? -1 : 1;
}

static int load_directory(struct registries *r, const char *path, struct error *err)
{
    autostrv names = STRV_INIT;
    autoclosedir DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir));)
        if (str_ends(e->d_name, ".conf") && e->d_name[0] != '.')
            strv_add(&names, e->d_name);
    strv_sort(&names);
    for (size_t i = 0; i < names.count; i++) {
        autofree char *file = path_join(path, names.items[i]);
        if (load_file(r, file, err) < 0)
            return -1;
    }
    return 0;
}

static char *user_file(const char *name)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config)
        return mem_printf("%s/containers/%s", config, name);
    return home && *home ? mem_printf("%s/.config/containers/%s", home, name) : NULL;
}

int registries_load(struct registries *r, struct error *err)
{
    const char *given = getenv("CONTAINERS_REGISTRIES_CONF");
    const char *directory = getenv("CONTAINERS_REGISTRIES_CONF_DIR");
    autofree char *user = user_file("registries.conf");
    autofree char *user_directory = user_file("registries.conf.d");
    int found = given && *given ? load_file(r, given, err) : 0;
    if (!found && !(given && *given)) {
        found = user ? load_file(r, user, err) : 0;
        if (!found)
            found = load_file(r, SYSTEM_CONF, err);
    }
    if (found < 0)
        return -1;
    if (directory && *directory)
        return load_directory(r, directory, err);
    return load_directory(r, SYSTEM_CONF ".d", err) ||
                   (user_directory && load_directory(r, user_directory, err))
               ? -1
               : 0;
}

/* How much of "host/repository:tag" the prefix covers, up to a boundary; 0: it is about another. */
static size_t match(const char *prefix, const char *text)
{
    size_t n = strlen(prefix);
    if (str_starts(prefix, "*.")) {
        const char *slash = strchrnul(text, '/'), *at = strstr(text, prefix + 1);
        if (!at || at == text || at >= slash)
            return 0;
        n = (size_t)(at - text) + n - 1;
    } else if (!str_starts(text, prefix)) {
        return 0;
    }
    return !text[n] || strchr("/:@", text[n]) ? n : 0;
}

/* The table of the longest prefix; of two that cover as much the one that says more. */
static const json_t *find(const struct registries *r, const char *text, size_t *covered)
{
    const json_t *best = NULL;
    const char *prefix, *best_prefix = "";
    json_t *table;
    *covered = 0;
    json_object_foreach (r->rules, prefix, table) {
        size_t n = match(prefix, text);
        if (n && (n > *covered || (n == *covered && *best_prefix == '*'))) {
            best = table;
            best_prefix = prefix;
            *covered = n;
        }
    }
    return best;
}

/* The reference with its covered start replaced by location ("": as it is). */
static int rewrite(const struct reference *ref, const char *location, size_t covered,
                   struct reference *out, struct error *err)
{
    if (!*location) {
        reference_copy(ref, out);
        return 0;
    }
    autoreference there = {0};
    autofree char *text = reference_text(ref);
    autofree char *moved = mem_printf("%s%s", location, text + covered);
    if (reference_parse(moved, false, &there, err))
        return error_wrap(err, "registries.conf makes %s of %s", moved, text);
    if (there.bare || there.transport != REFERENCE_REGISTRY) {
        error_set(err, ERROR_INPUT, "registries.conf: the location “%s” names no host", location);
        return error_hint(err, "a host has a dot or a port, or is localhost");
    }
    *out = there;
    there = (struct reference){0};
    return 0;
}

static bool mirror_serves(const json_t *rule, const json_t *mirror, const struct reference *ref)
{
    bool by_digest = digest_is_set(&ref->digest);
    const char *what = member(mirror, "pull-from-mirror");
    if (flag(rule, "mirror-by-digest-only") || str_eq(what, "digest-only"))
        return by_digest;
    return !str_eq(what, "tag-only") || !by_digest;
}

static int refuse_blocked(const json_t *rule, const char *text, struct error *err)
{
    if (!flag(rule, "blocked"))
        return 0;
    error_set(err, ERROR_AUTH, "%s is blocked by registries.conf", text);
    return error_hint(err, "an administrator of this host wants it so; see "
                           "containers-registries.conf(5)");
}

/* The full name that the user's or host's files give a short one. */
static int resolve_alias(const struct registries *r, const struct reference *ref,
                         struct reference *out, struct error *err)
{
    const char *name = ref->repository;
    if (str_starts(name, "library/") && !strchr(name + strlen("library/"), '/'))
        name += strlen("library/");
    const char *alias = ref->bare ? member(r->aliases, name) : "";
    if (!*alias) {
        reference_copy(ref, out);
        return 0;
    }
    autoreference full = {0};
    if (reference_parse(alias, false, &full, err) || full.transport != REFERENCE_REGISTRY ||
        full.bare)
        return error_set(err, ERROR_INPUT, "registries.conf: the alias %s = “%s” is no full name",
                         name, alias);
    free(full.tag);
    full.tag = mem_strdup_null(ref->tag);
    full.digest = ref->digest;
    *out = full;
    full = (struct reference){0};
    return 0;
}

int registries_places(const struct registries *r, const struct reference *ref,
                      struct registry_place **out, size_t *count, struct error *err)
{
    autoreference full = {0};
    if (resolve_alias(r, ref, &full, err))
        return -1;
    autofree char *text = reference_text(&full);
    size_t covered, n = 0, i;
    const json_t *rule = find(r, text, &covered), *mirror;
    if (refuse_blocked(rule, text, err))
        return -1;
    const json_t *mirrors = json_object_get(rule, "mirror");
    struct registry_place *places = mem_zalloc(json_array_size(mirrors) + 1, sizeof *places);
    int failed = 0;
    json_array_foreach (mirrors, i, mirror) {
        if (failed || !mirror_serves(rule, mirror, &full))
            continue;
        places[n] = (struct registry_place){.insecure = flag(mirror, "insecure"), .mirror = true};
        failed = rewrite(&full, member(mirror, "location"), covered, &places[n].ref, err);
        n += !failed;
    }
    places[n].insecure = flag(rule, "insecure");
    failed = failed || rewrite(&full, member(rule, "location"), covered, &places[n].ref, err);
    n += !failed;
    if (failed) {
        registry_places_free(places, n);
        return -1;
    }
    *out = places;
    *count = n;
    return 0;
}

void registry_places_free(struct registry_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reference_release(&places[i].ref);
    free(places);
}

int registries_check_push(const struct registries *r, const struct reference *ref, bool *insecure,
                          struct error *err)
{
    size_t covered;
    autofree char *text = reference_text(ref);
    const json_t *rule = find(r, text, &covered);
    *insecure = flag(rule, "insecure");
    return refuse_blocked(rule, text, err);
}
