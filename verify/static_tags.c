/* Tag truth: what a tag says of components, against what the image tells of itself. And what an
 * image requires of CUDA. */
#include "dpkg.h"
#include "static_private.h"
#include "wheel.h"

#include <base/mem.h>
#include <base/path.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* "postgres-15", "ubuntu22.04": a name and the version that follows it. */
struct component {
    char *name, *version;
};

struct components {
    struct component *items;
    size_t count, cap;
};

/* What is known of one component: versions, each where it was seen. */
struct evidence {
    struct strv versions, places;
};

static void components_release(struct components *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].version);
    }
    free(list->items);
}

/* A version has a digit first, and is no commit. */
static bool is_version(const char *text)
{
    size_t n = strspn(text, "0123456789.");
    return isdigit((unsigned char)*text) && n <= 16 && (!text[n] || strchr("abcr+_~", text[n])) &&
           strlen(text) < 24;
}

static void add_component(struct components *out, const char *name, size_t length,
                          const char *version)
{
    MEM_PUSH(out->items, out->count, out->cap) =
        (struct component){str_lower(mem_strndup(name, length)), mem_strdup(version)};
}

/* The parts of a tag between dashes: a word and then a version, or both in one ("python3.11"). */
static void split_tag(const char *tag, struct components *out)
{
    autostrv parts = STRV_INIT;
    strv_split(&parts, tag, '-');
    for (size_t i = 0; i < parts.count; i++) {
        const char *part = parts.items[i];
        size_t letters = strcspn(part, "0123456789");
        if (letters > 1 && part[letters] && is_version(part + letters) &&
            !(i + 1 < parts.count && is_version(parts.items[i + 1])))
            add_component(out, part, letters, part + letters);
        else if (letters > 1 && i + 1 < parts.count && is_version(parts.items[i + 1]))
            add_component(out, part, strlen(part), parts.items[i + 1]);
    }
}

/* ---- evidence ---- */

static void add_evidence(struct evidence *e, const char *version, const char *place)
{
    if (!*version || strv_contains(&e->versions, version))
        return;
    strv_add(&e->versions, version);
    strv_add(&e->places, place);
}

/* Variables such as PYTHON_VERSION, as many images have them. */
static void look_into_variables(const struct static_image *image, const char *name,
                                struct evidence *e)
{
    static const char *const forms[] = {"_VERSION", "_MAJOR"};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        autofree char *variable = mem_printf("%s%s", name, forms[i]);
        for (char *p = variable; *p; p++)
            *p = (char)toupper((unsigned char)*p);
        const char *value = static_env(image, variable);
        if (value)
            add_evidence(e, value, variable);
    }
}

/* Other names that packages have for the same. */
static const char *package_name(const char *name)
{
    static const char *const pairs[][2] = {{"postgres", "postgresql"},
                                           {"node", "nodejs"},
                                           {"python", "python3"},
                                           {"cuda", "cuda-cudart"}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (!strcmp(pairs[i][0], name))
            return pairs[i][1];
    return name;
}

/* The upstream version of a Debian package: without epoch and revision. The caller frees it. */
static char *upstream(const char *version)
{
    const char *colon = strchr(version, ':');
    const char *start = colon ? colon + 1 : version, *dash = strrchr(start, '-');
    return mem_strndup(start, dash ? (size_t)(dash - start) : strlen(start));
}

/* A package called NAME, or NAME-15 and the like. */
static void look_into_packages(const struct static_image *image, const char *name,
                               struct evidence *e)
{
    const char *wanted = package_name(name);
    size_t n = strlen(wanted);
    struct dpkg_packages packages = {0};
    dpkg_read(image->tree, &packages);
    for (size_t i = 0; i < packages.count; i++) {
        const char *found = packages.items[i].name;
        bool same = !strncmp(found, wanted, n) &&
                    (!found[n] || (found[n] == '-' && isdigit((unsigned char)found[n + 1]) &&
                                   strspn(found + n + 1, "0123456789.-") == strlen(found + n + 1)));
        if (!same)
            continue;
        autofree char *version = upstream(packages.items[i].version);
        autofree char *place = mem_printf("the package %s", found);
        /* a package that only depends on the newest says "15+248" */
        version[strcspn(version, "+~")] = '\0';
        add_evidence(e, version, place);
    }
    dpkg_release(&packages);
}

/* /usr/lib/postgresql/15, /usr/bin/python3.11, /usr/local/cuda-12.8. */
static void look_into_folders(const struct static_image *image, const char *name,
                              struct evidence *e)
{
    static const char *const folders[] = {"/usr/lib",   "/usr/local/lib", "/opt",
                                          "/usr/local", "/usr/bin",       "/usr/local/bin"};
    size_t n = strlen(name);
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        const struct tree_node *folder = image_tree_find(image->tree, folders[i], true);
        for (const struct tree_node *c = folder ? folder->child : NULL; c; c = c->next) {
            const char *base = path_base(c->path);
            const char *version = base + n + (!strncmp(base, name, n) && base[n] == '-');
            if (!strncmp(base, name, n) && is_version(version) && strchr(version, '.'))
                add_evidence(e, version, c->path);
            if (strcmp(base, package_name(name)) != 0)
                continue;
            for (const struct tree_node *v = c->child; v; v = v->next)
                if (is_version(path_base(v->path)))
                    add_evidence(e, path_base(v->path), v->path);
        }
    }
}

/* "ID=debian" and "VERSION_ID=12" of /etc/os-release. */
static void look_into_release(const struct static_image *image, const char *name,
                              struct evidence *e)
{
    const char *text = tree_text(image_tree_find(image->tree, "/etc/os-release", true));
    autofree char *id = text ? wheel_venv_value(text, "ID") : NULL;
    autofree char *version = text ? wheel_venv_value(text, "VERSION_ID") : NULL;
    if (!id || !version)
        return;
    char *bare = *version == '"' ? version + 1 : version;
    bare[strcspn(bare, "\"")] = '\0';
    if (!strcmp(*id == '"' ? id + 1 : id, name) ||
        (*id == '"' && !strncmp(id + 1, name, strlen(name))))
        add_evidence(e, bare, "/etc/os-release");
}

static void look_into_wheels(const struct static_image *image, const char *name, struct evidence *e)
{
    autostrv environments = STRV_INIT;
    wheels_environments(image->tree, image->nodes, &environments);
    for (size_t i = 0; i < environments.count; i++) {
        autowheels wheels = {0};
        wheels_read(image->tree, image->nodes, environments.items[i], &wheels);
        const struct wheel *found = wheels_find(&wheels, name);
        if (found)
            add_evidence(e, found->version, found->info->path);
        if (!strcmp(name, "python"))
            add_evidence(e, wheels.full_version, environments.items[i]);
    }
}

/* ---- the check ---- */

/* "15" is true of "15.13", and "15.13" of a component that only tells "15". */
static bool agrees(const char *said, const char *found)
{
    size_t a = strlen(said), b = strlen(found), n = a < b ? a : b;
    if (strncmp(said, found, n) != 0)
        return false;
    const char *rest = a < b ? found + n : said + n;
    return !isdigit((unsigned char)*rest);
}

static void check_component(struct static_run *run, const struct component *c)
{
    struct evidence e = {0};
    look_into_release(run->image, c->name, &e);
    look_into_variables(run->image, c->name, &e);
    look_into_packages(run->image, c->name, &e);
    look_into_folders(run->image, c->name, &e);
    look_into_wheels(run->image, c->name, &e);
    bool good = false;
    for (size_t i = 0; i < e.versions.count; i++)
        good |= agrees(c->version, e.versions.items[i]);
    run->looked += e.versions.count > 0;
    if (e.versions.count && !good && !static_rule_allows(run->rule, c->name))
        static_problem(run, NULL, "the tag says %s %s, and %s is %s", c->name, c->version,
                       e.places.items[0], e.versions.items[0]);
    else if (good && !run->problems)
        str_addf(&run->out->detail, "%s%s %s", run->out->detail.len ? ", " : "", c->name,
                 c->version);
    strv_release(&e.versions);
    strv_release(&e.places);
}

/* A tag that begins with a platform's name must be of that platform. */
static void check_platform(struct static_run *run, const char *tag)
{
    static const char *const names[] = {"linux-amd64", "linux-arm64",   "linux-arm",    "linux-386",
                                        "linux-s390x", "linux-ppc64le", "linux-riscv64"};
    char own[48];
    platform_text(run->image->platform, '-', own);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t n = strlen(names[i]);
        if (strncmp(tag, names[i], n) != 0 || isalnum((unsigned char)tag[n]))
            continue;
        run->looked++;
        if (strncmp(own, names[i], n) != 0)
            static_problem(run, NULL, "the tag says %s, and the image is for %s", names[i], own);
    }
}

void static_tags(struct static_run *run)
{
    const char *tag = run->image->tag;
    struct components list = {0};
    if (tag) {
        check_platform(run, tag);
        split_tag(tag, &list);
    }
    for (size_t i = 0; i < list.count; i++)
        check_component(run, &list.items[i]);
    components_release(&list);
    if (!run->problems && !run->out->detail.len)
        str_addf(&run->out->detail, "%s",
                 tag ? "it names no component that the image tells of" : "there is no tag");
}

/* ---- CUDA ---- */

/* CUDA's newest version that a driver brings, by the driver's (NVIDIA's CUDA release notes, "CUDA
 * Toolkit and Corresponding Driver Versions"). */
static const struct {
    int driver, cuda; /* cuda: major * 100 + minor */
} drivers[] = {{580, 1300}, {575, 1209}, {570, 1208}, {565, 1207}, {560, 1206},
               {555, 1205}, {550, 1204}, {545, 1203}, {535, 1202}, {530, 1201},
               {525, 1200}, {520, 1108}, {515, 1107}, {510, 1106}, {495, 1105},
               {470, 1104}, {465, 1103}, {460, 1102}, {455, 1101}, {450, 1100}};

static int cuda_number(const char *text)
{
    char *end;
    long major = strtol(text, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return (int)(major * 100 + minor % 100);
}

static bool compares(int found, const char *operator, int wanted)
{
    if (!strncmp(operator, ">=", 2))
        return found >= wanted;
    if (!strncmp(operator, "<=", 2))
        return found <= wanted;
    if (!strncmp(operator, "!=", 2))
        return found != wanted;
    return *operator== '>' ? found > wanted : * operator== '<' ? found < wanted : found == wanted;
}

/* One of "cuda>=12.8", "driver<471", "brand=tesla". 1 holds, 0 not, -1 not known, -2 nonsense. */
static int requirement_holds(const char *text, int driver, int cuda)
{
    size_t n = strcspn(text, "<>=!");
    const char *value = text + n + strspn(text + n, "<>=!");
    if (!n || !text[n] || !*value)
        return -2;
    bool about_cuda = !strncmp(text, "cuda", n) && n == 4;
    bool about_driver = !strncmp(text, "driver", n) && n == 6;
    if ((about_cuda || about_driver) && !isdigit((unsigned char)*value))
        return -2;
    if (about_cuda)
        return cuda ? compares(cuda, text + n, cuda_number(value)) : -1;
    if (about_driver)
        return driver ? compares(driver, text + n, atoi(value)) : -1;
    return !strncmp(text, "brand", n) || !strncmp(text, "arch", n) ? -1 : -2;
}

/* Alternatives stand between blanks, what must hold together between commas. The result of the best
 * alternative. */
static int requirements_hold(const char *text, int driver, int cuda)
{
    autostrv alternatives = STRV_INIT;
    strv_split(&alternatives, text, ' ');
    int best = 0;
    for (size_t i = 0; i < alternatives.count; i++) {
        autostrv parts = STRV_INIT;
        if (!alternatives.items[i][0])
            continue;
        strv_split(&parts, alternatives.items[i], ',');
        int all = 1;
        for (size_t k = 0; k < parts.count; k++) {
            int one = requirement_holds(parts.items[k], driver, cuda);
            if (one == -2)
                return -2;
            all = one == 0 || all == 0 ? 0 : one < 0 ? -1 : all;
        }
        best = all == 1 || best == 1 ? 1 : all < 0 ? -1 : best;
    }
    return best;
}

/* A toolkit's programs need a driver of the same major version. */
static void check_toolkit(struct static_run *run, const char *required)
{
    const char *toolkit = static_env(run->image, "CUDA_VERSION");
    const char *floor = strstr(required, "cuda>=");
    if (toolkit && floor && cuda_number(floor + 6) / 100 != cuda_number(toolkit) / 100)
        static_problem(run, NULL, "the toolkit is CUDA %s, and NVIDIA_REQUIRE_CUDA asks for %.*s",
                       toolkit, (int)strcspn(floor, " ,"), floor);
}

/* CUDA's newest version that a driver brings, as major * 100 + minor; 0: too old to be known. */
static int cuda_of_driver(int driver)
{
    for (size_t i = 0; i < COUNT_OF(drivers); i++)
        if (driver >= drivers[i].driver)
            return drivers[i].cuda;
    return 0;
}

void static_cuda(struct static_run *run)
{
    const char *required = static_env(run->image, "NVIDIA_REQUIRE_CUDA");
    const char *driver = run->image->driver;
    if (!required || !*required) {
        str_add(&run->out->detail, "nothing is required");
        return;
    }
    int major = driver ? atoi(driver) : 0, cuda = cuda_of_driver(major);
    int held = requirements_hold(required, major, cuda);
    if (held == -2) {
        static_problem(run, NULL, "NVIDIA_REQUIRE_CUDA is “%.80s”, which makes no sense", required);
        return;
    }
    check_toolkit(run, required);
    if (driver && held == 0)
        static_problem(run, NULL,
                       "the host's driver %s brings CUDA %d.%d, and the image requires “%.80s”",
                       driver, cuda / 100, cuda % 100, required);
    if (!run->problems)
        str_addf(&run->out->detail, "%s%s", driver ? "will do: driver " : "this host has no driver",
                 driver ? driver : "");
}
