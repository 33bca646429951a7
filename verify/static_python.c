/* Static checks of a virtual environment: its Python, its scripts, and where their targets are. */
#include "static_private.h"
#include "wheel.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The rule's environment; false, with the problem told, where it is none. */
static bool read_environment(struct static_run *run, struct wheels *out)
{
    wheels_read(run->image->tree, run->image->nodes, run->rule->venv, out);
    if (out->site)
        return true;
    static_problem(run, NULL, "%s is no virtual environment: it has no site-packages",
                   run->rule->venv);
    return false;
}

/* ---- the interpreter ---- */

static void check_python(struct static_run *run, const struct wheels *wheels)
{
    uint32_t uid, gid;
    autofree char *path = mem_printf("%s/bin/python", wheels->prefix);
    const struct tree_node *link = image_tree_find(run->image->tree, path, false);
    const struct tree_node *python = image_tree_find(run->image->tree, path, true);
    static_user(run->image, &uid, &gid);
    if (!link) {
        static_problem(run, NULL, "%s is not there", path);
        return;
    }
    if (!python) {
        static_problem(run, link, "leads to %s, which is not there",
                       link->entry && link->entry->link ? link->entry->link : "nothing");
        return;
    }
    if (!tree_executable(python, uid, gid))
        static_problem(run, python, "can't be executed by the image's user");
    const char *name = path_base(python->path);
    bool other = str_starts(name, "python3.") && strcmp(name + strlen("python"), wheels->version);
    if (*wheels->version && other)
        static_problem(run, python, "is run by %s, whose packages are for Python %s",
                       wheels->prefix, wheels->version);
}

void static_venv(struct static_run *run)
{
    autowheels wheels = {0};
    if (!read_environment(run, &wheels))
        return;
    const struct tree_node *config = image_tree_below(run->image->tree, wheels.root, "pyvenv.cfg");
    const char *text = tree_text(config);
    if (!text) {
        static_problem(run, NULL, "%s/pyvenv.cfg is not there", wheels.prefix);
        return;
    }
    autofree char *home = wheel_venv_value(text, "home");
    const struct tree_node *folder = home ? image_tree_find(run->image->tree, home, true) : NULL;
    if (!home)
        static_problem(run, config, "has no “home”");
    else if (!folder || !S_ISDIR(tree_mode(folder)))
        static_problem(run, config, "has the home %s, which is not there", home);
    check_python(run, &wheels);
    if (!run->problems)
        str_addf(&run->out->detail, "Python %s, %zu packages", wheels.full_version, wheels.count);
}

/* ---- console scripts ---- */

static bool is_script(const struct wheel_entry *entry)
{
    return !strcmp(entry->group, "console_scripts") || !strcmp(entry->group, "gui_scripts");
}

/* The interpreter of a script of this environment must be its own, not another's that is there too.
 */
static void check_own_interpreter(struct static_run *run, const struct wheels *wheels,
                                  const struct tree_node *script)
{
    const char *text = script->entry->facts ? script->entry->facts->script : NULL;
    const struct tree_node *bin = image_tree_below(run->image->tree, wheels->root, "bin");
    if (!text || text[2] != '/')
        return;
    autofree char *line = mem_strndup(text + 2, strcspn(text + 2, " \r\n"));
    autofree char *folder = path_dir(line);
    bool python = str_starts(path_base(line), "python");
    if (python && bin && image_tree_find(run->image->tree, folder, true) != bin)
        static_problem(run, script, "is run by %s, which is not this environment's", line);
}

/* Its "#!" line names bin/python of this environment, whatever that leads to. */
static bool has_own_interpreter(const struct static_run *run, const struct wheels *wheels,
                                const struct tree_node *script)
{
    const char *text = script->entry->facts ? script->entry->facts->script : NULL;
    const struct tree_node *bin = image_tree_below(run->image->tree, wheels->root, "bin");
    autofree char *line = text ? mem_strndup(text + 2, strcspn(text + 2, " \r\n")) : mem_strdup("");
    autofree char *folder = path_dir(line);
    return bin && !strcmp(path_base(line), "python") &&
           image_tree_find(run->image->tree, folder, true) == bin;
}

static void check_script(struct static_run *run, const struct wheels *wheels,
                         const struct wheel *wheel, const char *name)
{
    uint32_t uid, gid;
    autofree char *path = mem_printf("%s/bin/%s", wheels->prefix, name);
    const struct tree_node *script = image_tree_find(run->image->tree, path, true);
    static_user(run->image, &uid, &gid);
    run->looked++;
    if (!script || !script->entry) {
        static_problem(run, wheel->info, "declares the script %s, and %s is not there", name, path);
        return;
    }
    if (!tree_executable(script, uid, gid))
        static_problem(run, script, "can't be executed by the image's user");
    if (has_own_interpreter(run, wheels, script))
        return; /* whether that runs is for the check of the environment's Python */
    autofree char *problem = static_interpreter_problem(run->image, script);
    if (problem)
        static_problem(run, script, "can't run: %s", problem);
    else
        check_own_interpreter(run, wheels, script);
}

void static_scripts(struct static_run *run)
{
    autowheels wheels = {0};
    if (!read_environment(run, &wheels))
        return;
    for (size_t i = 0; i < wheels.count; i++)
        for (size_t k = 0; k < wheels.items[i].entry_count; k++)
            if (is_script(&wheels.items[i].entries[k]))
                check_script(run, &wheels, &wheels.items[i], wheels.items[i].entries[k].name);
}

/* ---- modules ---- */

/* Is there a module of this name (as a path, "a/b/c") below a folder: a file, a package, or an
 * extension of any tag? */
static bool has_module(const struct image_tree *tree, const char *folder, const char *name)
{
    static const char *const ends[] = {".py", "/__init__.py", ".pyc"};
    const struct tree_node *root = image_tree_find(tree, folder, true);
    if (!root)
        return false;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        autofree char *path = mem_printf("%s%s", name, ends[i]);
        if (image_tree_below(tree, root, path))
            return true;
    }
    autofree char *within = path_dir(name);
    const struct tree_node *package =
        strcmp(within, ".") != 0 ? image_tree_below(tree, root, within) : root;
    size_t n = strlen(path_base(name));
    for (const struct tree_node *c = package ? package->child : NULL; c; c = c->next) {
        const char *base = path_base(c->path);
        if (!strncmp(base, path_base(name), n) && base[n] == '.' && str_ends(base, ".so"))
            return true;
    }
    return false;
}

/* Where modules may be: site-packages, what .pth files add, and sources of editable installs, whose
 * finders are code. */
static void module_folders(const struct wheels *wheels, struct strv *out)
{
    strv_add(out, wheels->site->path);
    strv_add_all(out, &wheels->paths);
    for (size_t i = 0; i < wheels->count; i++) {
        if (!wheels->items[i].source)
            continue;
        strv_add(out, wheels->items[i].source);
        strv_addf(out, "%s/src", wheels->items[i].source);
        strv_addf(out, "%s/lib", wheels->items[i].source);
    }
}

void static_entry_points(struct static_run *run)
{
    autowheels wheels = {0};
    autostrv folders = STRV_INIT;
    if (!read_environment(run, &wheels))
        return;
    module_folders(&wheels, &folders);
    for (size_t i = 0; i < wheels.count; i++) {
        const struct wheel *wheel = &wheels.items[i];
        for (size_t k = 0; k < wheel->entry_count; k++) {
            const struct wheel_entry *entry = &wheel->entries[k];
            autofree char *name = mem_strdup(entry->module);
            for (char *p = name; *p; p++)
                *p = *p == '.' ? '/' : *p;
            bool found = !is_script(entry) || !*name;
            for (size_t f = 0; !found && f < folders.count; f++)
                found = has_module(run->image->tree, folders.items[f], name);
            run->looked += is_script(entry);
            if (!found)
                static_problem(run, wheel->info, "declares %s = %s, a module that is not there",
                               entry->name, entry->module);
        }
    }
}

/* ---- editable installs ---- */

void static_editable(struct static_run *run)
{
    autowheels wheels = {0};
    if (!read_environment(run, &wheels))
        return;
    for (size_t i = 0; i < wheels.count; i++) {
        const struct wheel *wheel = &wheels.items[i];
        if (!wheel->editable)
            continue;
        run->looked++;
        const struct tree_node *source =
            wheel->source ? image_tree_find(run->image->tree, wheel->source, true) : NULL;
        if (!source || !S_ISDIR(tree_mode(source)))
            static_problem(run, wheel->info, "is an editable install of %s, which is not there",
                           wheel->source ? wheel->source : "an unknown folder");
        else if (!run->problems)
            str_addf(&run->out->detail, "%s%s %s from %s", run->looked > 1 ? ", " : "",
                     wheel->shown, wheel->version, wheel->source);
    }
    for (size_t i = 0; i < wheels.paths.count; i++)
        if (!image_tree_find(run->image->tree, wheels.paths.items[i], true))
            static_problem(run, wheels.site, "has a .pth file that names %s, which is not there",
                           wheels.paths.items[i]);
}
