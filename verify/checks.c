#include "checks.h"

#include "checks_parse.h"
#include "checks_value.h"
#include "cst.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int checks_parse_name(struct checks_parser *p, const struct yaml_node *place, const char *name,
                      enum check_kind kind, struct check **out, struct error *err)
{
    const struct check *before = checks_find(p->out, name);
    if (before && !strcmp(before->file, p->file->name))
        return yaml_error(p->file, place, err, "a check is already called “%s”, in line %u", name,
                          before->line);
    if (p->out->count >= CHECKS_MAX)
        return yaml_error(p->file, place, err, "there are more than %d checks", CHECKS_MAX);
    *out = checks_add(p->out, kind, name, p->file->name, place->line);
    return 0;
}

static int parse_defaults(struct checks_parser *p, const struct yaml_node *map, struct error *err)
{
    static const char *const keys[] = {"user",    "workdir", "venv",   "env",
                                       "network", "timeout", "memory", "pids"};
    struct checks_defaults *d = &p->defaults;
    if (!map)
        return 0;
    if (yaml_allow_keys(p->file, map, keys, COUNT_OF(keys), err) ||
        value_text(p->file, map, "user", &d->user, err) ||
        value_path(p->file, map, "workdir", false, &d->workdir, err) ||
        value_path(p->file, map, "venv", false, &d->venv, err) ||
        value_environment(p->file, map, "env", &d->env, err) ||
        value_network(p->file, map, "network", &d->network, err))
        return -1;
    return value_seconds(p->file, map, "timeout", &d->timeout_ms, err) ||
                   value_limits(p->file, map, &d->limits, err)
               ? -1
               : 0;
}

/* The `python`, `static` and `checks` of the file's top, or of a variant. */
static int parse_section(struct checks_parser *p, const struct yaml_node *section,
                         const struct yaml_node *base_python, struct error *err)
{
    const struct yaml_node *python = yaml_get(section, "python");
    if (python && checks_parse_python(p, python, base_python, err))
        return -1;
    if (checks_parse_static(p, section, err))
        return -1;
    const struct yaml_node *checks = yaml_get(section, "checks");
    if (!checks)
        return 0;
    if (checks->kind != YAML_SEQUENCE)
        return yaml_error(p->file, checks, err, "“checks” must be a list");
    for (size_t i = 0; i < checks->count; i++)
        if (checks_parse_entry(p, checks->items[i], err))
            return -1;
    return 0;
}

/* Both variants are parsed, so that a mistake in one shows in every run; the other's is dropped. */
static int parse_variants(struct checks_parser *p, const struct yaml_node *root, bool dev,
                          struct error *err)
{
    static const char *const names[] = {"prod", "dev"};
    static const char *const keys[] = {"python", "static", "checks"};
    const struct yaml_node *python = yaml_get(root, "python");
    size_t common = p->out->count;
    for (size_t pass = 0; pass < 2; pass++) {
        bool wanted = pass == 1; /* the wanted one last, so that it stays */
        const struct yaml_node *section = yaml_get(root, names[wanted ? dev : !dev]);
        if (section && (yaml_allow_keys(p->file, section, keys, COUNT_OF(keys), err) ||
                        parse_section(p, section, python, err)))
            return -1;
        while (!wanted && p->out->count > common)
            check_release(&p->out->items[--p->out->count]);
    }
    return 0;
}

static int parse_root(struct checks_parser *p, bool dev, struct error *err)
{
    static const char *const keys[] = {"defaults", "python", "static", "checks", "prod", "dev"};
    const struct yaml_node *root = p->file->root;
    size_t before = p->out->count;
    if (cst_is(p->file)) {
        if (cst_parse(p, err))
            return -1;
    } else if (root && (yaml_allow_keys(p->file, root, keys, COUNT_OF(keys), err) ||
                        parse_defaults(p, yaml_get(root, "defaults"), err) ||
                        parse_section(p, root, NULL, err) || parse_variants(p, root, dev, err))) {
        return -1;
    }
    if (p->out->count > before)
        return 0;
    error_set(err, ERROR_INPUT, "%s holds no check for the variant %s", p->file->name,
              dev ? "dev" : "prod");
    return error_hint(err, "a file without checks would verify nothing: see docs/checks.md");
}

int checks_parse(const void *bytes, size_t n, const char *name, const char *directory, bool dev,
                 struct checks *out, struct error *err)
{
    autoyaml *file = NULL;
    if (yaml_parse(bytes, n, name, &file, err))
        return -1;
    autochecks parsed = {0};
    struct checks_parser p = {.file = file, .directory = directory, .out = &parsed};
    int failed = parse_root(&p, dev, err);
    free(p.defaults.user);
    free(p.defaults.workdir);
    free(p.defaults.venv);
    strv_release(&p.defaults.env);
    for (size_t i = 0; !failed && i < parsed.count; i++)
        MEM_PUSH(out->items, out->count, out->cap) = parsed.items[i];
    if (!failed)
        parsed.count = 0; /* they are out's now */
    return failed;
}

int checks_read(const char *path, bool dev, struct checks *out, struct error *err)
{
    autostr text = STR_INIT;
    if (io_read_file(AT_FDCWD, path, CHECKS_CAP, &text, err))
        return -1;
    autofree char *directory = path_dir(path);
    return checks_parse(str_text(&text), text.len, path, directory, dev, out, err);
}
