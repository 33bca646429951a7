#include "definition.h"

#include "tags.h"

#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/yaml.h>
#include <registry/platform.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char file_name[] = "image.yaml";

/* ---- reading ---- */

/* A template that every variable can fill: anything else is an error where it stands. */
static int check_template(const struct yaml_file *file, const struct yaml_node *node,
                          struct error *err)
{
    static const struct template_values any = {"o", "1", "s", "", "p", "n"};
    autofree char *text = NULL;
    autoerror inner = ERROR_INIT;
    if (template_expand(node->text, &any, &text, NULL, &inner) == 0)
        return 0;
    yaml_error(file, node, err, "%s", inner.message);
    return inner.hint ? error_hint(err, "%s", inner.hint) : -1;
}

/* A path below a tree that must not lead out of it. */
static int get_path(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                    char **out, struct error *err)
{
    const char *text = NULL;
    if (yaml_get_string(file, mapping, key, NULL, &text, err) < 0)
        return -1;
    if (!text)
        return 0;
    autofree char *clean = path_clean(text);
    if (!*text || clean[0] == '/' || str_eq(clean, "..") || str_starts(clean, "../"))
        return yaml_error(file, yaml_get(mapping, key), err,
                          "%s: \"%s\" must be a relative path that stays below its folder", key,
                          text);
    *out = take(&clean);
    return 0;
}

static bool argument_name_valid(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

static int read_args(const struct yaml_file *file, const struct yaml_node *args, struct strv *out,
                     struct error *err)
{
    if (args->kind != YAML_MAPPING)
        return yaml_error(file, args, err, "args must be a mapping of names to values");
    for (size_t i = 0; i < args->count; i++) {
        const struct yaml_node *key = args->keys[i], *value = args->items[i];
        if (!argument_name_valid(key->text))
            return yaml_error(file, key, err, "\"%s\" can't be a build argument's name", key->text);
        if (value->kind != YAML_SCALAR)
            return yaml_error(file, value, err, "%s: a build argument's value must be a string",
                              key->text);
        if (check_template(file, value, err) < 0)
            return -1;
        strv_addf(out, "%s=%s", key->text, value->text);
    }
    return 0;
}

static int read_variant(const struct yaml_file *file, const struct yaml_node *variants,
                        const char *name, const char *suffix, struct definition_variant *out,
                        struct error *err)
{
    static const char *const keys[] = {"dockerfile", "target", "suffix", "args"};
    const struct yaml_node *node = yaml_get(variants, name);
    const char *target = NULL;
    if (!node)
        return 0;
    if (node->kind != YAML_MAPPING)
        return yaml_error(file, node, err, "variants.%s must be a mapping", name);
    if (yaml_allow_keys(file, node, keys, COUNT_OF(keys), err) < 0 ||
        get_path(file, node, "dockerfile", &out->dockerfile, err) < 0 ||
        yaml_get_string(file, node, "target", NULL, &target, err) < 0 ||
        yaml_get_string(file, node, "suffix", suffix, &suffix, err) < 0)
        return -1;
    if (!out->dockerfile)
        return yaml_error(file, node, err, "variants.%s has no dockerfile", name);
    const struct yaml_node *args = yaml_get(node, "args");
    if (args && read_args(file, args, &out->args, err) < 0)
        return -1;
    out->target = mem_strdup_null(target);
    out->suffix = mem_strdup(suffix);
    out->present = true;
    return 0;
}

static int read_variants(const struct yaml_file *file, struct definition *d, struct error *err)
{
    static const char *const names[] = {"prod", "dev"};
    const struct yaml_node *variants = yaml_get(file->root, "variants");
    if (!variants || variants->kind != YAML_MAPPING || variants->count == 0)
        return yaml_error(file, variants ? variants : file->root, err,
                          "variants must hold prod, dev or both");
    if (yaml_allow_keys(file, variants, names, COUNT_OF(names), err) < 0 ||
        read_variant(file, variants, "prod", "", &d->prod, err) < 0 ||
        read_variant(file, variants, "dev", "-test", &d->dev, err) < 0)
        return -1;
    if (d->prod.present && d->dev.present && str_eq(d->prod.suffix, d->dev.suffix))
        return yaml_error(file, variants, err,
                          "prod and dev have the same suffix \"%s\", so their tags would be the "
                          "same",
                          d->prod.suffix);
    return 0;
}

static int read_platforms(const struct yaml_file *file, struct definition *d, struct error *err)
{
    const struct yaml_node *node = yaml_get(file->root, "platforms");
    if (yaml_get_strings(file, file->root, "platforms", &d->platforms, err) < 0)
        return -1;
    for (size_t i = 0; i < d->platforms.count; i++) {
        struct platform platform;
        autoerror inner = ERROR_INIT;
        if (platform_parse(d->platforms.items[i], &platform, &inner) < 0)
            return yaml_error(file, node->items[i], err, "%s", inner.message);
    }
    if (node && d->platforms.count == 0)
        return yaml_error(file, node, err, "platforms is empty");
    if (d->platforms.count == 0)
        strv_add(&d->platforms, "linux/amd64");
    return 0;
}

static int read_tags(const struct yaml_file *file, struct definition *d, struct error *err)
{
    const struct yaml_node *node = yaml_get(file->root, "tags");
    if (yaml_get_strings(file, file->root, "tags", &d->tags, err) < 0)
        return -1;
    for (size_t i = 0; node && i < node->count; i++)
        if (check_template(file, node->items[i], err) < 0)
            return -1;
    return 0;
}

static int read_repository(const struct yaml_file *file, struct definition *d, struct error *err)
{
    const char *repository = NULL, *package = NULL;
    if (yaml_get_string(file, file->root, "repository", NULL, &repository, err) < 0 ||
        yaml_get_string(file, file->root, "package", NULL, &package, err) < 0)
        return -1;
    if (!repository || !*repository)
        return yaml_error(file, file->root, err, "there is no repository");
    const struct yaml_node *node = yaml_get(file->root, "repository");
    if (check_template(file, node, err) < 0)
        return -1;
    const char *slash = strrchr(repository, '/');
    if (!slash || !slash[1] || strchr(slash, '$'))
        return yaml_error(file, node, err,
                          "repository \"%s\" must be HOST/…/NAME, with no variable in NAME",
                          repository);
    d->repository = mem_strdup(repository);
    d->package = package && *package ? mem_strdup(package) : NULL;
    return 0;
}

static int read_definition(const struct yaml_file *file, struct definition *d, struct error *err)
{
    static const char *const keys[] = {"repository", "package", "context", "platforms",
                                       "variants",   "tags",    "checks"};
    if (!file->root || file->root->kind != YAML_MAPPING) {
        error_set(err, ERROR_INPUT, "an image definition must be a mapping");
        return error_at(err, file->name, 1, 1, NULL);
    }
    if (yaml_allow_keys(file, file->root, keys, COUNT_OF(keys), err) < 0 ||
        read_repository(file, d, err) < 0 ||
        get_path(file, file->root, "context", &d->context, err) < 0 ||
        read_platforms(file, d, err) < 0 || read_variants(file, d, err) < 0 ||
        read_tags(file, d, err) < 0 || get_path(file, file->root, "checks", &d->checks, err) < 0)
        return -1;
    if (!d->context)
        d->context = mem_strdup(".");
    return 0;
}

/* Names and reads an open file; on success it is moved to *out. */
static int finish(const struct yaml_file *file, const char *name, const char *directory,
                  struct definition *out, struct error *err)
{
    autodefinition d = {0};
    d.name = mem_strdup(name);
    d.directory = mem_strdup(directory);
    d.file = path_join(directory, file_name);
    if (read_definition(file, &d, err) < 0)
        return -1;
    *out = d;
    d = (struct definition){0};
    return 0;
}

int definition_parse(const void *bytes, size_t n, const char *name, const char *directory,
                     struct definition *out, struct error *err)
{
    autofree char *path = path_join(directory, file_name);
    autoyaml *file = NULL;
    if (yaml_parse(bytes, n, path, &file, err) < 0)
        return -1;
    return finish(file, name, directory, out, err);
}

/* ---- finding ---- */

void definition_folders(const char *images_variable, struct strv *out)
{
    strv_add(out, "images");
    if (images_variable && *images_variable) {
        autostrv further = STRV_INIT;
        strv_split(&further, images_variable, ':');
        for (size_t i = 0; i < further.count; i++)
            if (*further.items[i])
                strv_add(out, further.items[i]);
    }
    strv_add(out, IMGBUILD_IMAGES_DIR);
}

/* The folder NAME of the first place that has a definition of that name; NULL: none. */
static char *find_directory(const struct strv *folders, const char *name)
{
    for (size_t i = 0; i < folders->count; i++) {
        autofree char *directory = path_join(folders->items[i], name);
        autofree char *file = path_join(directory, file_name);
        if (access(file, F_OK) == 0)
            return take(&directory);
    }
    return NULL;
}

static bool name_valid(const char *name)
{
    return *name && *name != '.' && *name != '-' && !strchr(name, '/');
}

static int missing(const struct strv *folders, const char *name, struct error *err)
{
    autostrv names = STRV_INIT;
    autofree char *places = strv_join(folders, ", ");
    error_set(err, ERROR_MISSING, "no image definition \"%s\" in %s", name, places);
    if (definition_list(folders, &names, NULL) < 0 || names.count == 0)
        return error_hint(err, "put one at images/%s/%s, or name a Dockerfile with -f", name,
                          file_name);
    autofree char *list = strv_join(&names, ", ");
    return error_hint(err, "there are: %s", list);
}

int definition_load(const struct strv *folders, const char *name, struct definition *out,
                    struct error *err)
{
    if (!name_valid(name)) {
        error_set(err, ERROR_USAGE, "\"%s\" is no image definition's name", name);
        return error_hint(err, "a name is that of a folder in images/; to build a folder that has "
                               "a Dockerfile, say -f Dockerfile -t REF FOLDER");
    }
    autofree char *directory = find_directory(folders, name);
    if (!directory)
        return missing(folders, name, err);

    autofree char *path = path_join(directory, file_name);
    autoyaml *file = NULL;
    if (yaml_read_file(AT_FDCWD, path, DEFINITION_CAP, &file, err) < 0)
        return -1;
    return finish(file, name, directory, out, err);
}

int definition_list(const struct strv *folders, struct strv *names, struct error *err)
{
    for (size_t i = 0; i < folders->count; i++) {
        autoclosedir DIR *dir = opendir(folders->items[i]);
        if (!dir && (errno == ENOENT || errno == ENOTDIR))
            continue;
        if (!dir)
            return error_errno(err, ERROR_INPUT, "%s", folders->items[i]);
        for (const struct dirent *entry; (entry = readdir(dir));) {
            if (!name_valid(entry->d_name) || strv_contains(names, entry->d_name))
                continue;
            autofree char *file = mem_printf("%s/%s", entry->d_name, file_name);
            if (faccessat(dirfd(dir), file, F_OK, 0) == 0)
                strv_add(names, entry->d_name);
        }
    }
    strv_sort(names);
    return 0;
}

bool definition_matches(const struct definition *d, const char *repository)
{
    return str_eq(path_base(d->repository), path_base(repository));
}

bool definition_find(const struct strv *folders, const char *repository, struct definition *out)
{
    autostrv names = STRV_INIT;
    autoerror err = ERROR_INIT;
    if (definition_list(folders, &names, &err) < 0)
        error_ignore(&err, "a folder that can't be read holds no definition");
    for (size_t i = 0; i < names.count; i++) {
        autodefinition d = {0};
        if (definition_load(folders, names.items[i], &d, &err) < 0) {
            log_warning("image definition %s is skipped: %s", names.items[i], err.message);
            error_ignore(&err, "reported as a warning");
            continue;
        }
        if (definition_matches(&d, repository)) {
            *out = d;
            d = (struct definition){0};
            return true;
        }
    }
    return false;
}

static void variant_release(struct definition_variant *v)
{
    free(v->dockerfile);
    free(v->target);
    free(v->suffix);
    strv_release(&v->args);
}

void definition_release(struct definition *d)
{
    free(d->name);
    free(d->directory);
    free(d->file);
    free(d->repository);
    free(d->package);
    free(d->context);
    strv_release(&d->platforms);
    variant_release(&d->prod);
    variant_release(&d->dev);
    strv_release(&d->tags);
    free(d->checks);
    *d = (struct definition){0};
}
