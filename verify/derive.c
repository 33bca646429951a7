#include "derive.h"

#include "check_python.h"
#include "wheel.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

/* An environment being looked at, and where its checks go. */
struct derivation {
    struct checks *out;
    const struct wheels *wheels;
    bool several; /* environments: the names say which */
    bool dev;
};

unsigned derive_wishes(bool automatic, bool statics)
{
    return (automatic || statics ? DERIVE_STATIC : 0u) | (automatic && !statics ? DERIVE_RUN : 0u);
}

static void add_static(struct checks *out, enum static_kind kind, const char *venv)
{
    autofree char *name =
        mem_printf("%s%s%s", static_kind_meaning(kind), venv ? " in " : "", venv ? venv : "");
    if (checks_find(out, name))
        return;
    struct check *check = checks_add(out, CHECK_STATIC, name, DERIVED_FILE, 0);
    check->fixed.kind = kind;
    check->fixed.venv = mem_strdup_null(venv);
}

static void add_statics(const struct strv *venvs, bool any, struct checks *out)
{
    for (size_t k = 0; k < STATIC_KINDS; k++) {
        enum static_kind kind = (enum static_kind)k;
        if (!static_kind_is_python(kind))
            add_static(out, kind, NULL);
        else if (any && venvs->count <= 1)
            add_static(out, kind, venvs->count ? venvs->items[0] : NULL);
        else
            for (size_t i = 0; any && i < venvs->count; i++)
                add_static(out, kind, venvs->items[i]);
    }
}

static void add_python(const struct derivation *d, enum python_check what, const char *subject)
{
    struct checks one = {0};
    if (subject && strlen(subject) > PYTHON_SUBJECT_MAX)
        return;
    struct check *made = python_check_add(&one, what, d->wheels->prefix, subject, DERIVED_FILE, 0);
    if (d->several) {
        char *name = mem_printf("%s in %s", made->name, d->wheels->prefix);
        free(made->name);
        made->name = name;
    }
    if (checks_find(d->out, made->name)) {
        checks_release(&one);
        return;
    }
    MEM_PUSH(d->out->items, d->out->count, d->out->cap) = *made;
    free(one.items);
}

/* The scripts of a package, each with its target. */
static void add_scripts(const struct derivation *d, const struct wheel *wheel)
{
    for (size_t i = 0; i < wheel->entry_count; i++) {
        const struct wheel_entry *entry = &wheel->entries[i];
        autofree char *target =
            mem_printf("%s%s%s", entry->module, *entry->attribute ? ":" : "", entry->attribute);
        if (strcmp(entry->group, "console_scripts") != 0 || !python_import_valid(target))
            continue;
        add_python(d, PYTHON_SCRIPT, entry->name);
        add_python(d, PYTHON_IMPORT, target);
        add_python(d, PYTHON_ENTRY_POINT, entry->name);
    }
}

/* What a package's dev extras name; in a prod image they must not be there, which is static. */
static void add_dev(const struct derivation *d, const struct wheel *wheel)
{
    for (size_t i = 0; d->dev && i < wheel->requirement_count; i++) {
        const struct wheel_requirement *r = &wheel->requirements[i];
        bool wanted = false;
        for (size_t e = 0; e < wheel->extras.count; e++) {
            const char *extra = wheel->extras.items[e];
            autofree char *single = mem_printf("'%s'", extra),
                          *quoted = mem_printf("\"%s\"", extra);
            wanted |= str_starts(extra, "dev") && strstr(r->marker, "extra") &&
                      (strstr(r->marker, single) || strstr(r->marker, quoted));
        }
        const struct wheel *found = wanted ? wheels_find(d->wheels, r->name) : NULL;
        if (wanted && strcmp(r->name, wheel->name) != 0)
            add_python(d, PYTHON_DISTRIBUTION, found ? found->shown : r->name);
    }
}

static void add_environment(const struct derivation *d, const struct image_view *view)
{
    add_python(d, PYTHON_VENV, NULL);
    for (size_t i = 0; i < d->wheels->count; i++) {
        const struct wheel *wheel = &d->wheels->items[i];
        if (!wheels_is_project(d->wheels, wheel))
            continue;
        add_scripts(d, wheel);
        add_dev(d, wheel);
        if (wheel->editable)
            add_python(d, PYTHON_EDITABLE, wheel->shown);
    }
    if (image_tree_below(view->tree, d->wheels->root, "bin/uv") ||
        image_tree_find(view->tree, "/bin/uv", true) ||
        image_tree_find(view->tree, "/usr/local/bin/uv", true))
        add_python(d, PYTHON_UV, NULL);
}

static int add_environments(const struct image_view *view, const struct strv *venvs, bool dev,
                            struct checks *out, struct error *err)
{
    for (size_t i = 0; i < venvs->count; i++) {
        autowheels wheels = {0};
        wheels_read(view->tree, view->nodes, venvs->items[i], &wheels);
        if (!wheels.site)
            return error_set(err, ERROR_INPUT, "%s is no virtual environment of the image",
                             venvs->items[i]);
        const struct derivation d = {out, &wheels, venvs->count > 1, dev};
        add_environment(&d, view);
    }
    return 0;
}

int derive_checks(const struct image_view *view, const struct strv *venvs, bool dev,
                  unsigned wishes, struct checks *out, struct error *err)
{
    autostrv found = STRV_INIT;
    if (!venvs->count)
        wheels_environments(view->tree, view->nodes, &found);
    const struct strv *all = venvs->count ? venvs : &found;
    if ((wishes & DERIVE_RUN) && add_environments(view, all, dev, out, err))
        return -1;
    if (wishes & DERIVE_STATIC)
        add_statics(venvs, all->count > 0, out);
    return 0;
}
