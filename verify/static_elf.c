/* Static checks of programs and libraries: their machine, the libraries that they need, and the
 * versions of symbols that they need of these (ld.so(8) says where they are looked for). */
#include "static_private.h"

#include <base/mem.h>
#include <base/path.h>

#include <elf.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONF_DEPTH_MAX = 8 };

/* What finding libraries needs to know of the image. */
struct linker {
    const struct static_image *image;
    uint16_t machine;
    struct strv folders;              /* of ld.so.conf, then the usual ones */
    struct strv environment;          /* of LD_LIBRARY_PATH */
    const struct tree_node **by_name; /* libraries sorted by their name */
    size_t count;
};

static const struct elf_facts *elf_of(const struct tree_node *node)
{
    return node && node->entry && node->entry->facts ? node->entry->facts->elf : NULL;
}

/* What is there for other machines on purpose, and what is no program of the image. */
static bool is_foreign_by_nature(const char *path)
{
    static const char *const globs[] = {
        "/usr/lib/debug/*",
        "/lib/firmware/*",
        "/usr/lib/firmware/*",
        "/usr/share/*",
        "/usr/*-linux-gnu*/*",
        "/usr/lib/*-linux-gnu*/*bpf*/*",
        "*/site-packages/*test*",
        "*/dist-packages/*test*",
        "/usr/lib/go*/src/*",
        "/usr/local/go/src/*",
        "/boot/*",
        "/lib/modules/*",
    };
    for (size_t i = 0; i < COUNT_OF(globs); i++)
        if (!fnmatch(globs[i], path, 0))
            return true;
    return false;
}

/* A 32-bit program may be among 64-bit ones. */
static bool runs_beside(uint16_t machine, uint16_t image)
{
    return machine == image || (image == EM_X86_64 && machine == EM_386) ||
           (image == EM_AARCH64 && machine == EM_ARM);
}

void static_machine(struct static_run *run)
{
    uint16_t wanted = elf_machine_of(run->image->platform->arch);
    if (wanted == EM_NONE) {
        run->out->verdict = VERDICT_SKIPPED;
        str_addf(&run->out->detail, "the machine of %s is not known here",
                 run->image->platform->arch);
        return;
    }
    for (size_t i = 0; i + 1 < run->image->tree->node_count; i++) {
        const struct tree_node *node = run->image->nodes[i];
        const struct elf_facts *elf = elf_of(node);
        if (!elf || (!elf->dynamic && !elf->program && !tree_executable(node, 0, 0)))
            continue;
        run->looked++;
        char theirs[24], ours[24];
        if (!runs_beside(elf->machine, wanted) && !is_foreign_by_nature(node->path))
            static_problem(run, node, "is for %s, and the image for %s",
                           elf_machine_name(elf->machine, theirs), elf_machine_name(wanted, ours));
    }
}

/* ---- where libraries are looked for ---- */

static void read_conf(struct linker *l, const char *path, size_t depth);

/* "include GLOB", relative to /etc. */
static void include_conf(struct linker *l, const char *glob, size_t depth)
{
    autofree char *absolute = mem_printf("%s%s", *glob == '/' ? "" : "/etc/", glob);
    for (size_t i = 0; depth < CONF_DEPTH_MAX && i + 1 < l->image->tree->node_count; i++)
        if (!fnmatch(absolute, l->image->nodes[i]->path, FNM_PATHNAME))
            read_conf(l, l->image->nodes[i]->path, depth + 1);
}

static void read_conf(struct linker *l, const char *path, size_t depth)
{
    const char *text = tree_text(image_tree_find(l->image->tree, path, true));
    autostrv lines = STRV_INIT;
    strv_split(&lines, text ? text : "", '\n');
    for (size_t i = 0; i < lines.count; i++) {
        lines.items[i][strcspn(lines.items[i], "#")] = '\0';
        char *line = str_trim(lines.items[i]);
        if (str_starts(line, "include "))
            include_conf(l, str_trim(line + strlen("include ")), depth);
        else if (*line == '/')
            strv_add(&l->folders, line);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct tree_node *const *x = a, *const *y = b;
    return strcmp(path_base((*x)->path), path_base((*y)->path));
}

static void linker_init(struct linker *l, const struct static_image *image)
{
    static const char *const triplets[] = {
        "x86_64-linux-gnu",      "aarch64-linux-gnu", "arm-linux-gnueabihf", "i386-linux-gnu",
        "powerpc64le-linux-gnu", "s390x-linux-gnu",   "riscv64-linux-gnu",
    };
    static const char *const usual[] = {"/lib", "/usr/lib", "/lib64", "/usr/lib64",
                                        "/usr/local/lib"};
    *l = (struct linker){.image = image, .machine = elf_machine_of(image->platform->arch)};
    read_conf(l, "/etc/ld.so.conf", 0);
    for (size_t i = 0; i < COUNT_OF(triplets); i++) {
        strv_addf(&l->folders, "/lib/%s", triplets[i]);
        strv_addf(&l->folders, "/usr/lib/%s", triplets[i]);
    }
    for (size_t i = 0; i < COUNT_OF(usual); i++)
        strv_add(&l->folders, usual[i]);
    const char *environment = static_env(image, "LD_LIBRARY_PATH");
    if (environment && *environment)
        strv_split(&l->environment, environment, ':');
    size_t n = image->tree->node_count;
    l->by_name = mem_zalloc(n, sizeof *l->by_name);
    for (size_t i = 0; i + 1 < n; i++)
        if (strstr(path_base(image->nodes[i]->path), ".so"))
            l->by_name[l->count++] = image->nodes[i];
    qsort(l->by_name, l->count, sizeof *l->by_name, by_name);
}

static void linker_release(struct linker *l)
{
    strv_release(&l->folders);
    strv_release(&l->environment);
    free(l->by_name);
}

/* ---- finding one ---- */

/* The library at a path, where it is one that this file can be linked with. */
static const struct tree_node *usable(const struct linker *l, const struct elf_facts *elf,
                                      const char *path)
{
    const struct tree_node *node = image_tree_find(l->image->tree, path, true);
    const struct elf_facts *found = elf_of(node);
    return found && found->machine == elf->machine && found->wide == elf->wide ? node : NULL;
}

/* $ORIGIN, ${ORIGIN}, $LIB and $PLATFORM in a path of RPATH or RUNPATH. */
static char *expand(const char *path, const char *file, bool wide)
{
    autofree char *origin = path_dir(file);
    const struct {
        const char *token, *value;
    } tokens[] = {{"$ORIGIN", origin},
                  {"${ORIGIN}", origin},
                  {"$LIB", wide ? "lib64" : "lib"},
                  {"${LIB}", wide ? "lib64" : "lib"}};
    autostr out = STR_INIT;
    while (*path) {
        size_t i = 0;
        while (i < COUNT_OF(tokens) && !str_starts(path, tokens[i].token))
            i++;
        if (i == COUNT_OF(tokens)) {
            str_add_char(&out, *path++);
            continue;
        }
        str_add(&out, tokens[i].value);
        path += strlen(tokens[i].token);
    }
    return str_take(&out);
}

static const struct tree_node *find_in_rpath(const struct linker *l, const struct tree_node *file,
                                             const char *list, const char *name)
{
    autostrv folders = STRV_INIT;
    strv_split(&folders, list ? list : "", ':');
    for (size_t i = 0; i < folders.count; i++) {
        autofree char *folder = expand(folders.items[i], file->path, elf_of(file)->wide);
        autofree char *path = mem_printf("%s/%s", folder, name);
        const struct tree_node *found = *folder ? usable(l, elf_of(file), path) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static const struct tree_node *find_in(const struct linker *l, const struct elf_facts *elf,
                                       const struct strv *folders, const char *name)
{
    for (size_t i = 0; i < folders->count; i++) {
        autofree char *path = mem_printf("%s/%s", folders->items[i], name);
        const struct tree_node *found = usable(l, elf, path);
        if (found)
            return found;
    }
    return NULL;
}

/* A library of that name anywhere: what loads a plugin may have loaded what it needs before. */
static const struct tree_node *find_anywhere(const struct linker *l, const struct elf_facts *elf,
                                             const char *name)
{
    struct tree_node key = {.path = name};
    const struct tree_node *wanted = &key;
    const struct tree_node **found =
        bsearch(&wanted, l->by_name, l->count, sizeof *l->by_name, by_name);
    while (found && found > l->by_name && !by_name(found - 1, &wanted))
        found--;
    for (; found && found < l->by_name + l->count && !by_name(found, &wanted); found++) {
        const struct tree_node *node = usable(l, elf, (*found)->path);
        if (node)
            return node;
    }
    return NULL;
}

static const struct tree_node *find_library(const struct linker *l, const struct tree_node *file,
                                            const char *name)
{
    const struct elf_facts *elf = elf_of(file);
    if (strchr(name, '/'))
        return usable(l, elf, name);
    const struct tree_node *found = NULL;
    if (!elf->runpath)
        found = find_in_rpath(l, file, elf->rpath, name);
    if (!found)
        found = find_in(l, elf, &l->environment, name);
    if (!found)
        found = find_in_rpath(l, file, elf->runpath, name);
    if (!found)
        found = find_in(l, elf, &l->folders, name);
    if (!found && !elf->program)
        found = find_anywhere(l, elf, name);
    return found;
}

/* Libraries that come with the host's driver. */
static bool is_of_driver(const char *name)
{
    static const char *const globs[] = {
        "libcuda.so*",         "libnvidia-*.so*",      "libnvcuvid.so*",
        "libcudadebugger.so*", "libnvoptix.so*",       "libGLX_nvidia.so*",
        "libEGL_nvidia.so*",   "libGLESv*_nvidia.so*", "libvdpau_nvidia.so*",
    };
    for (size_t i = 0; i < COUNT_OF(globs); i++)
        if (!fnmatch(globs[i], name, 0))
            return true;
    return false;
}

/* ---- the checks ---- */

/* visit for each program and library of the image's own machine that is linked dynamically. */
static void each_dynamic(struct static_run *run,
                         void (*visit)(struct static_run *, const struct linker *,
                                       const struct tree_node *))
{
    struct linker l;
    linker_init(&l, run->image);
    for (size_t i = 0; i + 1 < run->image->tree->node_count; i++) {
        const struct tree_node *node = run->image->nodes[i];
        const struct elf_facts *elf = elf_of(node);
        if (!elf || !elf->dynamic || !runs_beside(elf->machine, l.machine) ||
            is_foreign_by_nature(node->path))
            continue;
        run->looked++;
        visit(run, &l, node);
    }
    linker_release(&l);
}

static void visit_libraries(struct static_run *run, const struct linker *l,
                            const struct tree_node *node)
{
    const struct elf_facts *elf = elf_of(node);
    if (elf->interpreter && !image_tree_find(run->image->tree, elf->interpreter, true))
        static_problem(run, node, "needs the loader %s, which is not there", elf->interpreter);
    for (size_t i = 0; i < elf->needed.count; i++) {
        const char *name = elf->needed.items[i];
        if (is_of_driver(name) || static_rule_allows(run->rule, name) ||
            find_library(l, node, name))
            continue;
        static_problem(run, node, "needs %s, which is not there", name);
    }
}

void static_libraries(struct static_run *run)
{
    each_dynamic(run, visit_libraries);
}

/* The highest version that a library defines of a family, as "GLIBC_2.36" is of "GLIBC_2.38". */
static const char *last_of_family(const struct elf_facts *library, const char *version)
{
    const char *dash = strrchr(version, '_'), *found = NULL;
    size_t n = dash ? (size_t)(dash - version) + 1 : 0;
    for (size_t i = 0; n && i < library->defines.count; i++) {
        const char *defined = library->defines.items[i];
        if (!strncmp(defined, version, n) && (!found || strverscmp(defined, found) > 0))
            found = defined;
    }
    return found;
}

static void visit_versions(struct static_run *run, const struct linker *l,
                           const struct tree_node *node)
{
    const struct elf_facts *elf = elf_of(node);
    for (size_t i = 0; elf && i < elf->need_count; i++) {
        const struct elf_need *need = &elf->needs[i];
        const struct tree_node *library =
            is_of_driver(need->library) ? NULL : find_library(l, node, need->library);
        const struct elf_facts *found = elf_of(library);
        if (!found || !found->defines.count || strv_contains(&found->defines, need->version) ||
            static_rule_allows(run->rule, need->version))
            continue;
        const char *last = last_of_family(found, need->version);
        static_problem(run, node, "needs %s of %s, which %s%s", need->version, need->library,
                       last ? "has up to " : "has none of it", last ? last : "");
    }
}

void static_versions(struct static_run *run)
{
    each_dynamic(run, visit_versions);
}
